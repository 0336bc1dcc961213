"""Gauges of open cases on two real workers: their sum is right before and after a shard moves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.feeds import START, line, login
from tests.support.kafka_server import KafkaServer
from tests.support.live_service import LiveService, assigned, until
from tests.support.redis_server import RedisServer
from tests.support.workers import WorkerProcess

CASES = 25
OPEN = 'ebbwatch_open_cases{profile="care"}'
OVERDUE = 'ebbwatch_sla_due{clock="responded",profile="care",within="overdue"}'


@pytest.fixture
def service(kafka: KafkaServer, redis_of_session: RedisServer, tmp_path: Path) -> Iterator[LiveService]:
    """Two workers, each of which has its shard."""
    live = LiveService(kafka, redis_of_session, tmp_path, 2, EBBWATCH_CLOCK="event")
    live.start(2)
    live.wait_all_assigned()
    yield live
    live.stop()


def value(worker: WorkerProcess, sample: str) -> float | None:
    try:
        return worker.metric(sample)
    except KeyError:
        return None


def test_sums_over_workers_are_right_wherever_the_shards_are(service: LiveService) -> None:
    """Each worker shows its own cases, and those of a shard that it takes over; nobody's name is on a page."""
    at = START.isoformat()
    service.publish(
        line("complaint", customer_id=f"canary-{number}", event_id=f"e{number}", case_id=f"k{number}", occurred_at=at)
        for number in range(CASES)
    )
    service.publish(login(number, 60, f"other-{number}") for number in range(20))
    service.wait_folded()

    def shown(sample: str) -> list[float | None]:
        return [value(worker, sample) for worker in service.running]

    expected = [
        sum(service.shard(f"canary-{number}") == shard for number in range(CASES))
        for shard in range(service.partitions)
    ]
    assert min(expected) > 0
    until(lambda: sorted(count or 0 for count in shown(OVERDUE)) == sorted(expected), lambda: f"{shown(OVERDUE)}")
    assert sorted(count or 0 for count in shown(OPEN)) == sorted(expected)

    stopping, staying = service.running
    assert stopping.stop() == 0
    until(lambda: assigned(staying) == 12, "the partitions are not taken over")
    until(lambda: shown(OVERDUE) == [CASES], lambda: f"{shown(OVERDUE)}")
    assert shown(OPEN) == [CASES]

    service.start(1)
    service.wait_all_assigned()
    until(lambda: sorted(count or 0 for count in shown(OVERDUE)) == sorted(expected), lambda: f"{shown(OVERDUE)}")
    for worker in service.running:
        page = worker.ask("/metrics")[1]
        assert b"ebbwatch_calendar_horizon_timestamp_seconds" in page
        assert b"canary" not in page
