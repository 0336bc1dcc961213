"""A real HTTP receiver of webhooks, which verifies what it gets by the specification's words and misbehaves on demand.

It is written against the specification, with the standard library's hmac and not with the library that signs.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Callable
from random import Random
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from msgspec import Struct

TOLERANCE_S = 300
_LINGER_S = 0.2
"""Connections whose handshake failed are closed in turns of the loop that follow."""


class Manners(Struct, kw_only=True):
    """How a path answers: shares of failures and of hanging, requests a second before 429, answers before 410."""

    fails: float = 0.0
    hangs: float = 0.0
    most_each_s: int | None = None
    gone_after: int | None = None
    status: int = 204
    headers: dict[str, str] = {}


class Arrival(Struct, frozen=True):
    """One request; `status` 0 is one that was left hanging."""

    at_s: float
    path: str
    webhook_id: str
    body: bytes
    headers: dict[str, str]
    status: int
    verified: bool

    @property
    def data(self) -> dict[str, Any]:
        """What the body says of the alert."""
        data: dict[str, Any] = json.loads(self.body)["data"]
        return data


def verified(secret: str, headers: dict[str, str], body: bytes, now_s: float) -> bool:
    """Whether one of the signatures is right, and the attempt is of now."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    try:
        at = headers["webhook-timestamp"]
        signed = f"{headers['webhook-id']}.{at}.".encode() + body
        signatures = headers["webhook-signature"].split(" ")
    except KeyError:
        return False
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(expected, one) for one in signatures) and abs(now_s - int(at)) <= TOLERANCE_S


class WebhookReceiver:
    """Listens on loopback, in a thread of its own; everything that arrives is in `arrivals`, in order."""

    def __init__(self, secret: str, seed: int = 7, tls: ssl.SSLContext | None = None) -> None:
        """`manners` by path can be changed at any time; a path that is not in it answers 204."""
        self.arrivals: list[Arrival] = []
        self.manners: dict[str, Manners] = {}
        self.port = 0
        self._secret = secret
        self._draw = Random(seed)
        self._tls = tls
        self._answered: dict[str, int] = {}
        self._seconds: dict[tuple[str, int], int] = {}
        self._loop = asyncio.new_event_loop()
        self._hanging = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, name="receiver")

    def url(self, path: str) -> str:
        """Where a path is."""
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}{path}"

    def at(self, path: str) -> list[Arrival]:
        """What has arrived at a path."""
        return [arrival for arrival in list(self.arrivals) if arrival.path == path]

    def accepted(self, path: str) -> set[str]:
        """The ids that were answered 2xx at a path."""
        return {arrival.webhook_id for arrival in self.at(path) if 200 <= arrival.status < 300}

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._start)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._stop)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, what: Callable[[], Any]) -> None:
        asyncio.run_coroutine_threadsafe(what(), self._loop).result(30)

    async def _start(self) -> None:
        pages = web.Application()
        pages.router.add_post("/{path:.*}", self._receive)
        self._runner = web.AppRunner(pages, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        self._hanging.set()
        await self._runner.cleanup()
        await asyncio.sleep(_LINGER_S)

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        now_s = time.time()
        headers = {name.lower(): value for name, value in request.headers.items()}
        manners = self.manners.get(request.path, Manners())
        status, extra = self._choice(request.path, manners, now_s)
        self.arrivals.append(
            Arrival(
                now_s,
                request.path,
                headers.get("webhook-id", ""),
                body,
                headers,
                status,
                verified(self._secret, headers, body, now_s),
            )
        )
        if status == 0:
            await self._hanging.wait()
        return web.Response(status=status or 500, headers={**manners.headers, **extra})

    def _choice(self, path: str, manners: Manners, now_s: float) -> tuple[int, dict[str, str]]:
        answered = self._answered[path] = self._answered.get(path, 0) + 1
        if manners.gone_after is not None and answered > manners.gone_after:
            return 410, {}
        if manners.most_each_s is not None:
            second = (path, int(now_s))
            self._seconds[second] = self._seconds.get(second, 0) + 1
            if self._seconds[second] > manners.most_each_s:
                return 429, {"Retry-After": "1"}
        draw = self._draw.random()
        if draw < manners.hangs:
            return 0, {}
        if draw < manners.hangs + manners.fails:
            return self._draw.choice((500, 502, 503, 404)), {}
        return manners.status, {}
