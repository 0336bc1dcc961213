"""`ebbwatch explain`: what it says is what was told, adds up, and is what the picture shows."""

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result
from matplotlib.figure import Figure
from msgspec.structs import replace

from agents.cli import main
from models.alerts import instant
from models.churn_marks import Kind
from models.churn_moves import MODEL, changes_of, moves_of
from models.churn_records import ScoreTold
from models.events import LedgerRecord, ModelActivated, Tick
from models.scoring_model import cold_model, model_digest, model_document
from streams.churn_picture import draw, noted
from streams.churn_replay import Replay, records_of
from streams.churn_story import Story, churn_story
from streams.ledger import EmbeddedLedger
from streams.names import LEDGER_FILE
from streams.picture_file import days
from streams.sharding import shard_of
from tests.support.command_line import ROOT
from tests.support.feeds import START, line, login, write
from tests.support.kept import lines_of

SHIPPED = ROOT / "config" / "policies.toml"
SHARDS = 2
FIRST_WEEKS = "2026-01-28"
"""Somebody is gone by then."""
KEY = "0123456789abcdef"
LOOKED_IN_MINUTE = 7 * 24 * 60 + 5
"""When the customer with a quiet life looks in: from then on there is a score."""


def invoke(*arguments: str | Path, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == code, result.output
    return result


def run(data: Path, feed: Path | str, *options: str | Path) -> Path:
    invoke("run", "--embedded", "--metrics-port", "0", "--tick-every", "300", "--data", data, *options, feed)
    return data


def told(data: Path) -> dict[str, list[ScoreTold]]:
    """What was told of each customer, as it stands in the file."""
    found: dict[str, list[ScoreTold]] = {}
    for one in lines_of(data / "out" / "scores.ndjson"):
        score = msgspec.convert(json.loads(one)["data"], ScoreTold)
        found.setdefault(score.customer_id, []).append(score)
    return found


def story_of(data: Path, customer_id: str) -> Story:
    story = asyncio.run(churn_story(data, customer_id))
    assert story is not None
    return story


@pytest.fixture(scope="module")
def data(bank: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over the first weeks of the small bank, in two shards; look, but do not touch."""
    directory = tmp_path_factory.mktemp("explain")
    lines = [one for one in lines_of(bank) if json.loads(one)["occurred_at"] < FIRST_WEEKS]
    return run(directory / "run", write(directory / "bank.ndjson", lines), "--shards", str(SHARDS))


@pytest.fixture(scope="module")
def stories(data: Path) -> list[Story]:
    """Of the customers whose scores moved most often, and of those who are gone."""
    everyone = sorted(
        told(data).items(), key=lambda one: (all(score.score is not None for score in one[1]), -len(one[1]))
    )
    return [story_of(data, customer_id) for customer_id, _ in everyone[:6]]


def quiet_life(path: Path, until: datetime) -> str:
    """Some days of a customer `c1`, and somebody else whose logins let time pass up to `until`."""
    moved = line(
        "transaction",
        event_id="t1",
        customer_id="c1",
        occurred_at=START.isoformat(),
        counterparty="own_elsewhere",
        amount=40_000.0,
    )
    steps = range(0, int((until - START).total_seconds() / 60), 360)
    others = [login(minute, minute, "other") for minute in steps]
    seen = [login(1, LOOKED_IN_MINUTE, "c1")] if timedelta(minutes=LOOKED_IN_MINUTE) < until - START else []
    return write(path, [moved, *others, *seen, login(2, (until - START).total_seconds() / 60, "other")])


def test_what_is_printed_is_what_was_told_last(tmp_path: Path) -> None:
    """Where nothing has happened since, not even time: the score, the model, the intercept and each group."""
    first = run(tmp_path / "first", quiet_life(tmp_path / "first.ndjson", START + timedelta(days=7, hours=2)))
    score = told(first)["c1"][0]
    last = run(tmp_path / "last", quiet_life(tmp_path / "last.ndjson", score.at))
    assert told(last)["c1"] == [score]
    text = invoke("explain", "c1", "--data", last).stdout

    assert score.score is not None
    assert text.splitlines()[0].endswith(
        f"{score.score:.1%}".replace("%", " %") + f" ({score.band}) to be gone within 30 days"
    )
    rows = re.findall(r"^([+-]\d\.\d{3})  (\w+)", text, re.MULTILINE)
    assert rows[0] == (f"{score.intercept:+.3f}", "whoever")
    assert rows[1:] == [(f"{reason.contribution:+.3f}", reason.code) for reason in score.reasons]
    total = sum(reason.contribution for reason in score.reasons)
    assert f"\n{score.intercept:+.3f} and {total:+.3f} make a logit of {score.logit:+.3f}" in text
    assert "checked over 84 features: to the bit" in text
    assert "money to own accounts at other banks, a month (half-life 7 days): CNY " in text
    assert "the CNY 40,000 come back that left, net, in the last 14 days: " in text
    assert "model cold, which has learnt from no label yet" in text
    assert "\nobserved 0 times\n" in text


def test_the_history_is_what_was_told(data: Path, stories: list[Story]) -> None:
    """Folding one customer's records alone leaves the same aggregate, and tells the same scores, to the bit."""
    there = told(data)
    for story in stories:
        assert story.is_same
        assert story.life.told == there[story.customer.customer_id]
        points = {point.at_ms: point.score for point in story.life.curve}
        assert {instant(at_ms) for at_ms in points} >= {one.at for one in story.life.told}
        assert len(points) >= (story.clock_ms - story.life.curve[0].at_ms) / 86_400_000 - 2 or None in points.values()
    assert sum(len(story.moves) for story in stories) > 10


def test_parts_add_up(stories: list[Story]) -> None:
    """Those of the score as it stands, and those of every move."""
    explained = [story.explained for story in stories if story.explained is not None]
    assert explained
    for one in explained:
        assert one.is_whole
        total = sum(share.contribution for group in one.groups for share in group.shares)
        assert one.logit == pytest.approx(one.intercept + total, abs=1e-9)
        assert [group.contribution for group in one.groups] == sorted(
            (g.contribution for g in one.groups), reverse=True
        )
    for story in stories:
        held = {one.at: held for one, held in zip(story.life.told, story.life.held, strict=True)}
        for move in story.moves:
            changes = changes_of(move.before, move.after, held[move.after.at])
            assert sum(changes.values()) == pytest.approx(move.after.logit - move.before.logit, abs=1e-9)
            assert all((part.change > 0) == (move.size > 0) for part in move.parts)


def test_what_is_tried_is_tried_on_a_copy(stories: list[Story]) -> None:
    """Acts that lower the score, the most first; the customer is not changed by them."""
    tried = [story for story in stories if story.what_if]
    assert tried
    for story in tried:
        assert story.explained is not None
        scores = [one.score for one in story.what_if]
        assert scores == sorted(scores)
        assert scores[-1] < story.explained.score
        assert story.is_same


def ledger_of(data: Path, customer_id: str) -> Iterator[LedgerRecord]:
    ledger = EmbeddedLedger(data / LEDGER_FILE)
    try:
        shard = shard_of(customer_id, SHARDS)
        for records in records_of(ledger, shard, customer_id, ledger.ends[shard]):
            yield from records
    finally:
        ledger.close()


def test_another_model_is_a_part_of_its_own(data: Path, stories: list[Story]) -> None:
    """What the customer did is weighed by the model of before; the change of model is told apart, with its time."""
    customer_id = next(story.customer.customer_id for story in stories if story.explained is not None)
    model = replace(cold_model(0.4), version="000007-test")
    changed_ms = 0
    replay = Replay(customer_id)
    for record in ledger_of(data, customer_id):
        if not changed_ms and isinstance(record.event, Tick) and len(replay.life.told) == 2:
            changed_ms = record.at_ms
            event = ModelActivated(version=model.version, digest=model_digest(model), document=model_document(model))
            replay.take([LedgerRecord(v=1, at_ms=changed_ms, event=event)])
        replay.take([record])
    replay.finish()
    life, ctx = replay.life, replay.fold.ctx
    assert ctx is not None
    assert ctx.rules.churn is not None
    assert life.models[0] == (changed_ms, "000007-test")
    (move,) = [
        one
        for one in moves_of(life.told, life.held, life.marks, ctx.rules.churn, ctx.rules)
        if one.after is life.told[2]
    ]
    (part,) = [part for part in move.parts if part.code == MODEL]
    assert part.words == "cold became 000007-test"
    assert part.change == pytest.approx(model.intercept - cold_model(ctx.rules.churn.base_rate).intercept, abs=1e-9)


def test_who_is_gone(data: Path) -> None:
    """Since when and by what, and the history that led there, but no score."""
    customer_id, scores = next((name, each) for name, each in told(data).items() if each[-1].score is None)
    text = invoke("explain", customer_id, "--data", data).stdout
    assert re.match(rf"Customer {customer_id}: .*; gone since .* \({scores[-1].gone_by}\): ", text)
    assert "make a logit" not in text
    assert f"Told {len(scores)} times" in text
    assert f"gone ({scores[-1].gone_by}): " in text.splitlines()[-1]


def test_the_picture_shows_the_story(data: Path, stories: list[Story], tmp_path: Path) -> None:
    """A file of some size; and what is drawn are the figures of the story."""
    story = stories[0]
    path = tmp_path / "score.png"
    text = invoke("explain", story.customer.customer_id, "--data", data, "-o", path).stdout
    assert text.endswith(f"picture: {path}\n")
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert path.stat().st_size > 20_000

    figure = Figure(figsize=(12, 9))
    assert story.rules.churn is not None
    draw(figure, story, story.rules.churn, noted(story.moves))
    score, money, rows, _ = figure.axes
    line, dots, *_ = score.lines
    at, drawn = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    there = [(days(point.at_ms), point.score) for point in story.life.curve if point.score is not None]
    assert list(zip(at[~np.isnan(drawn)], drawn[~np.isnan(drawn)], strict=True)) == there
    assert np.asarray(dots.get_ydata()).tolist() == [one.score for one in story.life.told if one.score is not None]
    moved = sum(bar.get_height() for bar in money.patches)  # type: ignore[attr-defined]
    cents = {kind: sum(mark.cents for mark in story.life.marks if mark.kind is kind) for kind in Kind}
    assert moved == pytest.approx((cents[Kind.MONEY_OUT] - cents[Kind.MONEY_IN]) / 100)
    single = {Kind.SALARY, Kind.CONTACT, Kind.ABANDONED, Kind.COMPLAINT, Kind.BROKEN, Kind.OPENED, Kind.CLOSED}
    marks = [one for one in rows.lines if one.get_marker() not in ("None", "")]
    assert sum(np.asarray(one.get_xdata()).size for one in marks) == len(
        [mark for mark in story.life.marks if mark.kind in single]
    )
    assert (
        "expected a name that ends in"
        in invoke("explain", story.customer.customer_id, "--data", data, "-o", tmp_path / "score.gif", code=1).stderr
    )


def test_nobody_of_that_id_and_too_new(tmp_path: Path) -> None:
    """One line each; an id that nobody knows is not named back. Pseudonyms are worked out where the key is there."""
    feed = quiet_life(tmp_path / "feed.ndjson", START + timedelta(days=3))
    short = run(tmp_path / "short", feed)
    unknown = invoke("explain", "CANARY", "--data", short, code=1)
    assert unknown.stderr == "Error: no customer of that id has been seen\n"
    picture = tmp_path / "nothing.png"
    text = invoke("explain", "c1", "--data", short, "-o", picture).stdout
    assert "not scored before Mon 2026-01-12 08:00, since too little is known yet" in text
    assert "No score has been told yet." in text
    assert picture.stat().st_size > 10_000


def test_where_nobody_is_scored(tmp_path: Path) -> None:
    """It says so, and draws nothing."""
    policies = tmp_path / "policies.toml"
    policies.write_text(re.sub(r"^\[churn\].*?(?=^\[(?!churn)|\Z)", "", SHIPPED.read_text("utf-8"), flags=re.M | re.S))
    data = run(
        tmp_path / "run", quiet_life(tmp_path / "feed.ndjson", START + timedelta(days=1)), "--policies", policies
    )
    refused = invoke("explain", "c1", "--data", data, "-o", tmp_path / "nothing.png", code=1)
    assert "not scored, the policies have no table [churn]" in refused.stdout
    assert refused.stderr == "Error: nobody is scored by these policies: there is nothing to draw\n"


def test_the_banks_own_id_is_taken_where_the_key_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is not printed."""
    monkeypatch.setenv("EBBWATCH_PSEUDONYM_KEY", KEY)
    data = run(tmp_path / "run", quiet_life(tmp_path / "feed.ndjson", START + timedelta(days=2)))
    text = invoke("explain", "c1", "--data", data).stdout
    assert re.match(r"Customer [a-z2-7]{26}: ", text)
    monkeypatch.delenv("EBBWATCH_PSEUDONYM_KEY")
    assert invoke("explain", "c1", "--data", data, code=1).stderr.startswith("Error: no customer")
