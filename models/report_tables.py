"""A report as tables of words, the same for the terminal and the page."""

from typing import Final

from msgspec import Struct, field

from models.alerts import instant
from models.learner_window import IN_FORCE
from models.population import LEAST
from models.quality_report import QualityReport
from models.report_words import MEASURES, NAMES, figure_words, psi_words
from models.score_metrics import Quality

_DAY_MS: Final = 86_400_000
_MOST_FEATURES: Final = 8
_FOREST_RECALIBRATED: Final = "random forest, recalibrated"


class Table(Struct, frozen=True, kw_only=True):
    """The first column says what a row is about; all others are figures, unless `is_words`."""

    title: str
    note: str = ""
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    is_words: bool = False


def report_tables(report: QualityReport) -> list[Table]:
    """All that a report says, the most important first; tables that would be empty are left out."""
    tables = [
        _learners(report), _tiers(report), _labels(report), _drift(report), _features(report), _conflicts(report),
        _promotions(report),
    ]  # fmt: skip
    return [table for table in tables if table.rows]


def _figures(quality: Quality) -> list[str]:
    return [figure_words(measure, value) for measure, value in quality._asdict().items()]


def _learners(report: QualityReport) -> Table:
    rows = []
    for name, quality in report.learners.items():
        words = f"{NAMES[name]} (champion)" if name == report.champion else NAMES[name]
        rows.append([words, *_figures(quality)])
    note = (
        "Scores as told are what the bank could act on. The learners are asked when the outcome comes, just before they"
        " learn it: that compares them, and is better by what they have learnt since the observation."
    )
    found = report.forest
    if found is not None:
        row = dict.fromkeys(MEASURES, "-")
        row["examples"] = figure_words("examples", found.examples)
        row["log_loss"] = figure_words("log_loss", found.log_loss_recalibrated)
        row["ece"] = figure_words("ece", found.ece_recalibrated)
        rows.append([_FOREST_RECALIBRATED, *row.values()])
        note += (
            f" The forest is recalibrated by the older half of its outcomes and measured on the newer; without that it"
            f" has there log loss {found.log_loss:.4f} and ECE {found.ece:.4f}:"
            f" recalibration {'wins' if found.wins else 'does not win'}."
        )
    return Table(title="Who scores how well", note=note, columns=["", *MEASURES.values()], rows=rows)


def _tiers(report: QualityReport) -> Table:
    rows = [[tier, *_figures(quality)] for tier, quality in report.tiers.items()]
    return Table(title=f"{NAMES[IN_FORCE].capitalize()}, by tier", columns=["", *MEASURES.values()], rows=rows)


def _labels(report: QualityReport) -> Table:
    rows = [
        ["outcomes known", f"{report.settled:,}, {report.corrected:,} of them corrected since"],
        ["outcomes still to come", f"{report.pending:,}, {report.overdue:,} of them overdue"],
        ["matured fraction", f"{100 * report.matured_fraction:.1f} % of what is due is known"],
        ["label age", f"{report.label_age_ms / _DAY_MS:.1f} days from the observation to its outcome, on average"],
        ["labels learnt", f"{report.learnt:,}, up to {_day(report.clock_ms)}"],
    ]
    return Table(title="Labels", columns=["", ""], rows=rows, is_words=True)


def _drift(report: QualityReport) -> Table:
    rows = [["drift alarms", f"{report.alarms:,}: losses have risen (ADWIN), and the champion learnt fast again"]]
    if report.observed < LEAST:
        rows.append(["population stability", f"said from {LEAST:,} observations on; so far {report.observed:,}"])
    else:
        changed = sum(psi >= 0.25 for _, psi in report.feature_psi)
        rows.append(["PSI of scores", f"{report.score_psi:.3f}, {psi_words(report.score_psi)}"])
        rows.append(["features shifted", f"{changed:,} of {len(report.feature_psi):,} (PSI of 0.25 or more)"])
    return Table(title="Drift", columns=["", ""], rows=rows, is_words=True)


def _features(report: QualityReport) -> Table:
    rows = []
    if report.observed >= LEAST:
        rows = [[name, f"{psi:.3f}", psi_words(psi)] for name, psi in report.feature_psi[:_MOST_FEATURES]]
    return Table(
        title="Features that have changed most",
        note="Population stability index: the latest observations against those before.",
        columns=["feature", "PSI", ""],
        rows=rows,
    )


def _conflicts(report: QualityReport) -> Table:
    rows = [
        [one.feature, "+" if one.expected > 0 else "-", f"{one.slope:+.3f}", f"{one.deviations:.1f}"]
        for one in report.conflicts
    ]
    return Table(
        title="Signs that contradict the standards",
        note="What was learnt counts the other way than the standard says: a reason to look at the data.",
        columns=["feature", "standard", "slope learnt", "standard errors"],
        rows=rows,
    )


def _promotions(report: QualityReport) -> Table:
    rows = []
    for one in report.promotions:
        why = "an operator wanted it"
        if (found := one.evidence) is not None:
            why = (
                f"over {found.examples:,} outcomes: log loss {found.challenger_log_loss:.4f} against"
                f" {found.log_loss:.4f}, PR AUC {found.challenger_pr_auc:.4f} against {found.pr_auc:.4f},"
                f" ECE {found.challenger_ece:.4f} against {found.ece:.4f}"
            )
        rows.append([_day(one.at_ms), f"{NAMES[one.before]} -> {NAMES[one.after]}", why])
    return Table(title="Changes of champion", columns=["", "", ""], rows=rows, is_words=True)


def report_head(report: QualityReport) -> list[str]:
    """What the report is about, in two lines."""
    told = report.learners.get(IN_FORCE)
    pinned = " (pinned)" if report.pinned else ""
    standing = (
        f"in force: {report.in_force or 'the cold model'}{pinned};"
        f" {report.learnt:,} labels learnt, {report.versions:,} versions published"
    )
    if told is None:
        return [f"as of {_day(report.clock_ms)}: no outcome is known yet", standing]
    window = (
        f"{told.examples:,} latest outcomes, {_day(report.from_ms)} to {_day(report.to_ms)}:"
        f" {100 * told.base_rate:.1f} % of the customers left"
    )
    return [window, standing]


def _day(at_ms: int) -> str:
    return f"{instant(at_ms):%Y-%m-%d}"
