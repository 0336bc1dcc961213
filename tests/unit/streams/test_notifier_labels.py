"""A notifier's metrics are labelled from closed sets, and by the names in the endpoints file."""

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from streams.notifier_metrics import FATES, PARKED_FOR, WITHHELD_FOR, NotifierMetrics
from streams.webhooks.circuit import Standing
from streams.webhooks.outcome import Outcome
from streams.webhooks.records import Depth

ENDPOINTS = {"crm", "audit"}
CLOSED = {
    "fate": set(FATES),
    "outcome": {outcome.value for outcome in Outcome},
    "reason": {*PARKED_FOR, *WITHHELD_FOR},
    "endpoint": ENDPOINTS,
}


def label_values(metrics: NotifierMetrics) -> dict[str, set[str]]:
    """Every label of ours with every value that it has, but for the bounds of buckets."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(generate_latest(metrics.registry).decode()):
        for sample in family.samples:
            if sample.name.startswith("ebbwatch_"):
                for label, value in sample.labels.items():
                    found.setdefault(label, set()).add(value)
    found.pop("le")
    return found


def test_labels_are_there_before_the_first_alert_and_none_is_added() -> None:
    """All values exist at zero from the start, and what happens to deliveries adds no other."""
    metrics = NotifierMetrics(ENDPOINTS)
    assert label_values(metrics) == CLOSED

    for outcome in Outcome:
        metrics.saw_attempt("crm", outcome, repeated=True, seconds=0.2)
    metrics.saw(Standing(name="audit", disabled_ms=1), Depth(2, 1000, 3), 1)

    assert label_values(metrics) == CLOSED
    assert metrics.registry.get_sample_value("ebbwatch_webhook_disabled", {"endpoint": "audit"}) == 1
    assert metrics.registry.get_sample_value("ebbwatch_webhook_retries_total", {"endpoint": "crm"}) == len(Outcome)
