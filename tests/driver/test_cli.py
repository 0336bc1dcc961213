"""The command line: what each command prints, and what it says when it cannot."""

import gzip
import io
import json
import socket
import sqlite3
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from agents.cli import main
from agents.live_view import LiveView
from agents.summary import print_summary
from models.alerts import Alert, instant
from models.events import EVENT_TYPES
from streams.run_report import RunReport
from tests.driver.test_embedded import contacts
from tests.support.feeds import START_MS, line, login, write
from tests.unit.recorded import test_calls1999

COMMANDS = (
    *("run", "demo", "status", "customer", "verify", "simulate", "import", "schema", "policies"),
    *("topics", "publish", "dead-letters", "lag", "config", "sla", "case", "explain"),
)
LOOKING = ("status", "verify", "customer")


def invoke(*arguments: str | Path, code: int = 0, stdin: bytes | None = None) -> Result:
    """Run a command; whatever its exit status, it never ends in a traceback."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def run(data: Path, *feeds: str | Path, code: int = 0, stdin: bytes | None = None) -> Result:
    return invoke("run", "--embedded", "--metrics-port", "0", "--data", data, *feeds, code=code, stdin=stdin)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run over a few contacts; look, but do not touch."""
    directory = tmp_path_factory.mktemp("cli")
    feed = write(directory / "calls.ndjson", contacts(range(1, 6), 3))
    run(directory / "run", feed)
    return directory / "run"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    """Help is there for each command, and the list of commands names it."""
    assert "Usage:" in invoke(command, "--help").stdout
    assert command in invoke("-h").stdout


# --- run --------------------------------------------------------------------------------------------------


def test_run_logs_and_writes(tmp_path: Path) -> None:
    """Off a terminal a run logs JSON to standard error, prints nothing, and leaves its files."""
    result = run(tmp_path / "run", write(tmp_path / "feed.ndjson", [login(1), login(2), b"bad"]))

    assert result.stdout == ""
    ended = json.loads(result.stderr.splitlines()[-1])
    assert (ended["message"], ended["folded"], ended["dead_letters"], ended["lines"]) == ("run ended", 2, 1, 3)
    assert (tmp_path / "run/out/dead-letters.ndjson").exists()


def test_run_reads_directories_and_packed_files(tmp_path: Path) -> None:
    """Every kind of feed that the help names."""
    feeds = tmp_path / "feeds"
    feeds.mkdir()
    write(feeds / "a.ndjson", [login(1)])
    (feeds / "b.ndjson.gz").write_bytes(gzip.compress(login(2)))
    result = run(tmp_path / "run", feeds, write(tmp_path / "c.jsonl", [login(3)]))

    assert json.loads(result.stderr.splitlines()[-1])["folded"] == 3


@pytest.mark.parametrize("clock", ["auto", "event"])
def test_run_reads_standard_input(tmp_path: Path, clock: str) -> None:
    """A dash is standard input, live unless told otherwise."""
    result = run(tmp_path / "run", "--clock", clock, "-", stdin=login(1) + b"\n" + login(2))

    assert json.loads(result.stderr.splitlines()[-1])["folded"] == 2


def test_run_goes_on_and_says_so(tmp_path: Path) -> None:
    """What was read before is counted apart."""
    feed = write(tmp_path / "feed.ndjson", [login(1), login(2)])
    run(tmp_path / "run", feed)
    ended = json.loads(run(tmp_path / "run", feed).stderr.splitlines()[-1])

    assert (ended["lines"], ended["lines_read_before"]) == (0, 2)


def test_run_needs_to_be_told_how() -> None:
    """There is one way to run yet, and it must be named."""
    assert "say --embedded" in invoke("run", "--data", "x", "feed", code=2).stderr
    assert "Missing option '--data'" in invoke("run", "--embedded", "feed", code=2).stderr
    assert "FILE..." in invoke("run", "--embedded", "--data", "x", code=2).stderr


def test_run_says_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every mistake of an operator is one readable line that names what is meant."""
    feed = write(tmp_path / "feed.ndjson", [login(1)])
    data = tmp_path / "run"
    run(data, feed)
    (tmp_path / "bad.toml").write_text("version = ")
    (tmp_path / "cut.ndjson.gz").write_bytes(gzip.compress(login(1))[:-9])
    (tmp_path / "file").touch()
    garbage = tmp_path / "garbage"
    garbage.mkdir()
    (garbage / "ledger.sqlite3").write_bytes(b"not a database" * 100)

    assert "nowhere: no such file or directory" in run(data, tmp_path / "nowhere", code=1).stderr
    assert "cut.ndjson.gz: the compressed data are damaged" in run(data, tmp_path / "cut.ndjson.gz", code=1).stderr
    assert "was made with 1 shards, not 2" in run(data, "--shards", "2", feed, code=1).stderr
    assert "bad.toml: not valid TOML" in run(data, "--policies", tmp_path / "bad.toml", feed, code=1).stderr
    assert "none.toml: cannot be read" in run(data, "--policies", tmp_path / "none.toml", feed, code=1).stderr
    assert "ledger.sqlite3 is damaged: restore" in run(garbage, feed, code=1).stderr
    assert "Not a directory" in run(tmp_path / "file" / "below", feed, code=1).stderr
    for option in ("--shards", "--batch", "--cache", "--tick-every"):
        assert "is not in the range" in run(data, option, "0", feed, code=2).stderr
    monkeypatch.setenv("EBBWATCH_PSEUDONYM_KEY", "CANARY")
    short = run(data, feed, code=1)
    assert "expected at least 16 bytes, found 6" in short.stderr
    assert "CANARY" not in short.output
    monkeypatch.setenv("EBBWATCH_PSEUDONYM_KEY", "k" * 16)
    monkeypatch.setenv("EBBWATCH_LOG_LEVEL", "loud")
    assert "EBBWATCH_LOG_LEVEL: expected one of" in run(data, feed, code=1).stderr


def test_run_survives_a_taken_port(tmp_path: Path) -> None:
    """Metrics that cannot be served are a warning, not the end of the watch."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        feed = write(tmp_path / "feed.ndjson", [login(1)])
        result = invoke("run", "--embedded", "--data", tmp_path / "run", "--metrics-port", str(port), feed)

    messages = [json.loads(line)["message"] for line in result.stderr.splitlines()]
    assert messages == ["metrics are not served", "run ended"]


# --- looking into a data directory -----------------------------------------------------------------------------


def test_status_shows_the_shards(data: Path) -> None:
    """Where each shard stands, and by which policies it decides."""
    result = invoke("status", "--data", data)

    assert "2026.1" in result.stdout
    assert "2026-01-05" in result.stdout


def test_status_lists_the_largest_outflows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Customers with an open outflow alert come by the size of it, at most as many as asked for."""
    monkeypatch.setenv("COLUMNS", "200")
    lines = []
    for number, amount in enumerate((500_000, 800_000, 700_000, 600_000)):
        name = f"[c{number}]"
        lines.append(line("profile", customer_id=name, event_id=f"p{number}", aum=1_000_000))
        lines.append(line("transaction", customer_id=name, event_id=f"t{number}", amount=amount, balance_after=...))
    run(tmp_path / "run", "--shards", "3", write(tmp_path / "feed.ndjson", lines))
    shown = invoke("status", "--data", tmp_path / "run", "--top", "3").stdout
    rows = [row.split() for row in shown.splitlines()[-3:]]

    assert [(row[0], row[2]) for row in rows] == [
        ("[c1]", "800,000.00"),
        ("[c2]", "700,000.00"),
        ("[c3]", "600,000.00"),
    ]


def test_customer_shows_what_is_remembered(data: Path) -> None:
    """Counters, contacts and alerts of one customer."""
    shown = invoke("customer", "--data", data, "c3").stdout

    assert shown.startswith("c3: basic, acquisition; 3 events")
    assert "contacts about fees" in shown
    assert "repeated_inquiry (fees): warning, revision 1, open" in shown


def test_customer_nobody_knows(data: Path) -> None:
    """An id that was never seen is said to be that."""
    assert "no customer of that id has been seen" in invoke("customer", "--data", data, "nobody", code=1).stderr


def test_verify_finds_nothing(data: Path) -> None:
    """A healthy directory says how much was compared."""
    assert "5 customers and 5 outputs compared" in invoke("verify", "--data", data, "--batch", "2").stdout


def test_verify_finds_a_planted_difference(tmp_path: Path) -> None:
    """A changed aggregate ends in an error that counts it and names nobody."""
    run(tmp_path / "run", write(tmp_path / "feed.ndjson", [login(1, customer="CANARY"), login(2)]))
    with sqlite3.connect(tmp_path / "run/state.sqlite3") as database:
        database.execute("UPDATE customers SET body = x'90' WHERE customer_id = 'CANARY'")
    database.close()
    result = invoke("verify", "--data", tmp_path / "run", code=1)

    assert "shard 0: a customer's aggregate differs" in result.stderr
    assert "1 differences between the replay and what is kept" in result.stderr
    assert "CANARY" not in result.output


@pytest.mark.parametrize("command", LOOKING)
def test_looking_where_nothing_was_run(tmp_path: Path, command: str) -> None:
    """A directory without a run is refused, and nothing is made in it."""
    arguments = ["--data", str(tmp_path), *(["c1"] if command == "customer" else [])]

    assert "holds no ledger.sqlite3: nothing was run on it" in invoke(command, *arguments, code=2).stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", LOOKING)
@pytest.mark.parametrize("damage", ["format", "garbage", "ledger"])
def test_looking_at_what_cannot_be_read(tmp_path: Path, command: str, damage: str) -> None:
    """Files of another version and damaged ones are a line of text."""
    data = tmp_path / "run"
    run(data, write(tmp_path / "feed.ndjson", [login(1)]))
    if damage == "garbage":
        (data / "state.sqlite3").write_bytes(b"not a database" * 100)
        expected = "state.sqlite3 is damaged (DatabaseError): delete it"
    else:
        name, statement, expected = {
            "format": ("state.sqlite3", "PRAGMA user_version = 99", "store format 99"),
            "ledger": ("ledger.sqlite3", "UPDATE about SET value = '9' WHERE name = 'format'", "another version"),
        }[damage]
        with sqlite3.connect(data / name) as database:
            database.execute(statement)
        database.close()
    arguments = ["--data", str(data), *(["c1"] if command == "customer" else [])]

    assert expected in invoke(command, *arguments, code=1).stderr


HOSTILE = ("[/]", "[bold]", "[/nothing]", "[link=x]a", "\\[red]", "客户[red]")


@pytest.mark.parametrize("name", HOSTILE)
def test_markup_in_an_id_is_just_text(tmp_path: Path, name: str) -> None:
    """Ids and codes that look like the terminal library's markup are shown as they are."""
    lines = [one.replace(b'"c3"', json.dumps(name).encode()) for one in contacts(range(3, 4), 3)]
    lines = [one.replace(b'"fees"', json.dumps(name).encode()) for one in lines]
    run(tmp_path / "run", write(tmp_path / "feed.ndjson", lines))
    shown = invoke("customer", "--data", tmp_path / "run", name).stdout

    assert shown.startswith(f"{name}: basic")
    assert f"contacts about {name}:" in shown
    assert f"({name})" in shown


@pytest.mark.parametrize("name", HOSTILE)
def test_markup_in_an_alert_is_just_text(tmp_path: Path, name: str) -> None:
    """Neither the live view nor the closing summary stumbles over an id."""
    alert = Alert(
        alert_id="a", revision=1, rule="repeated_inquiry", state="raised", customer_id=name, subject=name,
        severity="warning", tier="core", stage="growth", raised_at=instant(START_MS), at=instant(START_MS),
        triggers=[], figures={}, evidence=[], summary=f"asked about {name}", action="", action_zh="",
        policy_version="1", policy_digest="d",
    )  # fmt: skip
    report = RunReport(clock_ms=START_MS)
    report.latest.append(alert)
    report.alerts["repeated_inquiry", "raised"] += 1
    shown = io.StringIO()
    console = Console(file=shown, width=200)
    print_summary(console, report, tmp_path)
    console.print(LiveView(report, console, "title").render())

    assert shown.getvalue().count(f"asked about {name}") == 2


# --- schema, policies, simulate, import, demo ----------------------------------------------------------------------


@pytest.mark.parametrize("event_type", sorted(EVENT_TYPES))
def test_schema_of_each_type(event_type: str) -> None:
    """Each schema is JSON for upstream teams."""
    schema = json.loads(invoke("schema", event_type).stdout)

    assert schema["title"] == f"Ebbwatch feed event: {event_type}"


def test_schema_lists_the_types() -> None:
    """Without a type the types are listed; another one is refused with the list."""
    assert invoke("schema").stdout.split() == sorted(EVENT_TYPES)
    assert "'login'" in invoke("schema", "tick", code=2).stderr


def test_policies_shown_can_be_checked(tmp_path: Path) -> None:
    """What is shown is a file that passes the check, and keeps its comments."""
    path = tmp_path / "mine.toml"
    path.write_text(invoke("policies", "show").stdout)

    assert "资产转出" in path.read_text()
    assert "version 2026.1, digest " in invoke("policies", "check", path).stdout


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("window_days = 14", "window_days = 99", "window_days"),
        ("window_days = 14", "window_dayz = 14", "window_dayz"),
        ('zone = "Asia/Shanghai"', 'zone = "Mars/Olympus"', "expected an IANA time zone"),
        ("[tiers]", "[tiers", "not valid TOML"),
    ],
)
def test_policies_that_cannot_be_used(tmp_path: Path, old: str, new: str, said: str) -> None:
    """A bad file is refused with its name, the key and what was expected."""
    path = tmp_path / "mine.toml"
    text = invoke("policies", "show").stdout
    assert old in text
    path.write_text(text.replace(old, new, 1))
    result = invoke("policies", "check", path, code=1)

    assert "mine.toml: " in result.stderr
    assert said in result.stderr


def test_policies_that_are_not_there(tmp_path: Path) -> None:
    """A missing file is a line of text."""
    assert "cannot be read as text" in invoke("policies", "check", tmp_path / "none.toml", code=1).stderr


def test_simulate_then_run(tmp_path: Path) -> None:
    """What the simulator writes, the run accepts to the last line."""
    feed = tmp_path / "events.ndjson.gz"
    result = invoke("simulate", "--customers", "5", "--days", "10", "-o", feed, "--truth", tmp_path / "truth.json")
    assert "customers" in result.stderr
    assert json.loads((tmp_path / "truth.json").read_bytes())["parameters"]["customers"] == 5
    ended = json.loads(run(tmp_path / "run", feed).stderr.splitlines()[-1])

    assert ended["folded"] == ended["lines"] == gzip.decompress(feed.read_bytes()).count(b"\n") > 0
    assert ended["dead_letters"] == 0


def test_simulate_says_what_is_wrong(tmp_path: Path) -> None:
    """Parameters that cannot be, and places that cannot be written."""
    assert "must not exceed 1" in invoke("simulate", "--core-share", "0.9", "--potential-share", "0.9", code=2).stderr
    missing = invoke("simulate", "--customers", "1", "--days", "1", "-o", tmp_path / "none" / "x.ndjson", code=1)
    assert "No such file or directory" in missing.stderr


def test_import_then_run(tmp_path: Path) -> None:
    """What the importer writes, the run accepts."""
    test_calls1999.write_calls(tmp_path, {}, {"customer_id": "0"})
    feed = tmp_path / "calls.ndjson"
    assert "events: 1" in invoke("import", "calls1999", tmp_path, "-o", feed).stderr

    assert json.loads(run(tmp_path / "run", feed).stderr.splitlines()[-1])["folded"] == 1
    assert "does not exist" in invoke("import", "calls1999", tmp_path / "none", "-o", feed, code=2).stderr


def test_demo_from_nothing_and_again(tmp_path: Path) -> None:
    """The demo says what it does, ends with a summary, and starts anew the next time."""
    data = tmp_path / "demo"
    for _ in range(2):
        result = invoke("demo", "--customers", "20", "--days", "14", "--data", data)
        for said in ("Simulating a bank: 20 customers", "events folded", "Where to look next:", "planted"):
            assert said in result.stdout
    assert "outputs compared" in invoke("verify", "--data", data / "run").stdout


def test_demo_deletes_nothing_of_others(tmp_path: Path) -> None:
    """A directory that no demo has made is left alone."""
    (tmp_path / "mine.txt").touch()
    assert "no demo has written" in invoke("demo", "--customers", "1", "--days", "7", "--data", tmp_path, code=1).stderr

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_alerts_are_cloud_events(data: Path) -> None:
    """Each line of the alerts is an envelope that any consumer can read, with its place in front."""
    for one in (data / "out/alerts.ndjson").read_bytes().splitlines():
        event = msgspec.json.decode(one)
        assert {"specversion", "id", "source", "type", "subject", "time", "data", "shard", "sequence"} <= event.keys()
        assert event["id"] == f"{event['data']['alert_id']}.{event['data']['revision']}"
        assert event["subject"] == event["data"]["customer_id"]
