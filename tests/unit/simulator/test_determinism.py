"""The same parameters give the same bytes; a life does not depend on the others."""

from collections.abc import Iterable
from datetime import date
from hashlib import sha256

import msgspec
import pytest

from models.events import FeedEvent
from streams.simulator import SimulationParameters, simulate

SMALL = SimulationParameters(customers=40, days=40, seed=7)


def encoded(events: Iterable[FeedEvent]) -> bytes:
    return msgspec.json.Encoder(order="deterministic").encode_lines(events)


def run(parameters: SimulationParameters, run_customers: int | None = None) -> tuple[bytes, bytes]:
    with simulate(parameters, run_customers=run_customers) as simulation:
        return encoded(simulation.events()), msgspec.json.encode(simulation.truth)


def test_same_parameters_same_bytes() -> None:
    """Two runs with the same parameters give the same events and the same truth."""
    assert run(SMALL) == run(SMALL)


def test_bytes_are_those_of_every_machine() -> None:
    """A pinned digest: a change of the simulator's output is made on purpose, here and in the change log."""
    assert sha256(run(SMALL)[0]).hexdigest() == "71d63e41b0b1ca8b52d7c4a540af47aa4bea2c2b26030dc9ba7d7273db10550c"


def test_other_seed_other_bytes() -> None:
    """Another seed is another bank."""
    assert run(SMALL)[0] != run(msgspec.structs.replace(SMALL, seed=8))[0]


def test_life_does_not_depend_on_the_population() -> None:
    """A customer's events are the same among 12 customers as among 40."""
    with simulate(SMALL) as many, simulate(msgspec.structs.replace(SMALL, customers=12)) as few:
        names = {f"C{number:06d}" for number in range(1, 13)}
        assert encoded(few.events()) == encoded(event for event in many.events() if event.customer_id in names)


@pytest.mark.parametrize("run_customers", [1, 7, 39])
def test_runs_on_disk_change_nothing(run_customers: int) -> None:
    """Events that went through runs on disk are those that stayed in memory, offsets of times included."""
    assert run(SMALL, run_customers) == run(SMALL)


def test_events_can_be_read_twice_from_disk() -> None:
    """Reading the merged runs does not use them up."""
    with simulate(SMALL, run_customers=9) as simulation:
        assert encoded(simulation.events()) == encoded(simulation.events())


@pytest.mark.parametrize(
    "changes",
    [
        {"customers": 0},
        {"days": 0},
        {"attrition_rate": 1.1},
        {"late_share": -0.1},
        {"core_share": 0.8, "potential_share": 0.3},
        {"activity": 0.0},
        {"drift_day": -1},
        {"start": date(1900, 1, 1)},
        {"attrition_rate": float("nan")},
    ],
)
def test_parameters_out_of_bounds_are_refused(changes: dict[str, object]) -> None:
    """A parameter that makes no sense is refused before anything runs."""
    with pytest.raises(ValueError, match=next(iter(changes))):
        SimulationParameters(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"days": 1},
        {"customers": 1},
        {"attrition_rate": 0.0, "decoy_rate": 0.0, "complaint_rate": 0.0, "episode_rate": 0.0, "late_share": 0.0},
        {"attrition_rate": 1.0, "decoy_rate": 1.0, "complaint_rate": 1.0, "episode_rate": 1.0, "late_share": 1.0},
        {"newcomer_share": 1.0, "core_share": 1.0, "potential_share": 0.0},
        {"drift_day": 0},
        {"start": date(2024, 2, 29), "days": 370, "customers": 3},
        {"activity": 10.0, "customers": 5},
    ],
)
def test_extremes_run(changes: dict[str, object]) -> None:
    """The bounds themselves are usable."""
    with simulate(msgspec.structs.replace(SMALL, **changes)) as simulation:
        assert simulation.event_count == sum(1 for _ in simulation.events())
