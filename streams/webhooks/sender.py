"""One attempt to deliver by HTTP: signed anew, to a checked address, within its time, whatever the other side does."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime

import aiohttp
from aiohttp.abc import AbstractResolver

from config.endpoints import WebhookEndpoint
from streams.webhooks.backoff import retry_after_s
from streams.webhooks.guard import AddressRefused, Guard, GuardedResolver
from streams.webhooks.outcome import Outcome, Result
from streams.webhooks.signing import Signer

_MOST_OF_AN_ANSWER_BYTES = 65_536
_REST_OF_AN_ANSWER_S = 1.0
_IDLE_S = 30.0


class CertificatesUnusable(ValueError):
    """A `ca_file` without certificates."""


class WebhookSender:
    """Sends to one endpoint; a `streams.webhooks.outcome.Channel`. It has its own connections, shared with no other."""

    def __init__(
        self,
        endpoint: WebhookEndpoint,
        signer: Signer,
        resolver: Callable[[], AbstractResolver] = aiohttp.ThreadedResolver,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        """Check the URL; raises `UrlRefused`, `CertificatesUnusable`. Nothing is connected yet."""
        self._endpoint = endpoint
        self._signer = signer
        self._guard = Guard(endpoint.allow_http, endpoint.allow_ports, endpoint.allow_networks)
        self._url = self._guard.checked_url(endpoint.url)
        try:
            self._tls = ssl.create_default_context(cafile=endpoint.ca_file or None)
        except (ssl.SSLError, OSError):
            raise CertificatesUnusable("ca_file: holds no certificates in PEM") from None
        self._resolver = resolver
        self._now_s = now_s
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """See `Channel.start`."""
        connector = aiohttp.TCPConnector(
            resolver=GuardedResolver(self._guard, self._resolver()),
            use_dns_cache=False,
            socket_factory=self._guard.socket,
            ssl=self._tls,
            limit=self._endpoint.max_in_flight,
            keepalive_timeout=_IDLE_S,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=self._endpoint.timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            headers={"User-Agent": "Ebbwatch", "Content-Type": "application/json"},
        )

    async def close(self) -> None:
        """See `Channel.close`."""
        if self._session is not None:
            await self._session.close()

    async def send(self, webhook_id: str, body: bytes) -> Result:
        """See `Channel.send`."""
        assert self._session is not None  # noqa: S101 - started
        headers = self._signer.headers(webhook_id, int(self._now_s()), body)
        try:
            async with self._session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                result = self._judged(answer)
                await _drain(answer)
                return result
        except TimeoutError:
            return Result(Outcome.TIMED_OUT)
        except aiohttp.ClientConnectorError as error:
            return Result(Outcome.REFUSED if isinstance(error.os_error, AddressRefused) else Outcome.UNREACHABLE)
        except (aiohttp.ClientConnectionError, OSError):
            return Result(Outcome.UNREACHABLE)
        except aiohttp.ClientError:
            return Result(Outcome.FAILED)

    def _judged(self, answer: aiohttp.ClientResponse) -> Result:
        status = answer.status
        if 200 <= status < 300:
            return Result(Outcome.DELIVERED, status)
        now = datetime.fromtimestamp(self._now_s(), UTC)
        after_s = None
        if status in (429, 503):
            after_s = retry_after_s(answer.headers.get("Retry-After"), now, self._endpoint.retry_after_most_s)
        outcomes = {410: Outcome.GONE, 429: Outcome.THROTTLED}
        outcome = outcomes.get(status, Outcome.REJECTED if 300 <= status < 500 else Outcome.FAILED)
        return Result(outcome, status, after_s)


async def _drain(answer: aiohttp.ClientResponse) -> None:
    """Read a short answer to its end, so that its connection can be used again; cut a long one off."""
    with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
        async with asyncio.timeout(_REST_OF_AN_ANSWER_S):
            await answer.content.read(_MOST_OF_AN_ANSWER_BYTES)
            if answer.content.at_eof():
                return
    answer.close()
