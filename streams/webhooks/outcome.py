"""What became of one attempt, in words from a closed set: they are metric labels, and what is kept of a delivery."""

from enum import Enum
from typing import Protocol

from msgspec import Struct


class Outcome(Enum):
    """How an attempt ended."""

    DELIVERED = "delivered"  # 2xx
    GONE = "gone"  # 410
    THROTTLED = "throttled"  # 429
    REJECTED = "rejected"  # any other 3xx and 4xx
    FAILED = "failed"  # 5xx, or what is no answer at all
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"  # no address, no connection, no valid certificate, or the connection broke
    REFUSED = "refused"  # by our guard


class Result(Struct, frozen=True):
    """An outcome, with what the receiver said about it."""

    outcome: Outcome
    status: int | None = None
    retry_after_s: float | None = None

    @property
    def text(self) -> str:
        """For people: `failed 503`."""
        return self.outcome.value if self.status is None else f"{self.outcome.value} {self.status}"


class Channel(Protocol):
    """One way out. `send` does not raise for what a receiver does, and ends within the endpoint's time limit."""

    async def start(self) -> None:
        """Get ready to send."""

    async def send(self, webhook_id: str, body: bytes) -> Result:
        """One attempt."""

    async def close(self) -> None:
        """Let go of everything; no attempt is under way."""
