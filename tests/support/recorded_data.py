"""Where the recorded data lies: outside this repository, in a directory that the environment names."""

import os
from pathlib import Path

VARIABLE = "EBBWATCH_RECORDED_DATA"


def recorded_directory() -> Path:
    """The directory of the recorded data; without one, an error that says what to set."""
    named = os.environ.get(VARIABLE)
    if not named:
        raise RuntimeError(f"set {VARIABLE} to the directory of the recorded data (see docs/recorded-data.md)")
    directory = Path(named)
    if not directory.is_dir():
        raise RuntimeError(f"{VARIABLE} names {named}, which is no directory")
    return directory
