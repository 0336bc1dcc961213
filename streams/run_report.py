"""What a run has done so far, for whoever shows it: the live view, the log, the closing summary."""

import time
from collections import Counter, deque

from msgspec import Struct, field

from models.alerts import Alert
from models.context import ClockEvent, Fate, Reason
from streams.codecs import Refusal
from streams.feed_reader import Meter
from streams.processor import BatchReport

_LATEST_ALERTS = 12


class RunReport(Struct):
    """Counts since the run began; `meters` tell how far the feed files have been read.

    `clocks` counts what happened to SLA clocks; `overdue` those that run past their deadline, as the store last said.
    `behind_the_clock` counts events days older than the clock, which hardly raise anything any more;
    `outputs_missing` tells that an output file holds less than was delivered to it.
    """

    started_s: float = field(default_factory=time.monotonic)
    lines: int = 0
    accepted: int = 0
    skipped_lines: int = 0
    unfinished_lines: int = 0
    behind_the_clock: int = 0
    outputs_missing: bool = False
    batches: int = 0
    records: int = 0
    caught_up: int = 0
    clock_ms: int = 0
    refused: Counter[Refusal] = field(default_factory=Counter)
    fates: Counter[Fate] = field(default_factory=Counter)
    decisions: Counter[tuple[str, Reason]] = field(default_factory=Counter)
    alerts: Counter[tuple[str, str]] = field(default_factory=Counter)
    clocks: Counter[tuple[str, str, ClockEvent]] = field(default_factory=Counter)
    overdue: dict[tuple[str, str], int] = field(default_factory=dict)
    latest: deque[Alert] = field(default_factory=lambda: deque(maxlen=_LATEST_ALERTS))
    meters: list[Meter] = field(default_factory=list)
    feed_s: float = 0.0
    append_s: float = 0.0
    load_s: float = 0.0
    fold_s: float = 0.0
    commit_s: float = 0.0
    relay_s: float = 0.0
    learn_s: float = 0.0

    def saw_batch(self, report: BatchReport, clock_ms: int) -> None:
        """Add one committed micro-batch."""
        self.batches += 1
        self.records += report.records
        self.fates.update(report.fates)
        self.decisions.update(report.decisions)
        self.clocks.update(report.clocks)
        self.load_s += report.load_s
        self.fold_s += report.fold_s
        self.commit_s += report.commit_s
        self.clock_ms = max(self.clock_ms, clock_ms)
        for output in report.outputs:
            if isinstance(output.body, Alert):
                self.alerts[output.body.rule, output.body.state] += 1
                self.latest.append(output.body)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.started_s

    @property
    def share_read(self) -> float | None:
        """How much of the feed files has been read, 0 to 1; None when they are no files."""
        size = sum(meter.size_bytes for meter in self.meters)
        return sum(meter.read_bytes for meter in self.meters) / size if size else None
