"""The live terminal view of a run: rates, progress, what was raised lately."""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from rich.bar import Bar
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from models.context import ClockEvent, Fate
from streams.run_report import RunReport

Rows = Iterable[tuple[str, str]]

_SEVERITY_STYLES = {"critical": "bold red", "warning": "yellow"}
_OVER = ("resolved", "retracted")
_RATE_OVER_S = 3.0


class LiveView:
    """Shows a `RunReport` while it grows; use as a context manager."""

    def __init__(self, report: RunReport, console: Console, title: str, more: Callable[[], Rows] = lambda: ()) -> None:
        """Draw on `console`, a few times a second; `more` are rows of names and values below the counts."""
        self._report = report
        self._more = more
        self._title = title
        self._samples: deque[tuple[float, int]] = deque([(0.0, 0)])
        self._live = Live(get_renderable=self.render, console=console, refresh_per_second=5, transient=True)

    def __enter__(self) -> "LiveView":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def render(self) -> RenderableType:
        """The whole view as it is now."""
        return Panel(Group(self._numbers(), self._alerts()), title=self._title, border_style="cyan")

    def _rate(self) -> float:
        now_s, records = self._report.elapsed_s, self._report.fates[Fate.FOLDED]
        self._samples.append((now_s, records))
        while len(self._samples) > 2 and now_s - self._samples[0][0] > _RATE_OVER_S:
            self._samples.popleft()
        then_s, before = self._samples[0]
        return (records - before) / (now_s - then_s) if now_s > then_s else 0.0

    def _numbers(self) -> RenderableType:
        report = self._report
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="dim")
        grid.add_column()
        share = report.share_read
        if share is not None:
            grid.add_row("read", Bar(1.0, 0.0, share, width=40, color="cyan"))
        clock = datetime.fromtimestamp(report.clock_ms / 1000, UTC) if report.clock_ms else None
        grid.add_row("time", clock.strftime("%Y-%m-%d %H:%M UTC") if clock else "-")
        grid.add_row("events", f"{report.fates[Fate.FOLDED]:,} folded, {self._rate():,.0f} a second")
        dropped = report.fates[Fate.DUPLICATE_EVENT] + report.fates[Fate.REPLAYED_SOURCE]
        grid.add_row("left out", f"{report.refused.total():,} dead letters, {dropped:,} duplicates")
        alerts: Counter[str] = Counter()
        for (_, state), count in report.alerts.items():
            alerts[state] += count
        grid.add_row("alerts", ", ".join(f"{alerts[state]:,} {state}" for state in ("raised", "resolved", "retracted")))
        if report.clocks:
            promises: Counter[ClockEvent] = Counter()
            for (_, _, event), count in report.clocks.items():
                promises[event] += count
            shown = (ClockEvent.MET, ClockEvent.BREACHED, ClockEvent.LATE, ClockEvent.RETRACTED)
            grid.add_row("promises", ", ".join(f"{promises[event]:,} {event.value}" for event in shown))
        for name, value in self._more():
            grid.add_row(name, value)
        return grid

    def _alerts(self) -> RenderableType:
        table = Table(box=None, padding=(0, 1), expand=True)
        for column in ("at", "rule", "state", "customer", "what"):
            table.add_column(column, no_wrap=column != "what", overflow="ellipsis")
        for alert in reversed(self._report.latest):
            table.add_row(
                alert.at.strftime("%m-%d %H:%M"),
                alert.rule,
                Text(
                    alert.state,
                    style="green" if alert.state in _OVER else _SEVERITY_STYLES.get(alert.severity, ""),
                ),
                Text(alert.customer_id),
                Text(alert.summary),
            )
        return table
