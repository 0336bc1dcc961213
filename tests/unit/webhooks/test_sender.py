"""One attempt, to a real receiver on loopback: signed, in time, to checked addresses only."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from config.endpoints import WebhookEndpoint
from streams.webhooks.guard import UrlRefused
from streams.webhooks.outcome import Outcome, Result
from streams.webhooks.sender import WebhookSender
from streams.webhooks.signing import Signer, decoded_secret
from tests.support.notifier import SECRET
from tests.support.webhook_receiver import verified
from tests.unit.webhooks.test_guard import Answers

BODY = b'{"type":"ebbwatch.test"}'
NOW_S = 1_767_600_000.0
Answer = Callable[[web.Request], Any]


class Receiver:
    """Answers as `answer` says, on an address of loopback; keeps what came."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.came: list[tuple[dict[str, str], bytes]] = []
        self.port = 0
        self._answer = answer

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> "Receiver":
        pages = web.Application()
        pages.router.add_route("*", "/{path:.*}", self._receive)
        self._runner = web.AppRunner(pages, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.came.append(({name.lower(): value for name, value in request.headers.items()}, body))
        answer = web.Response(status=204) if self._answer is None else await self._answer(request)
        assert isinstance(answer, web.StreamResponse)
        return answer


@pytest.fixture
async def receivers() -> AsyncIterator[list[Receiver]]:
    """Those that a test has started, stopped in the end."""
    started: list[Receiver] = []
    yield started
    for receiver in started:
        await receiver.stop()


def endpoint(port: int, host: str = "127.0.0.1", **options: Any) -> WebhookEndpoint:
    loopback: dict[str, Any] = {"allow_http": True, "allow_networks": ["127.0.0.1/32"], "allow_ports": [port]}
    url = f"http://{host}:{port}/hook"
    return WebhookEndpoint(name="a", secrets=["env:A"], **{"url": url, **loopback, **options})


async def attempt(endpoint: WebhookEndpoint, times: int = 1, resolver: Answers | None = None) -> list[Result]:
    resolving = (lambda: resolver) if resolver else aiohttp.ThreadedResolver
    sender = WebhookSender(endpoint, Signer([decoded_secret(SECRET)]), resolving, lambda: NOW_S)
    await sender.start()
    try:
        return [await sender.send("abc.1", BODY) for _ in range(times)]
    finally:
        await sender.close()


def answering(status: int, body: bytes = b"", **headers: str) -> Answer:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return answer


async def test_a_delivery(receivers: list[Receiver]) -> None:
    """By POST, as JSON, signed for the time of the attempt, with nothing of us but a name."""
    receiver = await Receiver().start()
    receivers.append(receiver)
    assert await attempt(endpoint(receiver.port)) == [Result(Outcome.DELIVERED, 204)]
    ((headers, body),) = receiver.came
    assert body == BODY
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == "abc.1"
    assert verified(SECRET, headers, body, NOW_S)
    assert "cookie" not in headers
    assert "authorization" not in headers


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.DELIVERED),
        (299, Outcome.DELIVERED),
        (304, Outcome.REJECTED),
        (400, Outcome.REJECTED),
        (404, Outcome.REJECTED),
        (410, Outcome.GONE),
        (429, Outcome.THROTTLED),
        (500, Outcome.FAILED),
        (503, Outcome.FAILED),
    ],
)
async def test_what_a_status_means(receivers: list[Receiver], status: int, outcome: Outcome) -> None:
    """2xx is the only success, 410 and 429 have their own meaning."""
    receivers.append(await Receiver(answering(status)).start())
    assert await attempt(endpoint(receivers[0].port)) == [Result(outcome, status)]


@pytest.mark.parametrize(("status", "expected"), [(429, 7.0), (503, 7.0), (500, None), (204, None)])
async def test_whose_retry_after_counts(receivers: list[Receiver], status: int, expected: float | None) -> None:
    """That of 429 and 503."""
    receivers.append(await Receiver(answering(status, Retry_After="7")).start())
    (result,) = await attempt(endpoint(receivers[0].port))
    assert result.retry_after_s == expected


async def test_a_receiver_that_hangs_costs_its_time_limit(receivers: list[Receiver]) -> None:
    """And no more."""

    async def hang(_request: web.Request) -> web.Response:
        await asyncio.sleep(3600)
        raise AssertionError

    receivers.append(await Receiver(hang).start())
    assert await attempt(endpoint(receivers[0].port, timeout_s=0.2)) == [Result(Outcome.TIMED_OUT)]


async def test_an_endless_answer_is_cut_off(receivers: list[Receiver]) -> None:
    """The status has come; what follows is nobody's memory's business."""

    async def pour(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(b"x" * 65_536)

    receivers.append(await Receiver(pour).start())
    assert await attempt(endpoint(receivers[0].port)) == [Result(Outcome.DELIVERED, 200)]


async def test_a_closed_port_is_unreachable(receivers: list[Receiver]) -> None:
    """Said as what it is."""
    receiver = await Receiver().start()
    await receiver.stop()
    assert await attempt(endpoint(receiver.port)) == [Result(Outcome.UNREACHABLE)]


async def test_what_is_no_http_is_a_failure() -> None:
    """Whatever answers on that port."""

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    (result,) = await attempt(endpoint(port))
    server.close()
    await server.wait_closed()
    assert result.outcome in (Outcome.FAILED, Outcome.UNREACHABLE)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(receivers: list[Receiver], status: int) -> None:
    """Not even to a place that the endpoint may reach."""
    inner = await Receiver().start()
    outer = await Receiver(answering(status, Location=f"http://127.0.0.1:{inner.port}/inner")).start()
    receivers += [inner, outer]
    options: dict[str, Any] = {"allow_ports": [outer.port, inner.port]}
    assert await attempt(endpoint(outer.port, **options)) == [Result(Outcome.REJECTED, status)]
    assert inner.came == []


async def test_a_name_for_loopback_is_refused_by_default(receivers: list[Receiver]) -> None:
    """Somebody listens there, and hears nothing."""
    receiver = await Receiver().start()
    receivers.append(receiver)
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "10.0.0.1"):
        by_default = endpoint(receiver.port, "receiver.example", allow_networks=[])
        assert await attempt(by_default, resolver=Answers([address])) == [Result(Outcome.REFUSED)]
    assert receiver.came == []


async def test_localhost_is_refused_by_default(receivers: list[Receiver]) -> None:
    """As this machine itself resolves it."""
    receiver = await Receiver().start()
    receivers.append(receiver)
    assert await attempt(endpoint(receiver.port, "localhost", allow_networks=[])) == [Result(Outcome.REFUSED)]
    assert receiver.came == []


async def test_an_address_in_odd_form_does_not_even_start(receivers: list[Receiver]) -> None:
    """Refused when the endpoint is configured, before anything is sent."""
    receiver = await Receiver().start()
    receivers.append(receiver)
    for host in ("2130706433", "0x7f.1", "127.1", "[::1]", "a@127.0.0.1", "127.0.0.1"):
        with pytest.raises(UrlRefused):
            await attempt(endpoint(receiver.port, host, allow_networks=[]))
    assert receiver.came == []


async def test_a_name_that_changes_its_address_is_followed_only_to_what_is_allowed(receivers: list[Receiver]) -> None:
    """DNS rebinding: one look-up an attempt, and the connection goes to the address that was checked."""
    allowed = await Receiver(answering(204, Connection="close")).start()
    inner = await Receiver().start("127.0.0.2", allowed.port)
    receivers += [allowed, inner]
    changing = Answers(["127.0.0.1"], ["127.0.0.2"], ["127.0.0.1", "127.0.0.2"], ["127.0.0.1"])
    results = await attempt(endpoint(allowed.port, "receiver.example"), 4, changing)
    assert [result.outcome for result in results] == [
        Outcome.DELIVERED,
        Outcome.REFUSED,
        Outcome.REFUSED,
        Outcome.DELIVERED,
    ]
    assert changing.asked == 4
    assert len(allowed.came) == 2
    assert inner.came == []


async def test_the_last_check_holds_without_the_others(
    receivers: list[Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even a resolver that nobody checks leads no socket to a forbidden address."""
    receiver = await Receiver().start()
    receivers.append(receiver)

    async def unchecked(self: Any, host: str, port: int, family: Any) -> Any:
        return await self._inner.resolve(host, port, family)

    monkeypatch.setattr("streams.webhooks.guard.GuardedResolver.resolve", unchecked)
    by_default = endpoint(receiver.port, "receiver.example", allow_networks=[])
    assert await attempt(by_default, resolver=Answers(["127.0.0.1"])) == [Result(Outcome.REFUSED)]
    assert receiver.came == []


async def test_a_proxy_of_the_environment_is_not_used(
    receivers: list[Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would resolve and connect where nobody checks."""
    receiver, proxy = await Receiver().start(), await Receiver().start()
    receivers += [receiver, proxy]
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    assert await attempt(endpoint(receiver.port)) == [Result(Outcome.DELIVERED, 204)]
    assert proxy.came == []


async def test_cookies_are_not_kept(receivers: list[Receiver]) -> None:
    """An endpoint cannot make us carry anything from one delivery to the next."""
    receivers.append(await Receiver(answering(204, Set_Cookie="session=1; Path=/")).start())
    await attempt(endpoint(receivers[0].port, "receiver.example"), 2, Answers(["127.0.0.1"]))
    assert [headers.get("cookie") for headers, _ in receivers[0].came] == [None, None]
