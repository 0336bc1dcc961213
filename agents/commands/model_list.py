"""`ebbwatch model list` and `ebbwatch model show`: the published models, and what one of them goes by."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agents.case_words import words_table
from agents.commands.model_data import model_data_option
from agents.commands.wide import wide_console

if TYPE_CHECKING:
    from models.curve_strengths import CurveStrength
    from models.scoring_model import ScoringModel
    from streams.learner_store import LearnerStore


@click.command("list")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, the latest first.")
@model_data_option
def list_models(data: Path, limit: int) -> None:
    """List the versions that the learner has published, and which of them scores."""
    from agents.model_words import standing_words, version_cells
    from streams.model_reading import opened

    with opened(data) as store, store.history.moment():
        versions = store.versions
        rows, in_force, pinned = versions.rows(), versions.in_force(), versions.pinned()
    if not rows:
        click.echo("nothing has been published yet: customers are scored by the cold model")
        return
    table = words_table(
        "number", "version", "learner", "labels", "until", "published", "ROC AUC", "PR AUC", "ECE", "standing"
    )
    for row in reversed(rows[-limit:]):
        table.add_row(*version_cells(row), standing_words(row, in_force, pinned))
    for number in (0, 3, 6, 7, 8):
        table.columns[number].justify = "right"
    wide_console().print(table)
    scores = f"in force: {in_force or 'the cold model; nothing has been announced'}"
    held = f"; pinned: {pinned}, `ebbwatch model promote --latest` ends that" if pinned else ""
    click.echo(f"{min(limit, len(rows)):,} of {len(rows):,} versions shown; {scores}{held}")


@click.command()
@click.argument("version")
@click.option("--curves", type=click.IntRange(1), default=15, show_default=True, help="How many curves to show.")
@model_data_option
def show(data: Path, version: str, curves: int) -> None:
    """Show one model: its figures, what its strongest curves add, and where it contradicts the standards.

    VERSION is a number or a name of `ebbwatch model list`.
    """
    from agents.model_words import model_head
    from streams.model_reading import find_version, opened

    with opened(data) as store, store.history.moment():
        versions = store.versions
        row = find_version(versions.rows(), version)
        model = versions.model(row.version)
        for line in model_head(row, model, versions.in_force(), versions.pinned()):
            click.echo(line)
        _print_curves(store, model, curves)
        _print_conflicts(store, row.version)


def _print_curves(store: "LearnerStore", model: "ScoringModel", most: int) -> None:
    from models.curve_strengths import curve_strengths, group_strengths
    from streams.model_reading import feature_set, latest_contributions

    chosen = feature_set(model.schema)
    contributions = latest_contributions(store, model, chosen)
    if contributions is not None:
        groups = [f"{one.group} {one.adds:.2f}" for one in group_strengths(chosen, contributions) if one.adds >= 0.005]
        click.echo(f"goes by: {', '.join(groups) or 'nothing yet'}")
    found = [one for one in curve_strengths(model, chosen, contributions) if one.adds > 0.0]
    of = "of the latest customers observed" if contributions is not None else "at a deviation on either side"
    click.echo(f"\nstrongest curves; adds: mean distance from the mean, {of}, in the logit\n")
    _print_curve_table(found[:most])


def _print_curve_table(found: "list[CurveStrength]") -> None:
    from agents.model_words import curve_cells
    from models.curve_strengths import SHOWN_AT

    table = words_table("feature", "reason", "adds", "-3 to 3", *(f"{at:+.0f} dev" for at in SHOWN_AT), "standard")
    for one in found:
        table.add_row(*curve_cells(one))
    for number in (2, 4, 5, 6, 7):
        table.columns[number].justify = "right"
    wide_console().print(table)


def _print_conflicts(store: "LearnerStore", version: str) -> None:
    from models.sign_check import sign_conflicts
    from streams.model_reading import feature_set

    hat = store.versions.snapshot(version).hat
    signs = {feature.name: feature.sign for feature in feature_set(hat.schema).features}
    conflicts = sign_conflicts(hat, signs)
    if not conflicts:
        click.echo("\nno sign that was learnt contradicts the standards")
        return
    click.echo("\nsigns that contradict the standards: a reason to look at the data\n")
    table = words_table("feature", "standard", "slope learnt", "standard errors", "labels")
    for one in conflicts:
        sign = "riskier" if one.expected > 0 else "safer"
        table.add_row(one.feature, f"more is {sign}", f"{one.slope:+.3f}", f"{one.deviations:.1f}", f"{one.labels:,}")
    wide_console().print(table)
