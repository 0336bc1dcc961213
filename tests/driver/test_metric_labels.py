"""Every label of every metric has its closed set, also after a run over customers whose every word is a canary."""

from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from models.context import Reason
from models.events import EVENT_TYPES
from streams.codecs import Refusal
from streams.learner_metrics import LearnerMetrics
from streams.live_metrics import LiveMetrics
from streams.notifier_metrics import NotifierMetrics
from tests.support.canary import CANARY
from tests.support.command_line import ROOT
from tests.support.embedded import metric, run
from tests.support.feeds import line, record, write
from tests.support.metric_labels import label_values, silent, unbounded

_IDENTIFIERS = ("event_id", "customer_id", "account_id", "product_id", "call_id", "case_id", "adviser", "page")


def events() -> list[bytes]:
    """Every type of event, contacts that raise an alert, and one line that is refused; ids and pages are canaries."""
    lines = []
    for number, kind in enumerate([*EVENT_TYPES, *["contact"] * 4, "login"]):
        named = {name: f"{CANARY}-{name}" for name in _IDENTIFIERS if name in record(kind)}
        lines.append(line(kind, **{**named, "event_id": f"{CANARY}-{number}"}))
    return [*lines[:-1], lines[-1].replace(b"true", b'"%s"' % CANARY.encode())]


async def test_no_label_says_more_than_it_may(tmp_path: Path) -> None:
    """All that workers, notifiers and learners export, after a real run, is in the allow-list."""
    job = await run(tmp_path / "run", Path(write(tmp_path / "feed.ndjson", events())), shards=2)
    LiveMetrics(job.metrics.registry)
    page = generate_latest(job.metrics.registry).decode()
    notifier = generate_latest(NotifierMetrics(["crm"]).registry).decode()
    learner = generate_latest(LearnerMetrics().registry).decode()

    assert metric(job, "ebbwatch_rule_decisions_total", rule="repeated_inquiry", reason=Reason.RAISED.value) == 1
    assert metric(job, "ebbwatch_open_alerts", rule="repeated_inquiry") == 1
    assert metric(job, "ebbwatch_dead_letters_total", reason=Refusal.WRONG_KIND.value) == 1
    assert CANARY not in page
    assert unbounded(page, shards=2) == []
    assert unbounded(notifier, endpoints=["crm"]) == []
    assert unbounded(learner) == []
    # Of what the live worker alone fills, the position of a shard has no sample yet.
    assert silent(page + notifier + learner) == ["ebbwatch_live_position"]
    assert {"tier", "shard", "profile", "endpoint"} <= label_values(page + notifier).keys()


def test_no_class_of_metrics_is_left_out() -> None:
    """Whoever adds a file of metrics adds it to the test above."""
    files = {file.stem for file in (ROOT / "streams").glob("*metrics.py")}
    assert files == {
        "metrics",
        "churn_metrics",
        "complaint_metrics",
        "live_metrics",
        "notifier_metrics",
        "learner_metrics",
    }


def test_a_label_that_nobody_allows_is_noticed() -> None:
    """A new label, and a new value of a known one."""
    registry = CollectorRegistry()
    Gauge("ebbwatch_new", "New", ["customer", "tier"], registry=registry).labels("C-1", "gold")
    assert unbounded(generate_latest(registry).decode(), shards=9) == [("customer", "C-1"), ("tier", "gold")]
