"""Logs: one JSON object a line, and no text of an exception."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from streams.logs import JsonFormatter, OnceInAWhile, start_logging


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger.addHandler(handler)
    logger.setLevel("INFO")
    logger.propagate = False
    yield stream
    logger.removeHandler(handler)


logger = logging.getLogger("ebbwatch.test")


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail() -> None:
    raise ValueError("CANARY")


def test_a_record_is_one_line(written: io.StringIO) -> None:
    """Time, level, logger and message, whatever characters are in it."""
    logger.info("客户 line\nbreak %d", 7)
    (line,) = lines(written)

    assert written.getvalue().count("\n") == 1
    assert line.pop("at").endswith("+00:00")
    assert line == {"level": "info", "logger": "ebbwatch.test", "message": "客户 line\nbreak 7"}


def test_fields_are_kept(written: io.StringIO) -> None:
    """What is passed beside the message stands beside it, also what JSON does not know."""
    logger.warning("done", extra={"fields": {"lines": 3, "share": 0.5, "path": io, "why": None}})
    (line,) = lines(written)

    assert (line["lines"], line["share"], line["why"], line["level"]) == (3, 0.5, None, "warning")
    assert isinstance(line["path"], str)


def test_the_text_of_an_exception_stays_out(written: io.StringIO) -> None:
    """Of an exception, its causes and its traceback only type and place are written."""
    try:
        try:
            fail()
        except ValueError as cause:
            secret = "CANARY-2"
            raise KeyError(secret) from cause
    except KeyError:
        logger.exception("it failed")
    (line,) = lines(written)

    assert "CANARY" not in written.getvalue()
    assert line["exception"] == "KeyError"
    assert line["raised_in"].startswith("test_the_text_of_an_exception_stays_out:")


def test_the_place_is_the_innermost(written: io.StringIO) -> None:
    """Where it was raised, not where it was caught."""
    try:
        fail()
    except ValueError:
        logger.exception("it failed")

    assert lines(written)[0]["raised_in"].startswith("fail:")


def test_starting_twice_writes_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Logging goes to standard error as JSON, once, from the level asked for."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    try:
        start_logging("INFO")
        start_logging("WARNING")
        logging.getLogger("ebbwatch.other").info("quiet")
        logging.getLogger("ebbwatch.other").warning("loud")
    finally:
        root.handlers, root.level = handlers, level
    captured = capsys.readouterr()

    assert captured.out == ""
    assert [json.loads(line)["message"] for line in captured.err.splitlines()] == ["loud"]


def test_a_library_repeats_itself_once_in_a_while() -> None:
    """The same message of a library is left out for some seconds, and counted; ours, and exceptions, never are."""
    once = OnceInAWhile(10)

    def let_through(
        at_s: float, name: str = "aiokafka", message: str = "cannot connect to %s", error: Any = None
    ) -> Any:
        record = logging.LogRecord(name, logging.ERROR, "f", 1, message, ("x",), error)
        record.created = at_s
        return record if once.filter(record) else None

    assert [bool(let_through(at_s)) for at_s in (100, 101, 109.9)] == [True, False, False]
    assert let_through(105, message="another %s")
    assert let_through(105, name="faust")
    assert let_through(105, name="ebbwatch.shard")
    assert let_through(106, name="ebbwatch.shard")
    assert let_through(107, error=(ValueError, ValueError(), None))
    assert let_through(110).fields == {"left_out": 2}
    assert not hasattr(let_through(120), "fields")
