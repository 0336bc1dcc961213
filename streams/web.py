"""Three pages and no more: `/metrics`, `/healthz` (the process turns), `/readyz` (it does its work, or why not)."""

from collections.abc import Callable

from aiohttp import web
from msgspec import json
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from streams.watchdog import Health


class AddressTaken(RuntimeError):
    """The web server cannot have its address."""


class WebServer:
    """Serves on one address until it is stopped."""

    def __init__(self, host: str, port: int, registry: CollectorRegistry, health: Callable[[], Health]) -> None:
        """Serve what `registry` and `health` say at the time of asking."""
        self._host = host
        self._port = port
        self._registry = registry
        self._health = health
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Bind; raises `AddressTaken`."""
        pages = web.Application()
        pages.router.add_get("/metrics", self._metrics)
        pages.router.add_get("/healthz", self._healthz)
        pages.router.add_get("/readyz", self._readyz)
        self._runner = web.AppRunner(pages, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise AddressTaken(f"{self._host}:{self._port}: cannot be listened on ({error.strerror})") from None

    async def stop(self) -> None:
        """Close the address."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        health = self._health()
        body = json.encode(
            {"ready": not health.reasons, **{name: getattr(health, name) for name in ("reasons", "assigned", "lag")}}
        )
        return web.Response(body=body, status=503 if health.reasons else 200, content_type="application/json")
