"""How verdicts differ between two versions of the policies, and between what was known then and what is known now."""

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct

from models import sla
from models.case_replay import ClockKey, FirstWord
from models.case_state import CaseState
from models.case_view import view
from models.complaint_rules import Clock, ComplaintRules
from models.sla import ClockRun, Verdict

HEARD_LATE = "heard late"
OTHER_TARGET = "other target"
OTHER_CALENDAR = "other calendar"
OTHER_CONDITIONS = "other conditions"
NEW_CLOCK = "new clock"
DROPPED_CLOCK = "dropped clock"
_SAME = {Verdict.LATE: Verdict.BREACHED, Verdict.PAUSED: Verdict.RUNNING}
"""Verdicts that differ only in whether the step has come by then."""


class Judged(Struct, frozen=True):
    """How a clock stands once everything is known."""

    run: ClockRun
    verdict: Verdict


class Difference(Struct, frozen=True):
    """A clock that is judged otherwise now than it was then; None where there was no such clock.

    `reasons` are all that the two differ in and that bears on it.
    """

    key: ClockKey
    then: FirstWord | None
    now: Judged | None
    reasons: tuple[str, ...]


def judge(cases: Mapping[tuple[str, str], CaseState], rules: ComplaintRules, at_ms: int) -> dict[ClockKey, Judged]:
    """Every clock of `cases` by `rules`, with everything known, as it stands at `at_ms`."""
    found: dict[ClockKey, Judged] = {}
    for (customer_id, case_id), case in cases.items():
        for _, run in view(case, rules).runs:
            key = ClockKey(customer_id, case_id, run.clock.profile, run.clock.policy.name, run.cycle)
            found[key] = Judged(run, sla.verdict(run, max(at_ms, case.milestones[-1].at_ms)))
    return found


def counts(verdicts: Iterable[tuple[ClockKey, Verdict]]) -> dict[tuple[str, str], Counter[Verdict]]:
    """How often each verdict was given, by profile and clock."""
    found: dict[tuple[str, str], Counter[Verdict]] = {}
    for key, verdict in verdicts:
        found.setdefault((key.profile, key.clock), Counter())[verdict] += 1
    return found


def differences(
    first: Mapping[ClockKey, FirstWord], old: Mapping[ClockKey, Judged], new: Mapping[ClockKey, Judged]
) -> list[Difference]:
    """The clocks on which `first`, told by the old policies, and `new` differ; `old` is the old policies' word now.

    Late and breached are the same here, and so are running and paused.
    """
    found: list[Difference] = []
    for key in sorted({*first, *new}):
        then, now, between = first.get(key), new.get(key), old.get(key)
        said = None if then is None else _same(then.verdict)
        says = None if now is None else _same(now.verdict)
        if said == says:
            continue
        middle = None if between is None else _same(between.verdict)
        reasons = [HEARD_LATE] if said != middle else []
        if middle != says:
            reasons += _policy_reasons(between, now)
        found.append(Difference(key, then, now, tuple(reasons)))
    return found


def _same(verdict: Verdict) -> Verdict:
    return _SAME.get(verdict, verdict)


def _policy_reasons(old: Judged | None, new: Judged | None) -> list[str]:
    if old is None:
        return [NEW_CLOCK]
    if new is None:
        return [DROPPED_CLOCK]
    was, now = old.run.clock, new.run.clock
    found = []
    if _limits(was) != _limits(now):
        found.append(OTHER_TARGET)
    if _days(was) != _days(now):
        found.append(OTHER_CALENDAR)
    # Whatever else there is: another condition, or other words for opening, closing and reopening a case.
    return found if found and _conditions(was) == _conditions(now) else [*found, OTHER_CONDITIONS]


def _limits(clock: Clock) -> tuple[object, ...]:
    policy = clock.policy
    return policy.target, policy.unit, policy.targets, policy.extensions


def _days(clock: Clock) -> tuple[object, ...]:
    digest = "" if clock.calendar is None else clock.calendar.digest
    return digest, clock.policy.counting, clock.policy.ends


def _conditions(clock: Clock) -> tuple[object, ...]:
    policy = clock.policy
    return policy.start, policy.stop, policy.pause, policy.resume, policy.reset, policy.cancel
