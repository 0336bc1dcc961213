"""``ebbwatch import``: recorded data sets become feed files."""

from collections.abc import Callable, Iterator
from pathlib import Path

import click

from models.events import FeedEvent
from streams.feed_files import write_feed
from streams.recorded.berka import read_berka
from streams.recorded.calls1999 import read_calls1999
from streams.recorded.cfpb2015 import read_cfpb2015
from streams.recorded.cmb2020 import read_cmb2020
from streams.recorded.tables import RecordedDataError
from streams.recorded.tally import Tally

Reader = Callable[[Path, Tally], Iterator[FeedEvent]]


@click.group("import")
def import_recorded() -> None:
    """Turn a recorded data set into a feed file (NDJSON, events in time order)."""


def _command(name: str, reader: Reader, summary: str) -> None:
    @import_recorded.command(name, help=summary, short_help=summary)
    @click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
    @click.option(
        "-o",
        "--output",
        required=True,
        metavar="FILE",
        help="Where the events go: gzipped when the name ends in .gz, '-' is standard output.",
    )
    def run(directory: Path, output: str) -> None:
        _import(reader, directory, output)


def _import(reader: Reader, directory: Path, output: str) -> None:
    tally = Tally()
    try:
        write_feed(output, reader(directory, tally))
    except RecordedDataError as error:
        raise click.ClickException(str(error)) from error
    except BrokenPipeError:
        raise  # the reader of our standard output has seen enough; click ends quietly
    except OSError as error:
        raise click.ClickException(f"{error.filename or output}: {error.strerror}") from error
    for line in tally.lines():
        click.echo(line, err=True)


_command("cmb2020", read_cmb2020, "Retail transactions, page views and customers, China, May and June 2019.")
_command("calls1999", read_calls1999, "Calls to a bank's call centre, Israel, February 1999.")
_command("berka", read_berka, "Transactions with balances, Czech accounts, from January 1993.")
_command("cfpb2015", read_cfpb2015, "Complaints to the consumer protection bureau of the USA, January to March 2015.")
