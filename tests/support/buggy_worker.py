"""A worker with a bug in its fold: the event whose id is `BUG` raises, with the customer in the error's text.

Run as `python -m tests.support.buggy_worker`, with the environment of a worker.
"""

from typing import Any

from agents.cli import main
from models import shard
from models.fold import fold

BUG = "event-with-a-bug"


def _buggy_fold(customer: Any, event: Any, at_ms: int, ctx: Any) -> Any:
    if event.event_id == BUG:
        raise ZeroDivisionError(f"division by zero in the balance of {event.customer_id}")
    return fold(customer, event, at_ms, ctx)


if __name__ == "__main__":
    shard.fold = _buggy_fold  # type: ignore[attr-defined]
    main(["worker"])
