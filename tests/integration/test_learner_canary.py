"""What a learner must not say: whose examples it learns from, and what they are, in good times and bad."""

import sqlite3
import zlib
from base64 import b64encode
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct, structs

from models.churn_records import Observed
from models.context import Output
from models.events import ModelActivated
from models.learner_records import Fate
from streams.codecs import decode_ledger_run
from streams.learner_store import LearnerStore
from streams.names import EVENTS_TOPIC, LEARNER_FILE
from tests.support.canary import AMOUNT, CANARY, traces
from tests.support.command_line import command
from tests.support.example_canaries import NUMBERED, SHARDS, bad, fates, good, life, plain, publish
from tests.support.kafka_server import KafkaServer
from tests.support.kafka_topics import fresh_topics, read_topic
from tests.support.live_service import until
from tests.support.metric_labels import silent, unbounded
from tests.support.workers import WorkerProcess

PAGES = ("/metrics", "/readyz", "/healthz")
REFUSES = f"CREATE TRIGGER refuses BEFORE INSERT ON observations BEGIN SELECT RAISE(ABORT, '{CANARY}'); END"
AMOUNT_DIGITS = "7391548"
"""These come up by chance in the megabytes of weights that a learner keeps and publishes; the whole amount does not."""


class Said(Struct):
    """What there was to hide, all that was said while it was learnt from, and what is kept of it."""

    outputs: list[Output]
    log: str
    pages: dict[str, str]
    models: list[str]
    files: str
    codes: list[int]


def counted(learner: WorkerProcess) -> Counter[str]:
    """What the process says has become of what it took; those that never happened are left out."""
    assert learner.exit_code is None, learner.last_lines()
    values = {fate.value: learner.metric(f'ebbwatch_model_examples_total{{outcome="{fate}"}}') for fate in Fate}
    return Counter({name: int(value) for name, value in values.items() if value})


def contents(directory: Path) -> bytes:
    """Every file, as it is at this moment."""
    return b"\n".join(path.read_bytes() for path in sorted(directory.iterdir()))


def cells(path: Path) -> bytes:
    """Everything in the tables of a learner's file, what is compressed in there too."""
    found = []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            rows = database.execute(f"SELECT * FROM {table}")  # noqa: S608 - a name from the file's own schema
            for cell in (cell for row in rows for cell in row):
                whole = cell if isinstance(cell, bytes) else str(cell).encode()
                found.append(zlib.decompress(whole) if whole.startswith(b"\x78\x01") else whole)
    return b"\n".join(found)


def announced(kafka: KafkaServer) -> list[str]:
    """The models that workers were told of."""
    parts = read_topic(kafka.bootstrap, EVENTS_TOPIC).values()
    records = [record for part in parts for record in decode_ledger_run([each.value for each in part])]
    return [str(msgspec.to_builtins(each.event)) for each in records if isinstance(each.event, ModelActivated)]


@pytest.fixture(scope="module")
def said(kafka: KafkaServer, tmp_path_factory: pytest.TempPathFactory) -> Said:
    """One is killed while it learns, another goes on and is told to stop, a third cannot keep what it learns.

    What that one's database complains of holds a canary, as a complaint that quotes its record would.
    """
    directory = tmp_path_factory.mktemp("learner-canary")
    data, log = directory / "learner", directory / "learner.log"
    settings = {"EBBWATCH_KAFKA_BROKERS": kafka.bootstrap, "EBBWATCH_LOG_LEVEL": "DEBUG"}
    pages: dict[str, str] = {}

    def start() -> WorkerProcess:
        return WorkerProcess(log, command("learn", "--data", data, "--no-forest"), **settings)

    fresh_topics(kafka.bootstrap, SHARDS)
    outputs = life()
    half, first = len(outputs) // 2, outputs[0].body
    assert isinstance(first, Observed)
    wrong = bad(first)
    again = [each for each in wrong if each.headers is not NUMBERED]  # that number has been seen by then
    publish(kafka.bootstrap, [*good(outputs[:half], 1), *plain(wrong)])
    with ExitStack() as ended:
        killed = start()
        ended.callback(killed.kill)
        killed.wait_ready()
        until(lambda: counted(killed) == fates(outputs[:half], wrong), lambda: f"counted: {counted(killed)}")
        pages.update({f"killed {page}": killed.ask(page)[1].decode() for page in PAGES})
        publish(kafka.bootstrap, good(outputs[half:], half + 1))
        killed.kill()
        files = contents(data)

        stopped = start()
        ended.callback(stopped.kill)
        stopped.wait_ready()
        publish(kafka.bootstrap, plain(again))
        until(lambda: fates([], again).items() <= counted(stopped).items(), lambda: f"counted: {counted(stopped)}")
        until(lambda: bool(announced(kafka)), "no model is announced")
        pages.update({f"stopped {page}": stopped.ask(page)[1].decode() for page in PAGES})
        codes = [stopped.stop()]
        files += contents(data) + cells(data / LEARNER_FILE)

        with closing(LearnerStore(data / LEARNER_FILE)) as store:
            state = store.state()
        with closing(sqlite3.connect(data / LEARNER_FILE)) as database:
            database.execute(REFUSES)
        unseen = structs.replace(outputs[0], body=structs.replace(first, observation_id="0" * 16))
        publish(kafka.bootstrap, good([unseen], len(outputs) + 1))
        broken = start()
        ended.callback(broken.kill)
        codes.append(broken.wait_end())
    assert state is not None
    assert state.counts == fates(outputs, [*wrong, *again])
    return Said(outputs, log.read_text(errors="replace"), pages, announced(kafka), files.decode("latin-1"), codes)


def test_there_is_something_to_hide(said: Said) -> None:
    """Everything was learnt and kept under its digest, bad records were counted, each of the three ended its way."""
    assert {*fates(said.outputs)} == {"observed", "stayed", "left", "corrected"}
    assert said.codes == [0, 70]
    assert said.models
    for count, happened in ((3, "learner started"), (1, "learner stopped"), (1, "learner ends itself")):
        assert said.log.count(f'"{happened}"') == count
    assert "IntegrityError" in said.log
    for output in said.outputs:
        assert output.key in said.files
        assert not isinstance(output.body, Observed) or output.body.features.decode("latin-1") in said.files


def test_it_is_nowhere(said: Said) -> None:
    """Not in a line of the log or on a page: no customer, no amount, no example, no digest."""
    secrets = {output.key for output in said.outputs}
    secrets |= {b64encode(one.body.features).decode() for one in said.outputs if isinstance(one.body, Observed)}
    for text in (said.log, *said.pages.values()):
        for line in text.splitlines():
            assert traces(line) == [], line
            assert [secret for secret in secrets if secret in line] == [], line


def test_no_customer_is_kept_or_published(said: Said) -> None:
    """The learner's files hold digests and features, models neither; no customer, amount or refused record."""
    for text in (said.files, *said.models):
        assert {*traces(text)} <= {AMOUNT_DIGITS}
        assert f"{AMOUNT:.2f}" not in text
    assert [output.key for output in said.outputs if any(output.key in model for model in said.models)] == []


def test_labels_are_bounded(said: Said) -> None:
    """All that a learner exports after this comes from the allow-list, and nothing shows no label."""
    for name in ("killed /metrics", "stopped /metrics"):
        assert unbounded(said.pages[name]) == [], name
        assert silent(said.pages[name]) == [], name
