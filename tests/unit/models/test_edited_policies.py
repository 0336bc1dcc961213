"""The failure of others that only the whole fold can have: an edited policy firing again."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from config.policies import Policies, policies_from_document, policy_document
from models.alerts import Alert
from models.case_alerts import SLA_RULE
from models.decay import DAY_MS
from tests.unit.models.build import HOUR_MS, SHIPPED, Folded, ms
from tests.unit.models.case_builders import clock_policy, profile_policy, step

RECEIVED_MS = ms(1, 9)


def promising(hours: float, *, title: str = "Care", valid_from: str = "2020-01-01", **changes: Any) -> Policies:
    """Policies with one clock: closed within so many hours, and a warning at half of them."""
    document = policy_document(SHIPPED)
    closing = clock_policy(target=hours, warnings=[{"percent": 50}], **changes)
    profile = profile_policy(title=title, valid_from=valid_from, clocks=[msgspec.to_builtins(closing)])
    complaints = {"profiles": [msgspec.to_builtins(profile)], "selection": [{"profiles": ["care"]}]}
    return policies_from_document(document | {"version": f"{title}-{hours}", "complaints": complaints})


def clock_alerts(folded: Folded) -> list[Alert]:
    return [alert for alert in folded.alerts if alert.rule == SLA_RULE]


def life(folded: Folded) -> list[tuple[str, str]]:
    return [(alert.state, alert.triggers[0]) for alert in clock_alerts(folded)]


def test_an_edited_policy_firing_again() -> None:
    """A breach that was told is not told again because its policy was edited, whatever was edited of it."""
    folded = Folded(promising(4)).see(step("received", RECEIVED_MS)).tick(RECEIVED_MS + 5 * HOUR_MS)
    assert life(folded) == [("raised", "due_soon"), ("updated", "breached")]
    for edited in (
        promising(3),
        promising(48),
        promising(4, title="Better care"),
        promising(4, valid_from="2026-01-01"),
        promising(4, stop=["responded"]),
        SHIPPED,
        promising(4),
    ):
        folded.adopt(edited).tick(folded.ctx.clock_ms + HOUR_MS // 4)
        folded.see(step("progress_reported", folded.ctx.clock_ms))
    assert life(folded) == [("raised", "due_soon"), ("updated", "breached")]
    folded.see(step("closed", folded.ctx.clock_ms))
    assert life(folded)[2:] == [("resolved", "late")]
    assert len({alert.alert_id for alert in clock_alerts(folded)}) == 1


def test_a_case_is_judged_by_the_policy_that_it_began_with() -> None:
    """A stricter policy breaks no promise that was made before it; a case received after it is held to it."""
    folded = Folded(promising(4)).see(step("received", RECEIVED_MS)).adopt(promising(1))
    later = msgspec.structs.replace(step("received", RECEIVED_MS, event_id="later"), case_id="later")
    folded.see(later).tick(RECEIVED_MS + 2 * HOUR_MS - 1)
    told = {(alert.figures["target"], alert.triggers[0]) for alert in clock_alerts(folded)}
    assert told == {(1.0, "due_soon"), (1.0, "breached")}


edits = st.lists(st.tuples(st.sampled_from((1.0, 2.0, 4.0, 9.0)), st.integers(1, 5 * 60)), min_size=1, max_size=6)


@given(edits, st.integers(1, 12 * 60))
def test_whatever_is_edited_a_clock_breaks_at_most_once_in_a_cycle(
    edits: list[tuple[float, int]], closed_after: int
) -> None:
    """Edits at any time change nothing of what is told about a case that had begun."""
    plain, edited = (Folded(promising(4)).see(step("received", RECEIVED_MS)) for _ in range(2))
    now_ms, closed_ms = RECEIVED_MS, RECEIVED_MS + closed_after * 60_000
    for hours, minutes in edits:
        now_ms += minutes * 60_000
        if now_ms >= closed_ms:
            break
        plain.tick(now_ms)
        edited.tick(now_ms).adopt(promising(hours))
    for folded in (plain, edited):
        folded.tick(closed_ms).see(step("closed", closed_ms)).tick(closed_ms + DAY_MS)
    told = [(alert.alert_id, alert.revision, alert.state, alert.figures) for alert in clock_alerts(edited)]
    assert told == [(alert.alert_id, alert.revision, alert.state, alert.figures) for alert in clock_alerts(plain)]
    assert len([alert for alert in clock_alerts(edited) if alert.triggers == ["breached"]]) <= 1
