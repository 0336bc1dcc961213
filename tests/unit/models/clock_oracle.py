"""One SLA clock by brute force: a walk through the minutes of a case, one after the other, with a state of its own.

Nothing here is shared with `models.sla` or `models.working_time`: what a minute is worth follows from dates and from
the clock on the wall, and deadlines are simply run into. It knows one cycle, and times in whole minutes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from config.calendars import CalendarPolicy, Weekday
from config.complaint_policies import ClockPolicy

HALF_HOUR = 30
MILLISECOND = Fraction(1, 60_000)
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_OF = {"minutes": 1, "hours": 60, "days": 1440, "business_minutes": 1, "business_hours": 60}

Number = int | Fraction
Happened = tuple[int, str, dict[str, str]]
"""Minute since 1970 UTC, step, and what it says."""


class Minutes:
    """What each minute is worth in the unit of a clock: a minute of it, or the share of a day in minutes of 1/1440."""

    def __init__(self, days: CalendarPolicy, unit: str) -> None:
        """By the dates of `days`; no offset changes within a half hour, nor do business hours."""
        self._days = days
        self._unit = unit
        self._zone = ZoneInfo(days.zone)
        self._worth: dict[int, Number] = {}

    def worth(self, minute: int) -> Number:
        """How much of the unit passes in this minute."""
        half_hour = minute // HALF_HOUR
        if half_hour not in self._worth:
            self._worth[half_hour] = self._look(self.local(half_hour * HALF_HOUR))
        return self._worth[half_hour]

    def local(self, minute: int) -> datetime:
        """The clock on the wall."""
        return datetime.fromtimestamp(minute * 60, UTC).astimezone(self._zone)

    def midnight(self, day: date) -> int:
        """The minute at which a day begins."""
        return round(datetime(day.year, day.month, day.day, tzinfo=self._zone).timestamp()) // 60

    def end_of_day(self, minute: int) -> Fraction:
        """The last millisecond of the day that a minute belongs to."""
        return self.midnight(self.local(minute).date() + timedelta(days=1)) - MILLISECOND

    def _look(self, wall: datetime) -> Number:
        day = wall.date()
        weekday = WEEKDAYS[day.weekday()]
        usual = weekday in self._days.working_weekdays
        works = day in self._days.workdays or (usual and day not in self._days.holidays)
        if self._unit in ("minutes", "hours", "days"):
            return 1
        if self._unit.startswith("business"):
            if not works:
                return 0
            first = min(self._days.working_weekdays, key=WEEKDAYS.index)
            spans = self._days.hours[weekday if weekday in self._days.hours else first]
            clock = wall.strftime("%H:%M")
            return int(any(span[:5] <= clock < span[6:] for span in spans))
        if self._unit == "working_days" and not works:
            return 0
        length = self.midnight(day + timedelta(days=1)) - self.midnight(day)
        return 1 if length == 1440 else Fraction(1440, length)


@dataclass
class Outcome:
    """What the walk has found: minutes used, the deadline in minutes since 1970, and how it stands."""

    used: Fraction
    due: Fraction | None
    says: str


class Walk:
    """One clock, minute by minute."""

    def __init__(self, policy: ClockPolicy, days: CalendarPolicy) -> None:
        """Of its conditions only the steps of `case_strategies.clocks` are known."""
        self.policy = policy
        self.minutes = Minutes(days, policy.unit)
        self.state = "waits"
        self.used: Number = 0
        self.due: Number | None = None
        self.broke: Number | None = None
        self.counts_from = 0
        self.worked_until = 0
        self.priority = ""
        self.granted: list[str] = []
        self.target = self._target()

    def to(self, asked_at: int, happened: Sequence[Happened]) -> Outcome:
        """Walk from the first step to `asked_at`; every step has a minute of its own."""
        steps = {minute: (step, says) for minute, step, says in happened}
        for minute in range(min(steps), asked_at):
            if minute in steps:
                self._see(minute, *steps[minute])
            self._pass(minute)
        if asked_at in steps:
            self._see(asked_at, *steps[asked_at])
        return self._outcome(asked_at)

    def _target(self) -> float:
        policy = self.policy
        target = next((one.target for one in policy.targets if self.priority in one.when["priority"]), policy.target)
        target = max([target] + [one.to for one in policy.extensions if one.to and one.name in self.granted])
        target += sum(one.by for one in policy.extensions if one.by and one.name in self.granted)
        return target * MINUTES_OF.get(policy.unit, 1440)

    def _pass(self, minute: int) -> None:
        if self.state != "runs" or minute < self.counts_from:
            return
        worth = self.minutes.worth(minute)
        if self.due is None and worth and self.used + worth >= self.target:
            left = Fraction(self.target) - self.used
            self._reach(minute, minute + left / worth)
        self.used += worth
        if worth:
            self.worked_until = minute + 1

    def _reach(self, minute: int, instant: Number) -> None:
        self.due = self.minutes.end_of_day(minute) if self.policy.ends == "day" else instant

    def _begin(self, minute: int) -> None:
        self.state, self.used, self.due, self.granted = "runs", 0, None, []
        today = self.minutes.local(minute).date()
        self.counts_from = minute
        if self.policy.counting == "next_day":
            self.counts_from = self.minutes.midnight(today + timedelta(days=1))
        elif self.policy.counting == "same_day":
            self.used = sum((self.minutes.worth(past) for past in range(self.minutes.midnight(today), minute)), 0)

    def _see(self, minute: int, step: str, says: dict[str, str]) -> None:
        self.priority = says.get("priority", self.priority)
        if self.state in ("met", "cancelled"):
            return
        if self.broke is None and self.due is not None and minute > self.due:
            self.broke = self.due
        act: dict[tuple[str, str], Callable[[], None]] = {
            ("waits", "received"): lambda: self._begin(minute),
            ("runs", "paused"): self._pause,
            ("paused", "resumed"): lambda: self._resume(minute),
        }
        if step in ("closed", "withdrawn"):
            self._end("met" if step == "closed" else "cancelled", minute)
            return
        if step == "progress_reported" and self.policy.reset:
            self._begin(minute)
        elif (self.state, step) in act:
            act[self.state, step]()
        if "extension" in says and says["extension"] not in self.granted:
            self.granted.append(says["extension"])
        self._retarget(minute)

    def _retarget(self, minute: int) -> None:
        before, now = self.target, self._target()
        self.target = now
        if now == before or not self.used:
            return
        self.due = minute if self.state == "runs" and self.used == now else None
        lowered = now < before or self.state == "runs"
        idle = self.due is not None and self.worked_until < minute
        if self.broke is None and lowered and (self.used > now or idle):
            self.broke = minute

    def _pause(self) -> None:
        self.state, self.due = "paused", None

    def _resume(self, minute: int) -> None:
        self.state, self.due, self.worked_until = "runs", None, minute
        if self.used >= self.target:
            self._reach(minute, minute)

    def _end(self, how: str, minute: int) -> None:
        if self.state == "runs" and self.due is None:
            self.due = self._ahead(minute)
        self.state = how

    def _ahead(self, minute: int) -> Number | None:
        """Where the deadline would be if nothing happened any more."""
        used, due = self.used, self.due
        while self.due is None:
            self._pass(minute)
            minute += 1
        found, self.used, self.due = self.due, used, due
        return found

    def _outcome(self, minute: int) -> Outcome:
        due = self.due
        if self.state == "runs" and due is None:
            due = self._ahead(minute)
        due = due if self.broke is None else self.broke
        says = {"runs": "running", "waits": "none"}.get(self.state, self.state)
        if self.state not in ("runs", "paused"):
            says = says if self.broke is None else "late"
        elif due is not None and minute > due:
            says = "breached"
        return Outcome(Fraction(self.used), None if due is None else Fraction(due), says)
