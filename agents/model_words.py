"""Published models in words and cells."""

from models.alerts import instant
from models.curve_strengths import CurveStrength
from models.report_words import MEASURES, NAMES, figure_words
from models.scoring_model import ScoringModel, model_digest
from streams.learner_versions import ANNOUNCED, NEW, VersionRow

_BARS = "▁▂▃▄▅▆▇█"
_SIGNS = {1: "more is riskier", -1: "more is safer", 0: "-"}


def standing_words(row: VersionRow, in_force: str | None, pinned: str | None) -> str:
    """Whether a version scores, did, or will."""
    if row.version == pinned:
        return "in force, pinned" if pinned == in_force else "pinned, to be announced"
    if row.version == in_force:
        return "in force, until the pinned one is announced" if pinned else "in force"
    if row.state == NEW:
        return "held back by the pin" if pinned else "to be announced"
    return "was in force" if row.state == ANNOUNCED else "passed over"


def version_cells(row: VersionRow) -> list[str]:
    """A version as cells, without its standing."""
    figures = [_figure(row.quality, measure) for measure in ("auc", "pr_auc", "ece")]
    learner, times = NAMES.get(row.learner, row.learner), (_minute(row.until_ms), _minute(row.published_ms))
    return [str(row.number), row.version, learner, f"{row.learnt:,}", *times, *figures]


def model_head(row: VersionRow, model: ScoringModel, in_force: str | None, pinned: str | None) -> list[str]:
    """What a model is, and how good its learner was when it was published."""
    schema = model.schema
    until = f", the latest of {_minute(row.until_ms)} UTC" if row.until_ms else ""
    lines = [
        f"{row.version}: {standing_words(row, in_force, pinned)}",
        f"published {_minute(row.published_ms)} UTC by {NAMES.get(row.learner, row.learner)};"
        f" {row.learnt:,} labels{until}",
        f"features: {len(schema.features)} of {schema.name} version {schema.version}; digest {model_digest(model)}",
    ]
    if row.quality.get("examples"):
        words = [f"{name} {_figure(row.quality, measure)}" for measure, name in MEASURES.items()]
        lines.append(f"at publication: {', '.join(words)}")
    else:
        lines.append("at publication: no outcome was known yet")
    return lines


def curve_cells(one: CurveStrength) -> list[str]:
    """A curve as cells: what it adds, its shape, and which way the standards say that it should count."""
    values = [f"{value:+.2f}" for value in one.at]
    feature = one.feature
    return [feature.name, feature.group.value, f"{one.adds:.3f}", shape(one.shape), *values, _SIGNS[feature.sign]]


def shape(values: list[float]) -> str:
    """A curve as bars of eight heights, over its own range."""
    low, high = min(values), max(values)
    if high == low:
        return _BARS[0] * len(values)
    return "".join(_BARS[min(int((value - low) / (high - low) * len(_BARS)), len(_BARS) - 1)] for value in values)


def _minute(at_ms: int) -> str:
    return f"{instant(at_ms):%Y-%m-%d %H:%M}" if at_ms else "-"


def _figure(quality: dict[str, float], measure: str) -> str:
    return figure_words(measure, quality[measure]) if measure in quality else "-"
