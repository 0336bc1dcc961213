"""What the commands on a learner's models share."""

import functools
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from models.churn_curves import SnapshotMismatch
from streams.names import LEARNER_FILE


def model_data_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option `--data DIR` of a command that opens a learner's file; what is wrong with it is said in a line."""

    @functools.wraps(command)
    def guarded(*arguments: Any, data: Path, **options: Any) -> Any:
        # Here, not above: River takes a second to load, which no other command should pay for.
        from streams.learner_store import LearnerMismatch
        from streams.learner_versions import UnknownVersion
        from streams.model_changes import CannotChange
        from streams.model_reading import NothingLearnt
        from streams.model_rebuild import Forgotten

        try:
            return command(*arguments, data=data, **options)
        except UnknownVersion as error:
            told = f"there is no version {error}: `ebbwatch model list` names them"
        except (NothingLearnt, LearnerMismatch, CannotChange, Forgotten) as error:
            told = str(error)
        except SnapshotMismatch as error:
            told = f"{data / LEARNER_FILE}: {error}"
        except sqlite3.Error as error:
            told = f"{data / LEARNER_FILE}: cannot be used ({error})"
        except BrokenPipeError:
            raise  # the reader of our standard output has seen enough; click ends quietly
        except OSError as error:
            told = f"{error.filename or data}: {error.strerror}"
        raise click.ClickException(told)

    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        required=True,
        help="Data directory of a learner, or of an embedded run; it may be at work.",
    )(guarded)
