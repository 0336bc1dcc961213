"""Metrics: named alike, labelled from closed sets, there before the first event."""

import urllib.request
from collections import Counter
from datetime import date

from prometheus_client import start_http_server
from prometheus_client.parser import text_string_to_metric_families

from models.alerts import Alert, instant
from models.context import ClockEvent, Fate, Output, Reason, Stream
from streams.codecs import Refusal
from streams.complaint_metrics import WITHIN, CaseCounts
from streams.metrics import Metrics
from streams.processor import BatchReport
from streams.promises import Horizon, Promises
from tests.support.feeds import START_MS

CLOSED = {
    "reason": {str(one) for one in (*Refusal, *Reason)},
    "fate": {str(one) for one in Fate},
    "rule": {
        "asset_outflow",
        "repeated_inquiry",
        "complaint_sla",
        "complaint_process",
        "complaint_case",
        "alert_feedback",
        "churn_risk",
        "churn_label",
    },
    "band": {"low", "medium", "high", "gone"},
    "state": {"raised", "updated", "acknowledged", "resolved", "retracted"},
    "severity": {"warning", "critical"},
    "tier": {"core", "potential", "basic"},
    "part": {"load", "fold", "commit"},
    "shard": {"0", "3"},
    "profile": {"care"},
    "clock": {"responded", "called_back"},
    "event": {str(one) for one in ClockEvent},
    "within": {"overdue", "1h", "24h", "72h", "all"},
    "calendar": {"cn"},
}
"""Every label there is, with every value that it may have when `PROMISES` are what is promised."""
HORIZON = Horizon(date(2026, 12, 31), 1_798_732_800_000)
PROMISES = Promises(frozenset({"care"}), frozenset({("care", "responded"), ("care", "called_back")}), {"cn": HORIZON})


def report() -> BatchReport:
    alert = Alert(
        alert_id="CANARY", revision=1, rule="asset_outflow", state="raised", customer_id="CANARY", subject="CANARY",
        severity="critical", tier="core", stage="growth", raised_at=instant(START_MS), at=instant(START_MS),
        triggers=[], figures={}, evidence=["CANARY"], summary="CANARY", action="", action_zh="",
        policy_version="CANARY", policy_digest="CANARY",
    )  # fmt: skip
    return BatchReport(
        position=12,
        records=5,
        fates=Counter({Fate.FOLDED: 4, Fate.CONTROL: 1}),
        decisions=Counter({("asset_outflow", Reason.RAISED): 1}),
        outputs=[Output(Stream.ALERTS, "CANARY", "CANARY.1", alert)],
        clocks=Counter({("care", "responded", ClockEvent.BREACHED): 2, ("care", "responded", ClockEvent.LATE): 1}),
        used=[("care", "responded", 1.2), ("care", "responded", 0.3)],
        promises=PROMISES,
        scored=7,
        scoring=None,
        customers_changed=2,
        customers_loaded=3,
        load_s=0.25,
        fold_s=0.5,
        commit_s=1.0,
    )


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.startswith(("process_", "python_"))
    }


def scraped(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What Prometheus would read, through a socket on loopback."""
    server, thread = start_http_server(0, addr="127.0.0.1", registry=metrics.registry)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics", timeout=30) as answer:
            return samples(answer.read().decode())
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_what_a_scrape_shows() -> None:
    """Names begin alike, labels are from closed sets, counts add up, and nothing of a customer is in it."""
    metrics = Metrics()
    metrics.saw_batch(3, report(), START_MS)
    metrics.saw_batch(0, report(), START_MS)
    metrics.complaints.saw_counts(
        3, CaseCounts(Counter({"care": 4}), Counter({("care", "responded", within): 1 for within in WITHIN}))
    )
    metrics.complaints.show()
    metrics.complaints.show_horizons(PROMISES.horizons)
    found = scraped(metrics)

    assert all(name.startswith("ebbwatch_") for name, _ in found)
    for _, labels in found:
        for label, value in labels:
            assert label == "le" or value in CLOSED[label], (label, value)
    assert "CANARY" not in str(found)
    assert {label for _, labels in found for label, _ in labels} == {"le", *CLOSED}
    assert found["ebbwatch_ledger_records_total", (("fate", "folded"),)] == 8
    assert found["ebbwatch_rule_decisions_total", (("reason", "raised"), ("rule", "asset_outflow"))] == 2
    assert found[
        "ebbwatch_alerts_total",
        (("rule", "asset_outflow"), ("severity", "critical"), ("state", "raised"), ("tier", "core")),
    ] == 2  # fmt: skip
    assert found["ebbwatch_shard_position", (("shard", "3"),)] == 12
    assert found["ebbwatch_shard_clock_timestamp_seconds", (("shard", "3"),)] == START_MS / 1000
    assert found["ebbwatch_batch_seconds_sum", (("part", "commit"),)] == 2.0
    assert found["ebbwatch_customers_loaded_total", ()] == 6
    responded = (("clock", "responded"), ("profile", "care"))
    assert found["ebbwatch_sla_events_total", (responded[0], ("event", "breached"), responded[1])] == 4
    assert found["ebbwatch_sla_used_ratio_bucket", (responded[0], ("le", "1.0"), responded[1])] == 2
    assert found["ebbwatch_sla_used_ratio_count", responded] == 4
    assert found["ebbwatch_open_cases", (("profile", "care"),)] == 4
    assert found["ebbwatch_calendar_horizon_timestamp_seconds", (("calendar", "cn"),)] == HORIZON.until_ms / 1000


def test_zeros_are_there_before_the_first_event() -> None:
    """Every refusal, fate and part exists from the start, so that a first increase is seen as one."""
    found = scraped(Metrics())

    for refusal in Refusal:
        assert found["ebbwatch_dead_letters_total", (("reason", refusal.value),)] == 0
    for fate in Fate:
        assert found["ebbwatch_ledger_records_total", (("fate", fate.value),)] == 0
    for part in CLOSED["part"]:
        assert found["ebbwatch_batch_seconds_count", (("part", part),)] == 0
    for rule in CLOSED["rule"]:
        for decision in Reason:
            labels = (("reason", decision.value), ("rule", rule))
            assert found["ebbwatch_rule_decisions_total", labels] == 0
    for name in ("feed_records_accepted", "batch_records", "customers_loaded", "customers_changed"):
        assert found[f"ebbwatch_{name}_total", ()] == 0


def test_each_process_has_its_own_registry() -> None:
    """Two sets of metrics in one process do not collide."""
    one, other = Metrics(), Metrics()
    one.accepted.inc(3)

    assert other.registry.get_sample_value("ebbwatch_feed_records_accepted_total") == 0
