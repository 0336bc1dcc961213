"""Structured logs: one JSON object a line on standard error, with nothing of a customer in it."""

import json
import logging
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from traceback import extract_tb
from types import TracebackType
from typing import Any

_MOST_MESSAGES = 1000


class JsonFormatter(logging.Formatter):
    """Time, level, logger and message, then what was passed as `extra={"fields": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line for one record; of an exception only its type and place, since its text may quote data."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
            traceback = record.exc_info[2]
            while traceback is not None and traceback.tb_next is not None:
                traceback = traceback.tb_next
            if traceback is not None:
                code = traceback.tb_frame.f_code
                line["raised_in"] = f"{code.co_qualname}:{traceback.tb_lineno}"
        return json.dumps(line, ensure_ascii=False, default=str)


class OnceInAWhile(logging.Filter):
    """Lets a library say the same thing once in `every_s` seconds; ours may say everything, and so may an exception.

    Without a broker the Kafka client writes hundreds of lines a second. The next line tells how many were left out.
    """

    def __init__(self, every_s: float = 10.0) -> None:
        """Nothing has been said yet."""
        super().__init__()
        self._every_s = every_s
        self._said: dict[tuple[str, int, object], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this record is written."""
        if record.name.partition(".")[0] == "ebbwatch" or record.exc_info:
            return True
        what = (record.name, record.levelno, record.msg)
        last_s, left_out = self._said.get(what, (0.0, 0))
        if record.created - last_s < self._every_s:
            self._said[what] = (last_s, left_out + 1)
            return False
        if len(self._said) >= _MOST_MESSAGES:
            self._said.clear()
        self._said[what] = (record.created, 0)
        if left_out:
            record.fields = {**getattr(record, "fields", {}), "left_out": left_out}
        return True


def start_logging(level: str, libraries: Iterable[str] = ()) -> None:
    """Send every logger's records to standard error as JSON lines; of `libraries` warnings and what is worse alone."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(OnceInAWhile())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    sys.excepthook = _log_the_end
    for library in libraries:
        logging.getLogger(library).setLevel(max(logging.getLevelName(level), logging.WARNING))


def _log_the_end(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """What ends the process says where, and of which kind: its text may quote a customer's data, so it is left out."""
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("ebbwatch").critical(
        "ended by an error", exc_info=(kind, error, traceback), extra={"fields": {"stack": _frames(traceback)}}
    )


def say_the_end(logger: logging.Logger, message: str, error: BaseException) -> None:
    """Why a process ends itself: where it happened, and of which kind; the text of an error may quote what is kept."""
    fields = {"error": type(error).__name__, "stack": _frames(error.__traceback__)}
    logger.critical(message, extra={"fields": fields})


def _frames(traceback: TracebackType | None) -> list[str]:
    return [f"{frame.name}:{frame.lineno}" for frame in extract_tb(traceback)]
