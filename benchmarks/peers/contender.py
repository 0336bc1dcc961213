"""What the harness asks of a contender, whatever it is made of."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from benchmarks.peers.process import WorkerProcess


class Contender(Protocol):
    """One way to do the work, with fresh topics, a fresh group and fresh state each time `prepare` is called.

    `share` is how much of the stream it gets, so that slow ones and fast ones run about as long; `knows_ticks` whether
    time passes for it, so that deadlines fire; `scores` whether it scores customers as well, which no peer does.
    """

    name: str
    work: str
    share: float
    knows_ticks: bool
    scores: bool

    @property
    def input_topic(self) -> str:
        """Where its input goes."""
        ...

    @property
    def group(self) -> str:
        """Its consumer group."""
        ...

    @property
    def output_topic(self) -> str:
        """Where its outputs come."""
        ...

    async def prepare(self, states: Iterable[tuple[bytes, bytes]]) -> None:
        """Make topics and stores anew and put `states` (key, state) into them, as if it had made them itself."""
        ...

    def start(self) -> WorkerProcess:
        """Start one more worker."""
        ...

    def companions(self) -> Mapping[str, int]:
        """Processes that work for it beside its workers and the broker, by name."""
        ...

    async def states(self, wanted: Mapping[bytes, int]) -> dict[bytes, int]:
        """The hash of the durable state of every customer in `wanted`."""
        ...

    async def clean(self) -> None:
        """Stop what serves it and delete its topics and state."""
        ...
