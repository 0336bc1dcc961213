"""What the environment says; the only reader of it.

A secret may be given as a value or, with `_FILE` behind the name, as the path of a file that holds it. Neither is ever
shown.
"""

import os
from collections.abc import Mapping
from pathlib import Path

PSEUDONYM_KEY = "EBBWATCH_PSEUDONYM_KEY"
LOG_LEVEL = "EBBWATCH_LOG_LEVEL"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class SettingsError(ValueError):
    """A setting that cannot be used; the message names it and what was expected, never its value."""


class Settings:
    """Settings read once, when the process starts."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """Read `environment`, by default the process's own; raises `SettingsError`."""
        environment = os.environ if environment is None else environment
        self.pseudonym_key = _secret(environment, PSEUDONYM_KEY)
        self.log_level = environment.get(LOG_LEVEL, "INFO").upper()
        if self.log_level not in LOG_LEVELS:
            raise SettingsError(f"{LOG_LEVEL}: expected one of {', '.join(LOG_LEVELS)}")


def _secret(environment: Mapping[str, str], name: str) -> bytes | None:
    value, path = environment.get(name), environment.get(f"{name}_FILE")
    if value and path:
        raise SettingsError(f"{name}: expected either {name} or {name}_FILE, found both")
    if path:
        try:
            return Path(path).read_bytes().strip()
        except OSError as error:
            raise SettingsError(f"{name}_FILE: cannot be read ({error.strerror})") from None
    return value.encode() if value else None
