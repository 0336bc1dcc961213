"""`ebbwatch model report`: how good the scores are, as tables, as a picture and as a page."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.text import Text

from agents.case_words import words_table
from agents.commands.model_data import model_data_option
from agents.commands.wide import wide_console

if TYPE_CHECKING:
    from models.quality_report import QualityReport

_FORMATS = (".png", ".html")


@click.command()
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Draw a .png, or write a page, .html."
)
@model_data_option
def report(data: Path, output: Path | None) -> None:
    """Tell how good the scores are: exact figures over the latest 10,000 outcomes."""
    if output is not None and output.suffix.lower() not in _FORMATS:
        raise click.UsageError(f"{output}: expected a name that ends in {' or '.join(_FORMATS)}")
    from streams.model_reading import opened, read_report

    with opened(data) as store:
        found = read_report(store)
    if output is not None:
        output.write_bytes(_drawn(found, output.suffix.lower()))
    _print(found)
    if output is not None:
        click.echo(f"\nwritten: {output}")


def _drawn(found: "QualityReport", suffix: str) -> bytes:
    if suffix == ".png":
        from streams.model_picture import draw_report

        return draw_report(found)
    from streams.model_page import report_page

    return report_page(found)


def _print(found: "QualityReport") -> None:
    from models.report_tables import report_head, report_tables

    console = wide_console()
    for line in report_head(found):
        console.print(line)
    for table in report_tables(found):
        console.print()
        console.print(Text(table.title, style="bold"))
        shown = words_table(*table.columns)
        shown.show_header = any(table.columns)
        for column in [] if table.is_words else shown.columns[1:]:
            column.justify = "right"
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown)
        if table.note:
            console.print(Text(table.note, style="dim"))
