"""Alerts as the service publishes them, made up for those who consume them."""

from collections.abc import Iterable

import msgspec
from kafka import KafkaProducer

from models.alerts import Alert, alert_id, instant
from models.context import Output, Stream
from streams.cloud_events import cloud_event
from streams.names import SEQUENCE_HEADER, STREAM_TOPICS
from streams.sharding import shard_of

START_MS = 1_767_600_000_000
"""2026-01-05, 16:00 in China."""


def made_alert(customer_id: str = "C1", revision: int = 1, **fields: object) -> Alert:
    """One revision of the customer's only alert."""
    at = instant(START_MS + revision * 60_000)
    alert = Alert(
        alert_id=alert_id("asset_outflow", customer_id, "outflow", "E1"),
        revision=revision,
        rule="asset_outflow",
        state="raised" if revision == 1 else "updated",
        customer_id=customer_id,
        subject="outflow",
        severity="critical",
        tier="core",
        stage="maturity",
        raised_at=instant(START_MS),
        at=at,
        triggers=["sustained"],
        figures={"net_outflow": 123_456.78},
        evidence=["E1"],
        summary="123,456.78 has left.",
        action="Call.",
        action_zh="致电。",
        policy_version="1",
        policy_digest="0" * 16,
    )
    return msgspec.structs.replace(alert, **fields)


def record_of(alert: Alert) -> bytes:
    """The record of an alert in its topic."""
    output = Output(Stream.ALERTS, alert.customer_id, f"{alert.alert_id}.{alert.revision}", alert)
    return msgspec.json.encode(cloud_event(output))


def webhook_id(alert: Alert) -> str:
    """The id that receivers see."""
    return f"{alert.alert_id}.{alert.revision}"


def publish_alerts(bootstrap: str, alerts: Iterable[Alert], partitions: int) -> None:
    """Append alerts to their topic, each in the partition of its customer."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5)
    try:
        for sequence, alert in enumerate(alerts, 1):
            producer.send(
                STREAM_TOPICS[Stream.ALERTS],
                key=alert.customer_id.encode(),
                value=record_of(alert),
                headers=[(SEQUENCE_HEADER, str(sequence).encode())],
                partition=shard_of(alert.customer_id, partitions),
            )
        producer.flush()
    finally:
        producer.close()
