"""What agents are given: the stages they carry runs to."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from streams.lanes import Lanes
from streams.live_ticker import Ticker
from streams.watchdog import Watchdog


class Deps(Struct, frozen=True):
    """The stages of one worker, wired in `agents.worker`; `fail` ends the process."""

    feed_lanes: Lanes
    ledger_lanes: Lanes
    ticker: Ticker
    watchdog: Watchdog
    count_open: Callable[[], Awaitable[None]]
    fail: Callable[[BaseException], None]
