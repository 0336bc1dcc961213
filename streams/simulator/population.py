"""The whole bank: life after life, sorted in runs, merged by time."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from operator import attrgetter
from types import TracebackType
from typing import Final

from models.events import FeedEvent
from streams.simulator.life import CustomerTruth
from streams.simulator.lives import live
from streams.simulator.parameters import SimulationParameters
from streams.simulator.rhythm import Calendar
from streams.simulator.spool import Spool
from streams.simulator.truth import Truth

_RUN_CUSTOMER_DAYS: Final = 60_000
"""Customer-days in one run: some 100,000 events, some 60 MB while they are sorted."""
_MAX_RUNS: Final = 200
"""Runs are merged with one open file each."""

_by_time = attrgetter("occurred_at")


class Simulation:
    """A simulated bank: its events and what was planted in them.

    More than one run's worth of customers is kept on disk (see `Spool`) until `close`, the end of a ``with`` block
    or the end of the process.
    """

    def __init__(self, truth: Truth, memory: list[FeedEvent], spool: Spool | None) -> None:
        self.truth: Final = truth
        self._memory = memory
        self._spool = spool

    @property
    def event_count(self) -> int:
        """How many events there are."""
        return sum(self.truth.events_by_type.values())

    def events(self) -> Iterator[FeedEvent]:
        """All events of all feeds in time order, by customer at the same second; may be called again."""
        return iter(self._memory) if self._spool is None else self._spool.merged()

    def close(self) -> None:
        """Free what is kept on disk; `events` cannot be called afterwards."""
        if self._spool is not None:
            self._spool.close()

    def __enter__(self) -> "Simulation":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def simulate(
    parameters: SimulationParameters,
    *,
    progress: Callable[[int], None] | None = None,
    run_customers: int | None = None,
) -> Simulation:
    """Live all lives. ``progress`` is told how many customers are done, after each.

    ``run_customers`` sets how many customers are sorted at once; it changes memory, never the events. Raises OSError
    when the disk for the runs is full.
    """
    calendar = Calendar(parameters.start, parameters.days)
    if run_customers is None:
        run_customers = max(1, _RUN_CUSTOMER_DAYS // parameters.days, -(-parameters.customers // _MAX_RUNS))
    spool = Spool() if parameters.customers > run_customers else None
    truths: list[CustomerTruth] = []
    counts: Counter[str] = Counter()
    run: list[FeedEvent] = []
    try:
        for number in range(1, parameters.customers + 1):
            lived = live(number, parameters, calendar)
            run += lived.events
            truths.append(lived.truth)
            if spool is not None and (number % run_customers == 0 or number == parameters.customers):
                _count(counts, run)
                run.sort(key=_by_time)
                spool.add(run)
                run = []
            if progress is not None:
                progress(number)
    except BaseException:
        if spool is not None:
            spool.close()
        raise
    _count(counts, run)
    run.sort(key=_by_time)
    return Simulation(_truth(parameters, counts, truths), run, spool)


def _count(counts: Counter[str], events: list[FeedEvent]) -> None:
    counts.update(str(event.__struct_config__.tag) for event in events)


def _truth(parameters: SimulationParameters, counts: Counter[str], truths: list[CustomerTruth]) -> Truth:
    origin = parameters.origin
    return Truth(
        parameters=parameters,
        began_at=origin,
        ended_at=origin + timedelta(days=parameters.days),
        events_by_type=dict(sorted(counts.items())),
        attriters=[truth.attriter for truth in truths if truth.attriter is not None],
        decoys=[decoy for truth in truths for decoy in truth.decoys],
        episodes=[episode for truth in truths for episode in truth.episodes],
        cases=[case for truth in truths for case in truth.cases],
        newcomers=[truth.newcomer for truth in truths if truth.newcomer is not None],
    )
