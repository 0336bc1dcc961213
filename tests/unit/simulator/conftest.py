"""One simulated bank, shared by the tests that only look at it."""

from collections import defaultdict
from collections.abc import Iterator

import pytest

from models.events import FeedEvent
from streams.simulator import Simulation, SimulationParameters, simulate


@pytest.fixture(scope="session")
def bank() -> Iterator[Simulation]:
    """500 customers, 120 days, more leaving and complaining than usual; kept in memory."""
    parameters = SimulationParameters(customers=500, days=120, seed=11, attrition_rate=0.2, complaint_rate=0.3)
    with simulate(parameters, run_customers=500) as simulation:
        yield simulation


@pytest.fixture(scope="session")
def events(bank: Simulation) -> list[FeedEvent]:
    """All events of the shared bank in time order."""
    return list(bank.events())


@pytest.fixture(scope="session")
def by_customer(events: list[FeedEvent]) -> dict[str, list[FeedEvent]]:
    """The shared bank's events of each customer in time order."""
    lives: dict[str, list[FeedEvent]] = defaultdict(list)
    for event in events:
        lives[event.customer_id].append(event)
    return lives
