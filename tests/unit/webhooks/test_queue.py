"""What a notifier keeps: taken once, in order, counted before it is tried."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.webhooks.circuit import Standing
from streams.webhooks.queue import KEEP_IDS_MS, KEEP_PARKED_MS, DeliveryQueue
from streams.webhooks.queue_file import FORMAT, QueueMismatch
from streams.webhooks.records import Depth, Taken

CRM = "crm"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file."""
    return tmp_path / "notifier.sqlite3"


@pytest.fixture
def queue(path: Path) -> Iterator[DeliveryQueue]:
    """An empty queue."""
    opened = DeliveryQueue(path)
    yield opened
    opened.close()


def taken(webhook_id: str, customer: str = "C1", *endpoints: str) -> Taken:
    return Taken(webhook_id, customer, {name: webhook_id.encode() for name in endpoints or (CRM,)})


def due(queue: DeliveryQueue, now_ms: int, endpoint: str = CRM) -> list[str]:
    return [delivery.webhook_id for delivery in queue.due(endpoint, now_ms, 100)]


def number(queue: DeliveryQueue, webhook_id: str, now_ms: int = 10**15) -> int:
    return next(one.number for one in queue.due(CRM, now_ms, 100) if one.webhook_id == webhook_id)


def test_alerts_and_positions_enter_together(queue: DeliveryQueue, path: Path) -> None:
    """On the disk when `take` returns: another process that opens the file finds both."""
    assert queue.take([taken("a.1")], {0: 5, 3: 9}, 1000, set()) == (0, {})
    other = DeliveryQueue(path)
    assert other.positions() == {0: 5, 3: 9}
    assert due(other, 1000) == ["a.1"]
    other.close()


def test_a_failed_take_leaves_nothing(queue: DeliveryQueue) -> None:
    """Neither alerts without their position nor a position without its alerts."""
    broken = Taken("a.2", "C1", {CRM: None})  # type: ignore[dict-item]
    with pytest.raises(sqlite3.IntegrityError):
        queue.take([taken("a.1"), broken], {0: 5}, 1000, set())
    assert queue.positions() == {}
    assert due(queue, 1000) == []
    assert queue.take([taken("a.1")], {0: 5}, 1000, set()) == (0, {})


def test_what_was_taken_is_not_taken_again(queue: DeliveryQueue) -> None:
    """Under any offset, also after it was delivered."""
    queue.take([taken("a.1")], {0: 1}, 1000, set())
    queue.delivered(number(queue, "a.1"))
    assert queue.take([taken("a.1"), taken("a.2")], {0: 3}, 2000, set()) == (1, {})
    assert due(queue, 2000) == ["a.2"]


def test_one_of_a_customer_at_a_time(queue: DeliveryQueue) -> None:
    """The next one of the same customer and endpoint gets ready when the one before is done; others do not wait."""
    queue.take(
        [taken("a.1", "C1", CRM, "ops"), taken("a.2", "C1", CRM, "ops"), taken("b.1", "C2")], {0: 3}, 1000, set()
    )
    assert due(queue, 1000) == ["a.1", "b.1"]
    assert due(queue, 1000, "ops") == ["a.1"]
    queue.delivered(number(queue, "a.1"))
    assert due(queue, 1000) == ["a.2", "b.1"]
    assert due(queue, 1000, "ops") == ["a.1"]


def test_a_retry_keeps_those_behind_it_back(queue: DeliveryQueue) -> None:
    """A later revision cannot overtake the earlier one, however long that waits."""
    queue.take([taken("a.1"), taken("a.2")], {0: 2}, 1000, set())
    queue.retry(number(queue, "a.1"), 5000, "failed 500")
    assert due(queue, 4999) == []
    assert queue.next_due_ms(CRM) == 5000
    assert due(queue, 5000) == ["a.1"]


def test_an_attempt_counts_before_it_is_made(queue: DeliveryQueue, path: Path) -> None:
    """A notifier that dies in the middle of it finds it counted, and not due yet."""
    queue.take([taken("a.1")], {0: 1}, 1000, set())
    with queue.change():
        queue.begin(number(queue, "a.1"), 9000)
    queue.close()
    again = DeliveryQueue(path)
    assert due(again, 8999) == []
    ((_, _, _, attempts, queued_ms),) = again.due(CRM, 9000, 100)
    assert (attempts, queued_ms) == (1, 1000)
    again.close()


def test_parked_makes_way(queue: DeliveryQueue) -> None:
    """What is given up is kept with its last answer, and the next revision goes."""
    queue.take([taken("a.1"), taken("a.2")], {0: 2}, 1000, set())
    queue.park(number(queue, "a.1"), 2000, "failed 500")
    assert due(queue, 2000) == ["a.2"]
    (parked,) = queue.parked(CRM, 10)
    assert parked == ("a.1", 0, 1000, 2000, "failed 500")
    assert queue.depth(CRM) == Depth(1, 1000, 1)


def test_replayed_in_turn(queue: DeliveryQueue) -> None:
    """What is asked for again waits for its customer's turn, and begins with no attempts."""
    queue.take([taken("a.1"), taken("a.2"), taken("b.1", "C2")], {0: 3}, 1000, set())
    queue.begin(number(queue, "a.1"), 1000)
    queue.park(number(queue, "a.1"), 2000, "failed 500")
    queue.park(number(queue, "b.1"), 2000, "failed 500")
    assert queue.replay(CRM, ["b.1", "none.1"], 3000) == 1
    assert due(queue, 3000) == ["a.2", "b.1"]
    assert queue.replay(CRM, None, 3000) == 1
    assert due(queue, 3000) == ["a.2", "b.1"]
    queue.delivered(number(queue, "a.2"))
    (again,) = [one for one in queue.due(CRM, 3000, 100) if one.webhook_id == "a.1"]
    assert (again.attempts, again.queued_ms) == (0, 3000)


def test_for_a_disabled_endpoint_everything_is_parked(queue: DeliveryQueue) -> None:
    """What waits and what comes; replaying begins with the oldest."""
    queue.take([taken("a.1", "C1", CRM, "ops"), taken("a.2")], {0: 2}, 1000, set())
    assert queue.park_all(CRM, 2000, "disabled") == 2
    assert queue.take([taken("a.3", "C1", CRM, "ops")], {0: 3}, 3000, {CRM}) == (0, {CRM: 1})
    assert due(queue, 3000) == []
    assert queue.depth(CRM) == Depth(0, 0, 3)
    assert queue.depth("ops").waiting == 2
    assert queue.replay(CRM, None, 4000) == 3
    assert due(queue, 4000) == ["a.1"]


def test_what_is_too_old_is_parked_and_the_rest_goes_on(queue: DeliveryQueue) -> None:
    """In the middle of a chain too."""
    queue.take([taken("a.1"), taken("a.2")], {0: 2}, 1000, set())
    queue.take([taken("a.3"), taken("b.1", "C2")], {0: 4}, 5000, set())
    assert queue.park_older(CRM, 5000, 6000, "down") == 2
    assert due(queue, 6000) == ["a.3", "b.1"]


def test_what_was_parked_long_ago_is_forgotten(queue: DeliveryQueue) -> None:
    """After 30 days; ids after 400, so that even then nothing comes twice soon."""
    queue.take([taken("a.1")], {0: 1}, 1000, set())
    queue.park(number(queue, "a.1"), 1000, "failed 500")
    assert queue.prune(1000 + KEEP_PARKED_MS) == 0
    assert queue.prune(1001 + KEEP_PARKED_MS) == 1
    assert queue.take([taken("a.1")], {0: 2}, 2000, set()) == (1, {})
    queue.prune(1001 + KEEP_IDS_MS)
    assert queue.take([taken("a.1")], {0: 3}, 3000, set()) == (0, {})


def test_how_an_endpoint_stands_is_kept(queue: DeliveryQueue, path: Path) -> None:
    """A new process knows that it is disabled, or failing."""
    standing = Standing(name=CRM, disabled_ms=5, failures=3, openings=1, open_until_ms=7, paused_until_ms=8)
    queue.save(standing)
    other = DeliveryQueue(path)
    assert other.standing(CRM) == standing
    assert other.standing("ops") == Standing(name="ops")
    other.close()


def test_no_customer_is_in_the_file(queue: DeliveryQueue, path: Path) -> None:
    """The order of a customer's deliveries is kept by a hash; of thin bodies nothing else is left."""
    queue.take([taken("a.1", "CANARY-customer")], {0: 1}, 1000, set())
    queue.close()
    assert all(b"CANARY" not in file.read_bytes() for file in path.parent.iterdir())


def test_the_file_is_its_owners(queue: DeliveryQueue, path: Path) -> None:
    """It may hold full bodies."""
    assert path.stat().st_mode & 0o777 == 0o600
    assert queue.endpoints() == set()


def test_a_file_of_another_version_is_refused(path: Path) -> None:
    """Rather than misread."""
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(QueueMismatch, match=f"has format 99, this version of ebbwatch reads {FORMAT}"):
        DeliveryQueue(path)


def test_a_file_of_the_version_before_goes_on(path: Path) -> None:
    """What waits in it is delivered in its order; whether that could break quiet hours was not kept, so it does not."""
    queue = DeliveryQueue(path)
    queue.take([taken("a.1"), taken("a.2")], {0: 2}, 1000, set())
    for table in ("listed", "lists", "heard", "cooling"):
        queue._database.execute(f"DROP TABLE {table}")
    queue._database.execute("ALTER TABLE deliveries DROP COLUMN urgency")
    queue._database.execute("PRAGMA user_version = 1")
    queue.close()
    again = DeliveryQueue(path)
    assert again.positions() == {0: 2}
    assert due(again, 1000) == ["a.1"]
    assert again.due(CRM, 1000, 10, {"critical"}) == []
    assert again.memory.listed_count(CRM) == 0
    again.close()
    DeliveryQueue(path).close()
