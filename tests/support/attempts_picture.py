"""Attempts a second at a receiver, kept for people: as figures (.csv) and as a picture (.png)."""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tests.support.webhook_receiver import Arrival

KINDS = {"delivered": "#0072b2", "throttled": "#e69f00", "failed": "#d55e00", "hung": "#999999"}
"""How attempts ended, with colours that everybody can tell apart."""


def kind_of(arrival: Arrival) -> str:
    """How the receiver answered."""
    return {204: "delivered", 429: "throttled", 0: "hung"}.get(arrival.status, "failed")


def by_second(arrivals: Sequence[Arrival]) -> list[Counter[str]]:
    """How many attempts of each kind came in each second, from the first on."""
    start = int(arrivals[0].at_s)
    seconds: list[Counter[str]] = [Counter() for _ in range(int(max(one.at_s for one in arrivals)) - start + 1)]
    for arrival in arrivals:
        seconds[int(arrival.at_s) - start][kind_of(arrival)] += 1
    return seconds


def keep_attempts(
    directory: Path, name: str, arrivals: Sequence[Arrival], kills_s: Sequence[float], most_each_s: int
) -> None:
    """Write `name`.csv and `name`.png: what came in each second, when the sender was killed, and what was allowed."""
    directory.mkdir(parents=True, exist_ok=True)
    seconds = by_second(arrivals)
    start = int(arrivals[0].at_s)
    struck = Counter(int(at_s) - start for at_s in kills_s)
    with (directory / f"{name}.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["second", *KINDS, "kills"])
        rows.writerows([at, *(seconds[at][kind] for kind in KINDS), struck[at]] for at in range(len(seconds)))
    figure = Figure(figsize=(11, 4.5), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    below = [0] * len(seconds)
    for kind, colour in KINDS.items():
        counts = [second[kind] for second in seconds]
        axes.bar(range(len(seconds)), counts, bottom=below, width=1.0, align="edge", color=colour, label=kind)
        below = [under + count for under, count in zip(below, counts, strict=True)]
    axes.axhline(most_each_s, color="black", linewidth=0.8, linestyle=":", label=f"receiver's limit, {most_each_s}/s")
    for number, at_s in enumerate(kills_s):
        axes.axvline(at_s - start, color="black", linestyle="--", label="" if number else "notifier killed (-9)")
    axes.set(xlabel="seconds since the first attempt", ylabel="attempts a second", xlim=(0, len(seconds)))
    axes.set_title(f"{len(arrivals):,} attempts, {sum(second['delivered'] for second in seconds):,} of them delivered")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=6, frameon=False)
    figure.savefig(directory / f"{name}.png", metadata={"Software": None})
