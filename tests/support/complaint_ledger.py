"""Records of a ledger about complaint cases, and small policies for them."""

from datetime import UTC, date, datetime
from typing import Any

import msgspec

from config.complaint_policies import ClockPolicy, Complaints, ProfilePolicy, Selection
from config.policies import Policies, load_policies
from models.alerts import instant
from models.events import Complaint, Tick, epoch_ms
from streams.codecs import encode_control_record, encode_event_record, encode_policies_record

START_MS = epoch_ms(datetime(2026, 3, 2, 1, tzinfo=UTC))
"""Monday, 09:00 in Shanghai."""
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def policies(version: str, *profiles: tuple[str, str, float], calendar_until: date | None = None) -> Policies:
    """Policies under which every case has these promises: (profile, clock, hours), and one in working days.

    That one is called ``solved`` and counts by the calendar ``cn``, as shipped or until another day.
    """
    shipped = load_policies()
    made = tuple(
        ProfilePolicy(
            name=name,
            title=name,
            title_zh=name,
            source="of the tests",
            valid_from=date(2020, 1, 1),
            action="look",
            action_zh="看",
            clocks=(
                _clock(clock, target=hours, unit="hours", stop=("responded",)),
                _clock("solved", target=2, unit="working_days", stop=("closed",), calendar="cn"),
            ),
        )
        for name, clock, hours in profiles
    )
    selection = (Selection(profiles=tuple(profile.name for profile in made)),)
    calendars = dict(shipped.calendars)
    if calendar_until is not None:
        days = calendars["cn"]
        calendars["cn"] = msgspec.structs.replace(
            days,
            until=calendar_until,
            holidays=[day for day in days.holidays if day <= calendar_until],
            workdays=[day for day in days.workdays if day <= calendar_until],
        )
    complaints = Complaints(grace_days=1, profiles=made, selection=selection)
    return msgspec.structs.replace(shipped, version=version, complaints=complaints, calendars=calendars)


def _clock(name: str, **fields: Any) -> ClockPolicy:
    return ClockPolicy(name=name, title=name, title_zh=name, source="of the tests", start=("received",), **fields)


class CaseLedger:
    """Writes records of one shard; `bodies` are those so far."""

    def __init__(self, first: Policies) -> None:
        """Begin with policies."""
        self.bodies = [encode_policies_record(first, 0)]

    def activate(self, policies: Policies) -> None:
        """Let other policies come into force."""
        self.bodies.append(encode_policies_record(policies, 0))

    def tick(self, at_ms: int) -> None:
        """Let time pass."""
        self.bodies.append(encode_control_record(Tick(at=instant(at_ms)), at_ms))

    def step(self, case_id: str, step: str, at_ms: int) -> None:
        """One step of a case, of a customer of its own."""
        event = Complaint(
            event_id=f"{case_id}-{step}-{at_ms}",
            customer_id=f"CANARY-{case_id}",
            occurred_at=instant(at_ms),
            case_id=case_id,
            step=step,
        )
        self.bodies.append(encode_event_record(event, at_ms, "bank.complaints:0", len(self.bodies)))
