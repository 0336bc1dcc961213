"""`ebbwatch model report`: how good the scores are, as tables, as a picture and as a page."""

from pathlib import Path

import click
from rich.text import Text

from agents.case_words import words_table
from agents.commands.model_data import model_data_option
from agents.commands.wide import wide_console

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
    from models.report_tables import report_head, report_tables
    from streams.model_reading import opened, read_report

    with opened(data) as store:
        found = read_report(store)
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
    if output is None:
        return
    if output.suffix.lower() == ".png":
        from streams.model_picture import draw_report

        output.write_bytes(draw_report(found))
    else:
        from streams.model_page import report_page

        output.write_bytes(report_page(found))
    console.print(f"\nwritten: {output}")
