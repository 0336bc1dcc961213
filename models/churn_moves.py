"""Why a score moved from one telling to the next: which groups of features moved it, and what happened meanwhile.

The difference is exact. What the customer did is weighed by the model that was in force before, and what another model
makes of the same customer is a part of its own. What happened is put beside the group that it counts for; a group that
moved with nothing beside it moved by time alone.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from msgspec import Struct

from models.churn_marks import OWN_ACTS, Kind, Mark
from models.churn_records import ScoreTold
from models.decay import DAY_MS
from models.events import epoch_ms
from models.feature_schema import Group
from models.rules import ChurnRules, Rules

MOST_PARTS = 3
_LEAST_SHARE = 0.15
"""A group that made less of a move than this does not explain it."""
_SILENT_DAYS = 3
_USUAL_DAYS = 90
"""What is usual is what was so in so many days before."""


MODEL = "another_model"
"""Stands for a group where another model is what moved the score."""


class Held(Struct, frozen=True):
    """What would have been told by the model that told the score before: the logit, and what each group adds to it."""

    logit: float
    groups: dict[str, float]


class Part(Struct, frozen=True):
    """A group, what it added to the logit from one telling to the next, and what happened meanwhile in words."""

    code: str
    change: float
    words: str


class Move(Struct, frozen=True):
    """The score moved; `parts` are what moved it that way most, the strongest first."""

    before: ScoreTold
    after: ScoreTold
    parts: list[Part]

    @property
    def size(self) -> float:
        """By how much the score moved; below 0 where it fell."""
        return (self.after.score or 0.0) - (self.before.score or 0.0)


def moves_of(
    told: Sequence[ScoreTold], held: Sequence[Held], marks: Sequence[Mark], churn: ChurnRules, rules: Rules
) -> list[Move]:
    """The larger moves, in the order of time: by `told_delta` or into another band.

    `held` has an entry for each of `told`; `marks` are in the order of time too.
    """
    found: list[Move] = []
    for before, after, held_after in zip(told, told[1:], held[1:], strict=False):
        if before.score is None or after.score is None:
            continue
        if before.band != after.band or abs(after.score - before.score) >= churn.told_delta:
            found.append(Move(before, after, _parts(before, after, held_after, marks, rules)))
    return found


def changes_of(before: ScoreTold, after: ScoreTold, held: Held) -> dict[str, float]:
    """What moved the logit, by group; all of it, so that the sum is the difference."""
    was = {reason.code: reason.contribution for reason in before.reasons}
    changes = {
        code: held.groups.get(code, 0.0) - was.get(code, 0.0) for code in sorted(was.keys() | held.groups.keys())
    }
    changes[MODEL] = after.logit - held.logit
    return changes


def _parts(before: ScoreTold, after: ScoreTold, held: Held, marks: Sequence[Mark], rules: Rules) -> list[Part]:
    up = after.logit >= before.logit
    pushed = [
        (code, change) for code, change in changes_of(before, after, held).items() if change and (change > 0) == up
    ]
    pushed.sort(key=lambda one: -abs(one[1]))
    least = _LEAST_SHARE * sum(abs(change) for _, change in pushed)
    span = _Span(before, after, marks, rules)
    return [
        Part(code, change, span.words(code, change)) for code, change in pushed[:MOST_PARTS] if abs(change) >= least
    ]


class _Span:
    """What happened after `before` was told, up to `after`; and in as long a time before that."""

    def __init__(self, before: ScoreTold, after: ScoreTold, marks: Sequence[Mark], rules: Rules) -> None:
        self._before, self._after, self._rules = before, after, rules
        self._from_ms, self._to_ms = epoch_ms(before.at), epoch_ms(after.at)
        self._days = max((self._to_ms - self._from_ms) / DAY_MS, 1 / 24)
        self._all = [mark for mark in marks if mark.at_ms <= self._to_ms]
        self._marks = [mark for mark in self._all if mark.at_ms > self._from_ms]

    def words(self, code: str, change: float) -> str:
        """What happened that counts for a group, in the direction of its change; empty for nothing."""
        if code == MODEL:
            return f"{self._before.model_version} became {self._after.model_version}"
        say = (_SAY_OF_FALL if change < 0 else _SAY).get(Group(code))
        return say(self) if say is not None else ""

    def _of(self, *kinds: Kind) -> list[Mark]:
        return [mark for mark in self._marks if mark.kind in kinds]

    def money(self) -> str:
        """Money out, its largest piece, and money in."""
        out, came = self._of(Kind.MONEY_OUT), self._of(Kind.MONEY_IN)
        words = []
        if out:
            largest = max(out, key=lambda mark: mark.cents)
            where = f", {largest.words}" if largest.words else ""
            which = f" in {len(out)} pieces, the largest {self._money(largest.cents)} on {self._day(largest)}{where}"
            words.append(
                self._money(sum(mark.cents for mark in out))
                + " went out"
                + (which if len(out) > 1 else f" on {self._day(largest)}{where}")
            )
        if came:
            words.append(f"{self._money(sum(mark.cents for mark in came))} came in")
        return "; ".join(words)

    def relief(self) -> str:
        """Money in, or else that what went out is longer ago."""
        came = self._of(Kind.MONEY_IN)
        return f"{self._money(sum(mark.cents for mark in came))} came in" if came else "what went out earlier fades"

    def acts(self) -> str:
        """How long nothing has been done, or how much was."""
        return self._silence() or self._pace(("own act", "own acts"), OWN_ACTS)

    def looks(self) -> str:
        """Logins and page views."""
        return self._pace(("login or page view", "logins or page views"), frozenset({Kind.LOOK}))

    def salary(self) -> str:
        """When it came last."""
        came = [mark for mark in self._all if mark.kind is Kind.SALARY]
        if not came:
            return "no salary has ever come"
        days = (self._to_ms - came[-1].at_ms) / DAY_MS
        return f"the last salary came on {self._day(came[-1])}" + (f", {days:.0f} days before" if days >= 1 else "")

    def contacts(self) -> str:
        """By reason."""
        reasons = Counter(mark.words for mark in self._of(Kind.CONTACT, Kind.ABANDONED))
        return ", ".join(f"{_many(number, 'contact')} about {reason}" for reason, number in reasons.most_common(2))

    def failures(self) -> str:
        """Complaints, promises broken, calls unanswered, logins that failed."""
        words = {
            Kind.COMPLAINT: "complaint",
            Kind.BROKEN: "broken promise",
            Kind.ABANDONED: "abandoned call",
            Kind.FAILED_LOGIN: "failed login",
        }
        found = {kind: self._of(kind) for kind in words}
        return ", ".join(
            f"{_many(len(marks), words[kind])} ({self._day(marks[-1])})" for kind, marks in found.items() if marks
        )

    def holdings(self) -> str:
        """What was opened and closed."""
        return ", ".join(
            f"{mark.kind.value} on {self._day(mark)}: {mark.words}" for mark in self._of(Kind.CLOSED, Kind.OPENED)[-3:]
        )

    def stage(self) -> str:
        """The stage of the lifecycle, where it changed."""
        same = self._before.stage == self._after.stage
        return "" if same else f"{self._before.stage} became {self._after.stage}"

    def _silence(self) -> str:
        acts = [mark for mark in self._all if mark.kind in OWN_ACTS]
        days = (self._to_ms - acts[-1].at_ms) / DAY_MS if acts else 0.0
        return f"nothing done for {days:.0f} days, since {self._day(acts[-1])}" if days >= _SILENT_DAYS else ""

    def _pace(self, words: tuple[str, str], kinds: frozenset[Kind]) -> str:
        times = [mark.at_ms for mark in self._all if mark.kind in kinds]
        now = sum(at_ms > self._from_ms for at_ms in times)
        if not now:
            return f"no {words[0]} since {self._day_of(times[-1])}" if times else f"never a {words[0]}"
        # Against the time before, so far as the customer has been heard of.
        since_ms = max(self._from_ms - _USUAL_DAYS * DAY_MS, self._all[0].at_ms) if self._all else self._from_ms
        days = (self._from_ms - since_ms) / DAY_MS
        said = f"{now} {words[now != 1]} in {_days_words(self._days)}"
        if days < 1:
            return said
        usual = sum(since_ms < at_ms <= self._from_ms for at_ms in times) / days * self._days
        return f"{said}, usually {usual:.0f}" if usual >= 1 else f"{said}, usually less"

    def _money(self, cents: int) -> str:
        return f"{self._rules.reporting_currency} {cents / 100:,.0f}"

    def _day(self, mark: Mark) -> str:
        return self._day_of(mark.at_ms)

    def _day_of(self, at_ms: int) -> str:
        days = self._rules.days
        return f"{days.date_of(days.day_of(at_ms)):%a %Y-%m-%d}"


_SAY: dict[Group, Callable[[_Span], str]] = {
    Group.OUTFLOW: _Span.money,
    Group.INFLOW: _Span.money,
    Group.OWN_MOVES: _Span.money,
    Group.INACTIVITY: _Span.acts,
    Group.DISENGAGEMENT: _Span.looks,
    Group.PAYROLL_LOST: _Span.salary,
    Group.COMPLAINT_RISK: _Span.contacts,
    Group.SERVICE_FAILURE: _Span.failures,
    Group.RELATIONSHIP: _Span.holdings,
    Group.LIFE_STAGE: _Span.stage,
}
_SAY_OF_FALL: dict[Group, Callable[[_Span], str]] = {
    **_SAY,
    Group.OUTFLOW: _Span.relief,
    Group.COMPLAINT_RISK: lambda _span: "earlier contacts fade",
    Group.SERVICE_FAILURE: lambda _span: "earlier failures fade",
}
"""These groups hold what speaks against the customer: they fall by time, whatever happened meanwhile."""


def _many(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _days_words(days: float) -> str:
    return _many(round(days), "day") if days >= 1 else _many(max(round(days * 24), 1), "hour")
