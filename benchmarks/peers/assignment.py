"""What a peer's worker process is told, as one JSON argument."""

import sys

import msgspec
from msgspec import Struct

from benchmarks.peers.full_work import FullWork
from benchmarks.peers.reduced_work import ReducedWork


class Assignment(Struct, kw_only=True, frozen=True):
    """Where to read, where to write, what to do in between.

    `group` is the consumer group (and the prefix of changelogs), `directory` is the worker's own, `variant` chooses
    among the ways of one peer: a store's URL, or a processing guarantee.
    """

    brokers: str
    group: str
    input_topic: str
    output_topic: str
    partitions: int
    directory: str
    work: str
    variant: str
    session_timeout_s: int

    def new_work(self) -> FullWork | ReducedWork:
        """The work to be done."""
        return FullWork() if self.work == "full" else ReducedWork()


def assignment() -> Assignment:
    """This process's assignment."""
    return msgspec.json.decode(sys.argv[1], type=Assignment)
