"""Requirements of the process: what must have happened by the time a step is taken, judged from the steps alone."""

from collections.abc import Sequence

from msgspec import Struct

from models.case_timeline import Moment
from models.complaint_rules import Demand
from models.conditions import hold


class Asked(Struct, kw_only=True):
    """A requirement that a step has called for in one cycle.

    `asked_ms` is the time of that step, `judged_ms` when everything needed must have happened; `met` whether it had by
    then, `made_good_ms` when the last of it came later (None: it has not).
    """

    demand: Demand
    cycle: int
    asked_ms: int
    asked_by: str
    judged_ms: int
    met: bool
    made_good_ms: int | None = None

    @property
    def key(self) -> str:
        """Identity within the case: profile, requirement and cycle."""
        return f"{self.demand.key}/{self.cycle}"


def ask(demand: Demand, moments: Sequence[Moment]) -> list[Asked]:
    """Where `demand` was called for: the first time in each cycle."""
    asked: dict[int, Asked] = {}
    at = demand.at
    for place, moment in enumerate(moments):
        if not (at.every or moment.step in at.names) or moment.cycle in asked:
            continue
        if not at.match(moment.step, moment.said) or not hold(demand.when, moment.known):
            continue
        if demand.given:
            before = [one for one in moments[: place + 1] if one.cycle == moment.cycle]
            if not all(any(given.match(one.step, one.said) for one in before) for given in demand.given):
                continue
        asked[moment.cycle] = _judged(demand, moment, moments)
    return list(asked.values())


def _judged(demand: Demand, moment: Moment, moments: Sequence[Moment]) -> Asked:
    judged_ms = moment.at_ms + demand.wait_ms
    met_ms: list[int] = []
    for need in demand.needs:
        times = [
            one.at_ms
            for one in moments
            if (need.every or one.step in need.names) and one.cycle == moment.cycle and need.match(one.step, one.said)
        ]
        if times:
            met_ms.append(times[0])
    complete = len(met_ms) == len(demand.needs)
    met = complete and max(met_ms) <= judged_ms
    return Asked(
        demand=demand,
        cycle=moment.cycle,
        asked_ms=moment.at_ms,
        asked_by=moment.event_id,
        judged_ms=judged_ms,
        met=met,
        made_good_ms=max(met_ms) if complete and not met else None,
    )
