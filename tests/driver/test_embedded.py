"""The whole pipeline in one process: feeds in, alerts out, state kept."""

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks.policies import policies_of
from config.policies import Policies, load_policies, policies_from_document, policy_digest, policy_document
from models.context import Fate, Stream
from models.customer import decode_customer
from models.events import PolicyActivated, Tick
from models.fold import RULES
from streams.codecs import Refusal, decode_ledger_run
from streams.embedded import DirectoryInUse, EmbeddedOptions, EmbeddedRun
from streams.feed_reader import FeedError
from streams.ledger import EmbeddedLedger, LedgerMismatch
from streams.names import STREAM_TOPICS
from streams.ndjson_sink import OutputFileError, output_file
from streams.pseudonyms import Pseudonymiser
from streams.replay import compare, replay
from streams.run_report import RunReport
from streams.stores.base import StoreError
from streams.stores.sqlite import SqliteStore
from tests.support.feeds import login, write

ROOT = Path(__file__).parents[2]


def options(data: Path, *feeds: Path | str, **changes: Any) -> EmbeddedOptions:
    whole = {"policies": load_policies(), "batch_records": 4000, **changes}
    return EmbeddedOptions(data=data, feeds=[str(feed) for feed in feeds], **whole)


def run(data: Path, *feeds: Path | str, after_batch: Callable[[], None] = lambda: None, **changes: Any) -> RunReport:
    return asyncio.run(EmbeddedRun(options(data, *feeds, **changes)).run(after_batch))


def output(data: Path, topic: str) -> list[dict[str, Any]]:
    path = output_file(data / "out", topic)
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def alerts(data: Path) -> list[dict[str, Any]]:
    return output(data, STREAM_TOPICS[Stream.ALERTS])


def revisions(data: Path) -> list[tuple[str, str]]:
    """Every alert revision that was written, by id and by what it says; sorted."""
    return sorted((line["id"], json.dumps(line["data"], sort_keys=True)) for line in alerts(data))


def customers(data: Path) -> dict[str, bytes]:
    """Every customer of every shard, encoded."""
    found: dict[str, bytes] = {}
    store = SqliteStore(data / "state.sqlite3")
    for shard in range(shards_of(data)):
        part = dict(store.customers_of(shard))
        assert not part.keys() & found.keys(), "a customer lives in one shard"
        found |= part
    asyncio.run(store.close())
    return found


def shards_of(data: Path) -> int:
    ledger = EmbeddedLedger(data / "ledger.sqlite3")
    ledger.close()
    return ledger.shards


def ledger_bodies(data: Path, shard: int = 0) -> list[bytes]:
    ledger = EmbeddedLedger(data / "ledger.sqlite3")
    bodies = ledger.read(shard, 0, 10**9)
    ledger.close()
    return bodies


def picture(data: Path) -> object:
    """Everything that a run keeps."""
    outputs = {path.name: path.read_bytes() for path in sorted((data / "out").iterdir())}
    return ([ledger_bodies(data, shard) for shard in range(shards_of(data))], customers(data), outputs)


async def _differences(data: Path) -> list[str]:
    ledger, store = EmbeddedLedger(data / "ledger.sqlite3"), SqliteStore(data / "state.sqlite3")
    found: list[str] = []
    for shard in range(ledger.shards):
        replayed = await replay(ledger, shard, (await store.open_shard(shard)).position, 777)
        found += await compare(replayed, store, shard, data / "out")
    await store.close()
    ledger.close()
    return found


def differences(data: Path) -> list[str]:
    """What a replay of the ledger finds to differ."""
    return asyncio.run(_differences(data))


@pytest.fixture(scope="session")
def finished(bank: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over the whole bank; look, but do not touch."""
    data = tmp_path_factory.mktemp("finished") / "run"
    run(data, bank)
    return data


def test_a_run_gives_everything(bank: Path, tmp_path: Path) -> None:
    """Every event is folded, every rule alerts, the report agrees with the files, and the ledger replays to them."""
    data = tmp_path / "run"
    events = bank.read_bytes().count(b"\n")
    report = run(data, bank)

    assert (report.lines, report.accepted, report.skipped_lines, report.refused.total()) == (events, events, 0, 0)
    assert report.fates[Fate.FOLDED] == events
    assert report.share_read == 1.0
    written = alerts(data)
    assert {line["data"]["rule"] for line in written} == set(RULES)
    assert {line["data"]["state"] for line in written} >= {"raised", "resolved"}
    assert report.alerts.total() == len(written)
    sequences = [line["sequence"] for topic in STREAM_TOPICS.values() for line in output(data, topic)]
    assert sorted(sequences) == list(range(1, len(sequences) + 1))
    assert len({line["id"] for line in written}) == len(written)
    assert len(customers(data)) <= 50
    assert sum(decode_customer(body).events for body in customers(data).values()) == events
    assert differences(data) == []


def test_only_the_owner_may_read(finished: Path) -> None:
    """A data directory holds customers' data."""
    for path in [finished, *finished.rglob("*")]:
        if path.name != "lock":
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name


def test_a_run_with_nothing_to_learn_loads_no_learner(finished: Path, bank: Path, tmp_path: Path) -> None:
    """Started again, a run that finds nothing left to learn is not held up by the learner's library."""
    data = shutil.copytree(finished, tmp_path / "run")
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from tests.support.embedded import embedded\n"
        f"report = asyncio.run(embedded(Path({str(data)!r}), Path({str(bank)!r})).run())\n"
        "assert report.skipped_lines, 'it went on from where it was'\n"
        "sys.exit('river' in sys.modules)"
    )
    assert (data / "learner.sqlite3").is_file()
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


def test_running_again_changes_nothing(bank: Path, tmp_path: Path) -> None:
    """The same feed again, packed, copied or given twice, is not read again and changes no byte."""
    data = tmp_path / "run"
    first = run(data, bank)
    before = picture(data)
    copy = tmp_path / "copy.ndjson"
    copy.write_bytes(bank.read_bytes())
    again = run(data, copy, bank)

    assert picture(data) == before
    assert (again.lines, again.skipped_lines, again.records) == (0, first.lines, 0)


def test_the_same_events_from_another_feed_are_duplicates(tmp_path: Path) -> None:
    """An event id that was seen lately changes nothing, wherever it comes from, and is counted."""
    lines = [login(number) for number in range(40)]
    data, unscored = tmp_path / "run", policies_of(scores=False)  # time alone changes nobody
    run(data, write(tmp_path / "one.ndjson", lines), policies=unscored)
    before = customers(data)
    report = run(data, write(tmp_path / "two.ndjson", [login(99), *lines]), policies=unscored)

    assert (report.fates[Fate.FOLDED], report.fates[Fate.DUPLICATE_EVENT]) == (1, 40)
    changed = {name for name, body in customers(data).items() if before[name] != body}
    assert changed == {json.loads(login(99))["customer_id"]}


def test_several_feeds_are_merged(bank: Path, feeds: list[str], finished: Path, tmp_path: Path) -> None:
    """Three feeds together raise the alerts that one feed of the same events raises."""
    data = tmp_path / "run"
    report = run(data, *feeds)

    assert report.lines == bank.read_bytes().count(b"\n")
    raised = {line["data"]["alert_id"] for line in alerts(data)}
    assert {line["data"]["alert_id"] for line in alerts(finished)} == raised
    assert differences(data) == []


def test_the_number_of_shards_changes_no_outcome(bank: Path, finished: Path, tmp_path: Path) -> None:
    """One shard or four: the same alerts, revision by revision, and the same customers, byte for byte."""
    data = tmp_path / "run"
    run(data, bank, shards=4, batch_records=501)

    assert all(len(ledger_bodies(data, shard)) > 100 for shard in range(4))
    assert revisions(data) == revisions(finished)
    assert customers(data) == customers(finished)
    assert differences(data) == []


@pytest.mark.parametrize("batch_records", [211, 1_000_000])
def test_the_size_of_a_batch_changes_no_byte(bank: Path, finished: Path, tmp_path: Path, batch_records: int) -> None:
    """Ledger, state and outputs are the same however the input is cut, even with hardly a cache."""
    data = tmp_path / "run"
    run(data, bank, batch_records=batch_records, cache_customers=3)

    assert picture(data) == picture(finished)


def test_a_run_that_was_stopped_goes_on(feeds: list[str], tmp_path: Path) -> None:
    """Stopped after any batch and started again, the end is that of an uninterrupted run."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run(whole, *feeds)
    for _ in range(100):
        job = EmbeddedRun(options(cut, *feeds, batch_records=2500))
        report = asyncio.run(job.run(job.stop))
        if not report.lines:
            break

    assert picture(cut) == picture(whole)


def test_state_that_was_deleted_is_made_again(finished: Path, bank: Path, tmp_path: Path) -> None:
    """The ledger alone is enough to have the state back, and no output is written twice."""
    data = tmp_path / "run"
    run(data, bank)
    (data / "state.sqlite3").unlink()
    report = run(data, bank)

    assert report.caught_up == len(ledger_bodies(data))
    assert picture(data) == picture(finished)


def test_a_state_of_another_format_is_made_again(finished: Path, bank: Path, tmp_path: Path) -> None:
    """After an upgrade that changed the store, the run says what to delete, and is as before once that is done."""
    data = tmp_path / "run"
    run(data, bank)
    with sqlite3.connect(data / "state.sqlite3") as database:
        database.execute("PRAGMA user_version = 1")
    database.close()

    with pytest.raises(StoreError, match=r"state\.sqlite3: store format 1, .*: delete it to rebuild it"):
        run(data, bank)
    (data / "state.sqlite3").unlink()
    run(data, bank)

    assert picture(data) == picture(finished)
    assert differences(data) == []


def test_a_state_without_its_ledger_is_refused(bank: Path, tmp_path: Path) -> None:
    """Files of different runs are not mixed: folding on would silently leave out what is new."""
    data = tmp_path / "run"
    run(data, bank)
    (data / "ledger.sqlite3").unlink()

    with pytest.raises(LedgerMismatch, match="ahead of"):
        run(data, write(tmp_path / "new.ndjson", [login(1)]))
    with pytest.raises(LedgerMismatch, match="was folded up to"):
        differences(data)


# --- policies -----------------------------------------------------------------------------------------------


def changed_policies(**changes: Any) -> Policies:
    document = policy_document(load_policies())
    document["version"] = "changed"
    for path, value in changes.items():
        table, key = path.split("__")
        document[table][key] = value
    return policies_from_document(document)


def contacts(days: range, count: int) -> list[bytes]:
    """`count` contacts for one reason on each of the days."""
    return [
        json.dumps(
            {
                "type": "contact",
                "event_id": f"k{day}-{hour}",
                "customer_id": f"c{day}",
                "occurred_at": f"2026-01-{day:02}T{hour:02}:00:00Z",
                "call_id": f"{day}-{hour}",
                "direction": "inbound",
                "channel": "phone",
                "reason": "fees",
                "outcome": "answered",
            }
        ).encode()
        for day in days
        for hour in range(count)
    ]


def test_changed_policies_are_a_record_of_the_ledger(tmp_path: Path) -> None:
    """Policies are activated once, again only when they change, in every shard, and count from there on."""
    data, feed = tmp_path / "run", tmp_path / "calls.ndjson"
    stricter = changed_policies(repeated_inquiry__contacts=2)
    run(data, write(feed, contacts(range(1, 3), 2)), shards=2)
    run(data, write(feed, contacts(range(1, 4), 2)))
    assert alerts(data) == []
    run(data, write(feed, contacts(range(1, 6), 2)), policies=stricter)

    for shard in range(2):
        activated = [
            record.event.digest
            for record in decode_ledger_run(ledger_bodies(data, shard))
            if isinstance(record.event, PolicyActivated)
        ]
        assert activated == [policy_digest(load_policies()), policy_digest(stricter)]
    raised = [line["data"] for line in alerts(data)]
    assert {alert["customer_id"] for alert in raised} == {"c4", "c5"}
    assert {(alert["policy_version"], alert["policy_digest"]) for alert in raised} == {
        ("changed", policy_digest(stricter))
    }
    assert differences(data) == []


# --- what is refused --------------------------------------------------------------------------------------------


def test_refused_records_are_dead_letters(tmp_path: Path) -> None:
    """Each refused record is one line with its reason and place; the accepted ones around it are folded."""
    data = tmp_path / "run"
    lines = [login(1), b"not json", b"", b"{}", login(2), b"x" * 200_000, login(3)]
    feed = write(tmp_path / "feed.ndjson", lines)
    report = run(data, feed, batch_records=2)

    assert report.refused == {Refusal.NOT_JSON: 1, Refusal.MISSING_FIELD: 1, Refusal.OVERSIZE: 1}
    assert (report.lines, report.accepted, report.fates[Fate.FOLDED]) == (7, 3, 3)
    letters = [json.loads(line) for line in (data / "out" / "dead-letters.ndjson").read_bytes().splitlines()]
    assert [(one["sequence"], one["reason"], one["source_offset"]) for one in letters] == [
        (1, "not_json", 1),
        (2, "missing_field", 3),
        (3, "oversize", 5),
    ]
    before = picture(data)
    run(data, feed)
    assert picture(data) == before
    run(data, write(tmp_path / "feed.ndjson", [*lines, b"bad too"]))
    assert (data / "out" / "dead-letters.ndjson").read_bytes().count(b"\n") == 4


def test_a_feed_of_refused_records_alone(tmp_path: Path) -> None:
    """Nothing acceptable is no crash: no time passes, everything is filed."""
    report = run(tmp_path / "run", write(tmp_path / "feed.ndjson", [b"bad"] * 2500))

    assert (report.accepted, report.refused.total(), report.clock_ms) == (0, 2500, 0)
    assert (tmp_path / "run/out/dead-letters.ndjson").read_bytes().count(b"\n") == 2500


def test_two_runs_on_one_directory_are_refused(tmp_path: Path) -> None:
    """The second is told that there is a first; when that one has ended, the directory is free."""
    feed = write(tmp_path / "feed.ndjson", [login(1)])
    first = EmbeddedRun(options(tmp_path / "run", feed))
    with pytest.raises(DirectoryInUse, match="another ebbwatch is running"):
        EmbeddedRun(options(tmp_path / "run", feed))
    asyncio.run(first.run())

    assert run(tmp_path / "run", feed).lines == 0


def test_a_run_that_cannot_start_lets_go(tmp_path: Path) -> None:
    """An error while opening leaves the directory free, also while somebody still holds the error."""
    with pytest.raises(FeedError) as held:
        EmbeddedRun(options(tmp_path / "run", tmp_path / "missing.ndjson"))
    with pytest.raises(LedgerMismatch) as mismatch:
        EmbeddedRun(options(tmp_path / "run", write(tmp_path / "feed.ndjson", [login(1)]), shards=3))

    assert run(tmp_path / "run", tmp_path / "feed.ndjson").lines == 1
    assert (held.type, mismatch.type) == (FeedError, LedgerMismatch)


def test_a_feed_that_breaks_off_keeps_what_came_before(tmp_path: Path) -> None:
    """A damaged file ends the run with its name; the batches before it are kept, and the next run goes on."""
    good = write(tmp_path / "a.ndjson", [login(number) for number in range(100)])
    bad = tmp_path / "b.ndjson.gz"
    bad.write_bytes(b"\x1f\x8b damaged")
    with pytest.raises(FeedError, match=r"b\.ndjson\.gz"):
        run(tmp_path / "run", good, bad)

    assert run(tmp_path / "run", good).fates[Fate.FOLDED] == 100


def test_pseudonyms_leave_no_identifier(tmp_path: Path) -> None:
    """With a key, neither ledger nor state nor outputs hold a customer's id."""
    data = tmp_path / "run"
    lines = [line.replace(b'"c4"', b'"CANARY-4"') for line in contacts(range(4, 5), 3)]
    run(data, write(tmp_path / "calls.ndjson", lines), pseudonymiser=Pseudonymiser(b"k" * 16))

    assert len(alerts(data)) == 1
    for path in data.rglob("*"):
        assert path.is_dir() or b"CANARY" not in path.read_bytes(), path.name


# --- verify ---------------------------------------------------------------------------------------------------------


def test_another_pseudonym_key_is_refused(tmp_path: Path) -> None:
    """With another key, or without one, each customer would become two: the directory refuses it."""
    feed = write(tmp_path / "feed.ndjson", [login(1)])
    run(tmp_path / "run", feed, pseudonymiser=Pseudonymiser(b"0123456789abcdef"))
    for pseudonymiser in (Pseudonymiser(b"fedcba9876543210"), None):
        with pytest.raises(LedgerMismatch, match="another pseudonym key"):
            run(tmp_path / "run", feed, pseudonymiser=pseudonymiser)


def test_another_reporting_currency_is_refused(tmp_path: Path) -> None:
    """Amounts are kept in the reporting currency, so a directory keeps to it."""
    feed = write(tmp_path / "feed.ndjson", [login(1)])
    run(tmp_path / "run", feed)
    euros = changed_policies(currencies__reporting="EUR", currencies__rates={"EUR": 1.0})
    with pytest.raises(LedgerMismatch, match="amounts are kept in CNY"):
        run(tmp_path / "run", feed, policies=euros)


def test_a_line_still_being_written_is_left_for_later(tmp_path: Path) -> None:
    """A last line without newline that is no record yet is neither refused nor lost: the next run reads it whole."""
    whole = login(2)
    path = tmp_path / "feed.ndjson"
    path.write_bytes(login(1) + b"\n" + whole[:20])
    first = run(tmp_path / "run", path)
    assert (first.fates[Fate.FOLDED], first.refused.total(), first.unfinished_lines) == (1, 0, 1)
    path.write_bytes(login(1) + b"\n" + whole + b"\n")
    second = run(tmp_path / "run", path)
    assert (second.fates[Fate.FOLDED], second.skipped_lines, second.unfinished_lines) == (1, 1, 0)


def test_one_wrong_date_silences_nothing(bank: Path, finished: Path, tmp_path: Path) -> None:
    """An event dated years ahead raises nothing and hides nothing: the alerts are those of the feed without it."""
    lines = bank.read_bytes().splitlines()
    ahead = json.loads(login(1, customer="AHEAD"))
    ahead["occurred_at"] = "2026-10-01T00:00:00Z"
    lines.insert(1000, json.dumps(ahead).encode())
    run(tmp_path / "run", write(tmp_path / "feed.ndjson", lines))
    assert revisions(tmp_path / "run") == revisions(finished)


def test_outputs_that_were_deleted_are_missed(bank: Path, tmp_path: Path) -> None:
    """A run says that an output file holds less than was delivered, and deleting the state has it written again."""
    data = tmp_path / "run"
    assert not run(data, bank).outputs_missing
    alerts_file = data / "out" / "alerts.ndjson"
    whole = alerts_file.read_bytes()
    alerts_file.unlink()
    assert run(data, bank).outputs_missing
    alerts_file.unlink()
    for path in data.glob("state.sqlite3*"):
        path.unlink()
    assert not run(data, bank).outputs_missing
    assert alerts_file.read_bytes() == whole


def test_what_is_no_output_is_named(bank: Path, tmp_path: Path) -> None:
    """A line that no run has written is refused by place, before anything else is done."""
    data = tmp_path / "run"
    run(data, bank)
    with (data / "out" / "alerts.ndjson").open("ab") as file:
        file.write(b"\n")
    with pytest.raises(OutputFileError, match=r"alerts\.ndjson: line \d+ is no output"):
        run(data, bank)


def test_events_behind_the_clock_are_counted(tmp_path: Path) -> None:
    """Events days older than the clock are folded, and counted, for they hardly raise anything."""
    data = tmp_path / "run"
    late = login(3).replace(b"2026-", b"2025-")
    run(data, write(tmp_path / "feed.ndjson", [login(1), login(2)]))
    report = run(data, write(tmp_path / "late.ndjson", [late]))
    assert (report.fates[Fate.FOLDED], report.behind_the_clock) == (1, 1)


def test_planted_differences_are_found(bank: Path, tmp_path: Path) -> None:
    """Changed state and documents, and a changed, missing or made-up customer or output, are each told."""
    data = tmp_path / "run"
    run(data, bank)
    names = sorted(customers(data))
    with sqlite3.connect(data / "state.sqlite3") as database:
        database.execute("UPDATE customers SET body = x'90' WHERE customer_id = ?", (names[0],))
        database.execute("DELETE FROM customers WHERE customer_id = ?", (names[1],))
        database.execute("UPDATE customers SET customer_id = 'CANARY' WHERE customer_id = ?", (names[2],))
        database.execute("UPDATE shards SET state = x'7B7D'")
        database.execute("UPDATE documents SET body = x'7B7D'")
    database.close()
    path = data / "out" / "alerts.ndjson"
    lines = path.read_bytes().splitlines(keepends=True)
    sequences = [json.loads(line)["sequence"] for line in lines]
    extra = lines[-1].replace(b'"sequence":%d' % sequences[-1], b'"sequence":99999')
    path.write_bytes(b"".join([lines[0].replace(b"raised", b"RAISED", 1), *lines[2:], extra]))

    assert sorted(differences(data)) == sorted(
        [
            "shard 0: the state of the shard differs",
            "shard 0: the documents of the shard differ",
            "shard 0: a customer's aggregate differs",
            "shard 0: a customer's aggregate differs",
            "shard 0: a customer is missing",
            "shard 0: a customer is missing",
            f"shard 0: ebbwatch.alerts output {sequences[0]} differs or is missing",
            f"shard 0: ebbwatch.alerts output {sequences[1]} differs or is missing",
            "shard 0: ebbwatch.alerts output 99999 should not be there",
        ]
    )


def test_a_torn_output_is_found_and_mended(bank: Path, tmp_path: Path) -> None:
    """A line that a crash cut short, while its entry still waits, is no difference, and the next run writes it."""
    data = tmp_path / "run"
    run(data, bank)
    path = data / "out" / "alerts.ndjson"
    whole = path.read_bytes()
    last = json.loads(whole.splitlines()[-1])
    body = b"{" + whole.splitlines()[-1].split(b",", 2)[2]
    with sqlite3.connect(data / "state.sqlite3") as database:
        database.execute("INSERT INTO outbox VALUES (0, ?, 'ebbwatch.alerts', 'k', 'i', ?)", (last["sequence"], body))
    database.close()
    path.write_bytes(whole[:-20])

    assert differences(data) == []
    run(data, bank)
    assert path.read_bytes() == whole


# --- live -------------------------------------------------------------------------------------------------------------


class Live:
    """`ebbwatch run --embedded -` in a process of its own, fed by hand."""

    def __init__(self, data: Path, *arguments: str) -> None:
        command = "from agents.cli import main; main()"
        self.data = data
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                command,
                "run",
                "--embedded",
                "--data",
                str(data),
                "--metrics-port",
                "0",
                *arguments,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def give(self, *lines: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"".join(line + b"\n" for line in lines))
        self.process.stdin.flush()

    def wait_for(self, arrived: Callable[[], bool]) -> None:
        """Look again and again until something has arrived in the data directory."""
        assert self.process.stderr is not None
        for _ in range(600):
            if self.process.poll() is not None:
                raise AssertionError(self.process.stderr.read().decode())
            if arrived():
                return
            with pytest.raises(subprocess.TimeoutExpired):
                self.process.wait(0.05)
        raise AssertionError("nothing has arrived")

    def records(self) -> list[Any]:
        """The ledger as it is now, seen from outside."""
        path = self.data / "ledger.sqlite3"
        if not path.exists():
            return []
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            rows = database.execute("SELECT bodies FROM ledger ORDER BY first_position").fetchall()
        except sqlite3.OperationalError:  # the table is being made
            return []
        finally:
            database.close()
        return decode_ledger_run([body for (run,) in rows for body in run.split(b"\n")]) if rows else []

    def ticks(self) -> int:
        return sum(isinstance(record.event, Tick) for record in self.records())

    def end(self) -> tuple[int, list[dict[str, Any]]]:
        """The exit status and the log, once the process has ended."""
        _, stderr = self.process.communicate(timeout=60)
        return self.process.returncode, [json.loads(line) for line in stderr.splitlines()]


def test_a_live_feed_ticks_by_the_wall(tmp_path: Path) -> None:
    """While a pipe is quiet, even before its first line, time passes in the ledger; when it ends, so does the run."""
    live = Live(tmp_path / "run", "-")
    try:
        live.wait_for(lambda: live.ticks() >= 1)
        live.give(login(1))
        live.wait_for(lambda: live.ticks() >= 3)
        live.give(login(2), b"bad")
        assert live.process.stdin is not None
        live.process.stdin.close()
        live.process.stdin = None
        status, log = live.end()
    finally:
        live.process.kill()

    assert status == 0
    ticks = [record.at_ms for record in live.records() if isinstance(record.event, Tick)]
    assert ticks == sorted(set(ticks))
    assert all(at_ms % 1000 == 0 for at_ms in ticks)
    assert (log[-1]["message"], log[-1]["folded"], log[-1]["dead_letters"]) == ("run ended", 2, 1)
    assert differences(tmp_path / "run") == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    """Told to stop, a run finishes its batch, says what it did, and leaves a directory that goes on and verifies."""
    live = Live(tmp_path / "run", "-")
    try:
        live.give(login(1), login(2))
        live.wait_for(lambda: len(live.records()) >= 3)
        live.process.send_signal(number)
        live.process.wait(60)  # while standard input stays open
        status, log = live.end()
    finally:
        live.process.kill()

    assert status == 0
    assert (log[-1]["message"], log[-1]["folded"]) == ("run ended", 2)
    assert differences(tmp_path / "run") == []
    assert run(tmp_path / "run", write(tmp_path / "feed.ndjson", [login(1), login(2), login(3)])).lines == 1


def test_what_is_logged_names_nobody(tmp_path: Path) -> None:
    """No line of the log holds anything of a record, accepted or refused."""
    feed = write(tmp_path / "feed.ndjson", [login(1, customer="CANARY"), b"CANARY", login(2).replace(b"app", b"")])
    live = Live(tmp_path / "run", feed)
    status, log = live.end()

    assert status == 0
    assert log[-1]["dead_letters"] == 2
    assert "CANARY" not in json.dumps(log)
    assert b"CANARY" in msgspec.json.encode(sorted(customers(tmp_path / "run")))
