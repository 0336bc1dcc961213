"""What is sent of an alert: as little as lets the receiver act, unless the endpoint says otherwise.

The thin body (the default) says what happened, how bad it is and where to read on. It holds no amount, no summary (its
words quote amounts), no subject and no evidence (ids of cases and events). Of the customer it holds a keyed reference
that is equal for equal customers: whoever may know the customer follows the link, or asks the bank by alert id. The
body is made once, when the alert is taken, so that every attempt sends the same bytes.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from config.endpoints import Endpoint
from models.alerts import ALERT_STATES, SEVERITIES, TIERS, Alert
from models.events import epoch_ms
from models.fold import RULES
from streams.pseudonyms import Pseudonymiser
from streams.webhooks.records import AlertFacts

TRIAL_TYPE = "ebbwatch.test"
_ID = re.compile(r"[A-Za-z0-9_.-]{1,100}")


class Unreadable(ValueError):
    """A record of the alerts topic that is no alert; the message holds nothing of it."""


class UnknownFilter(ValueError):
    """An endpoint asks for something that there is not, so it would never get anything."""


class _Envelope(Struct):
    id: str
    type: str
    time: datetime
    data: msgspec.Raw


class AlertEvent(Struct, frozen=True):
    """One alert as published; `data` are its bytes as they came."""

    id: str
    type: str
    time: datetime
    alert: Alert
    data: bytes


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_ALERT = msgspec.json.Decoder(Alert)


def decode_alert_event(record: bytes) -> AlertEvent:
    """The alert in a record of the alerts topic; raises `Unreadable`."""
    try:
        envelope = _ENVELOPE.decode(record)
        alert = _ALERT.decode(envelope.data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Unreadable("not an alert in an envelope of CloudEvents") from None
    if not _ID.fullmatch(envelope.id):
        raise Unreadable("an id that cannot be a header")
    return AlertEvent(envelope.id, envelope.type, envelope.time, alert, bytes(envelope.data))


def check_filters(endpoint: Endpoint) -> None:
    """Refuse a filter for what does not exist: misspelt, it would keep everything back without a word."""
    known = {"rules": RULES, "severities": SEVERITIES, "tiers": TIERS, "states": ALERT_STATES}
    for field, values in known.items():
        _check(endpoint, field, getattr(endpoint, field), values)
    _check(endpoint, "cooldown_hours", endpoint.cooldown_hours, RULES)
    for hours in endpoint.quiet_hours:
        _check(endpoint, "quiet_hours.breaks", hours.breaks, SEVERITIES)
    if endpoint.daily_top is not None:
        _check(endpoint, "daily_top.rules", endpoint.daily_top.rules, endpoint.rules or RULES)


def _check(endpoint: Endpoint, field: str, found: Iterable[str], known: Iterable[str]) -> None:
    if set(found) - set(known):
        raise UnknownFilter(f"{endpoint.name}.{field}: expected some of {', '.join(known)}")


def wants(endpoint: Endpoint, alert: Alert, whatever_state: bool = False) -> bool:
    """Whether an endpoint's filters let an alert through."""
    pairs = (
        (endpoint.rules, alert.rule),
        (endpoint.severities, alert.severity),
        (endpoint.tiers, alert.tier),
        ([] if whatever_state else endpoint.states, alert.state),
    )
    return all(not allowed or value in allowed for allowed, value in pairs)


def facts_of(alert: Alert) -> AlertFacts:
    """What decides how soon an endpoint hears of an alert."""
    return AlertFacts(
        alert_id=alert.alert_id,
        revision=alert.revision,
        rule=alert.rule,
        state=alert.state,
        severity=alert.severity,
        at_ms=epoch_ms(alert.at),
        score=_number(alert.figures.get("score")),
        value=_number(alert.figures.get("value_at_risk")),
    )


def _number(figure: float | str | None) -> float:
    """A figure to sort by; what is no number comes last."""
    return float(figure) if isinstance(figure, int | float) else 0.0


class Renderer:
    """Makes bodies; `names` makes customers' references, and is there where an endpoint needs them."""

    def __init__(self, link: str, names: Pseudonymiser | None) -> None:
        """`link` is the template of the endpoints file, or empty."""
        self._link = link
        self._names = names

    def body(self, endpoint: Endpoint, event: AlertEvent) -> bytes:
        """The body for one endpoint."""
        data = msgspec.Raw(event.data) if endpoint.payload == "full" else self._thin(endpoint, event.alert)
        return msgspec.json.encode({"type": event.type, "timestamp": event.time, "data": data})

    def _thin(self, endpoint: Endpoint, alert: Alert) -> dict[str, Any]:
        data: dict[str, Any] = {
            "alert_id": alert.alert_id,
            "revision": alert.revision,
            "rule": alert.rule,
            "state": alert.state,
            "severity": alert.severity,
            "tier": alert.tier,
            "stage": alert.stage,
            "triggers": alert.triggers,
            "raised_at": alert.raised_at,
            "policy_version": alert.policy_version,
        }
        if "feedback" in alert.figures:
            data["feedback"] = alert.figures["feedback"]
        if endpoint.customer == "id":
            data["customer"] = alert.customer_id
        elif endpoint.customer == "reference":
            assert self._names is not None  # noqa: S101 - config.endpoints insists on the key
            data["customer"] = self._names.pseudonym("webhook customer", alert.customer_id)
        if self._link:
            data["link"] = self._link.format(alert_id=alert.alert_id, revision=alert.revision, rule=alert.rule)
        return data


def trial_body(at: datetime) -> bytes:
    """What `ebbwatch webhooks test` sends; no alert, and it says so."""
    return msgspec.json.encode({"type": TRIAL_TYPE, "timestamp": at, "data": {}})
