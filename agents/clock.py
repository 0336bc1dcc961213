"""The ticker, the watchdog and the gauges: what has to happen whether or not an event comes."""

from agents.deps import Deps
from streams.app import WorkerApp
from streams.complaint_gauges import REFRESH_EVERY_S

_TICK_EVERY_S = 1.0
_LOOK_EVERY_S = 2.0


def register(app: WorkerApp, deps: Deps) -> None:
    """Write a tick into every owned shard each second, see whether the worker gets on, and count what is open."""

    async def tick() -> None:
        try:
            await deps.ticker.tick()
        except Exception as error:
            deps.fail(error)

    async def look() -> None:
        try:
            await deps.watchdog.look()
        except Exception as error:
            deps.fail(error)

    async def count() -> None:
        try:
            await deps.count_open()
        except Exception as error:
            deps.fail(error)

    app.timer(_TICK_EVERY_S, name="tick")(tick)
    app.timer(_LOOK_EVERY_S, name="watchdog")(look)
    app.timer(REFRESH_EVERY_S, name="count_open")(count)
