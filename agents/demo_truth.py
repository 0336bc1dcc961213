"""What the demo's alerts caught of what the simulator planted."""

from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

import msgspec
from rich.console import Console

from models import asset_outflow, churn_risk, repeated_inquiry
from models.context import Stream
from streams.names import STREAM_TOPICS
from streams.ndjson_sink import output_file
from streams.simulator import Truth

_DRAINS = ("gradual_drain", "sudden_exit")
_AFTERWARDS = timedelta(days=1)


class _RaisedAlert(msgspec.Struct):
    rule: str
    state: str
    customer_id: str
    subject: str
    raised_at: datetime


class _Line(msgspec.Struct):
    data: _RaisedAlert


def print_truth(console: Console, data: Path, truth: Truth) -> None:
    """Print how many of the planted drains and inquiry episodes were alerted, and how many decoys were."""
    path = output_file(data / "out", STREAM_TOPICS[Stream.ALERTS])
    lines = path.read_bytes().splitlines() if path.exists() else []
    raised = [line.data for body in lines if (line := msgspec.json.decode(body, type=_Line)).data.state == "raised"]
    asked = {(alert.customer_id, alert.subject) for alert in raised if alert.rule == repeated_inquiry.RULE}
    outflows: dict[str, list[datetime]] = {}
    for alert in raised:
        if alert.rule == asset_outflow.RULE:
            outflows.setdefault(alert.customer_id, []).append(alert.raised_at)

    def alerted(customer_id: str, since: datetime, until: datetime) -> bool:
        return any(since <= at <= until for at in outflows.get(customer_id, ()))

    drains = [one for one in truth.attriters if one.kind in _DRAINS]
    caught = sum(alerted(one.customer_id, one.onset_at, _end(one.attrited_at, truth)) for one in drains)
    fooled = sum(alerted(one.customer_id, one.began_at, one.ended_at) for one in truth.decoys)
    found = sum((one.customer_id, one.reason) in asked for one in truth.episodes)
    console.print("\nAgainst what the simulator planted:")
    console.print(f"  repeated inquiries: {found} of {len(truth.episodes)} episodes alerted")
    console.print(
        f"  drained assets: {caught} of {len(drains)} leavers alerted between the first move and a day after the last"
    )
    console.print(f"  look-alikes that stay: {fooled} of {len(truth.decoys)} alerted")
    _print_risk(console, [alert for alert in raised if alert.rule == churn_risk.RULE], truth)


def _print_risk(console: Console, raised: list[_RaisedAlert], truth: Truth) -> None:
    """How long before they were gone customers at risk were named, and how many were named who did not leave."""
    first: dict[str, datetime] = {}
    for alert in raised:
        first.setdefault(alert.customer_id, alert.raised_at)
    gone = {one.customer_id: one.attrited_at for one in truth.attriters if one.attrited_at is not None}
    leads = [(at - first[who]).days for who, at in gone.items() if who in first and first[who] < at]
    leaving = {one.customer_id for one in truth.attriters}
    others = sum(who not in leaving for who in first)
    ahead = f", {median(leads):.0f} days ahead in the median" if leads else ""
    console.print(
        f"  churn risk: {len(leads)} of {len(gone)} leavers named before they were gone{ahead}; {others} others"
    )


def _end(attrited_at: datetime | None, truth: Truth) -> datetime:
    return (attrited_at or truth.ended_at) + _AFTERWARDS
