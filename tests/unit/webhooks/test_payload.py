"""What of an alert is sent, and to whom."""

import json
from typing import Any

import pytest

from config.delivery_wishes import DailyTop, QuietHours
from config.endpoints import Endpoint, StdoutEndpoint
from streams.pseudonyms import Pseudonymiser
from streams.webhooks.payload import (
    Renderer,
    UnknownFilter,
    Unreadable,
    check_filters,
    decode_alert_event,
    wants,
)
from tests.support.alerts import made_alert, record_of, webhook_id

NAMES = Pseudonymiser(b"a key that only this test knows")
CANARY = "CANARY"
ALERT = made_alert(
    f"{CANARY}-customer",
    subject=f"{CANARY}-case/clock",
    figures={"net_outflow": 987_654.32, "largest_outflow": 555_555.55},
    evidence=[f"{CANARY}-event"],
    summary=f"987,654.32 of {CANARY} has left.",
)


def endpoint(**options: Any) -> Endpoint:
    return StdoutEndpoint(name="a", **options)


def body(renderer: Renderer, **options: Any) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(renderer.body(endpoint(**options), decode_alert_event(record_of(ALERT))))
    return parsed


def test_the_thin_body() -> None:
    """What happened, how bad it is and where to read on; of the customer a reference."""
    found = body(Renderer("https://crm.example/alerts/{alert_id}?r={revision}", NAMES))
    assert found == {
        "type": "ebbwatch.alert.raised",
        "timestamp": "2026-01-05T08:01:00Z",
        "data": {
            "alert_id": ALERT.alert_id,
            "revision": 1,
            "rule": "asset_outflow",
            "state": "raised",
            "severity": "critical",
            "tier": "core",
            "stage": "maturity",
            "triggers": ["sustained"],
            "raised_at": "2026-01-05T08:00:00Z",
            "policy_version": "1",
            "customer": NAMES.pseudonym("webhook customer", f"{CANARY}-customer"),
            "link": f"https://crm.example/alerts/{ALERT.alert_id}?r=1",
        },
    }


@pytest.mark.parametrize("customer", ["reference", "none"])
def test_no_amount_and_no_id_is_in_a_thin_body(customer: str) -> None:
    """Neither figures nor what words quote of them, neither customer, case nor event."""
    text = json.dumps(body(Renderer("", NAMES), customer=customer))
    for secret in (CANARY, "987", "654.32", "555", "has left"):
        assert secret not in text


def test_the_id_where_the_endpoint_says_so() -> None:
    """For a receiver inside the bank that knows its customers."""
    assert body(Renderer("", NAMES), customer="id")["data"]["customer"] == f"{CANARY}-customer"
    assert "customer" not in body(Renderer("", NAMES), customer="none")["data"]


def test_the_full_body_is_the_alert_as_published() -> None:
    """Byte for byte what the topic holds."""
    found = body(Renderer("", None), payload="full", customer="id")
    assert found["data"] == json.loads(record_of(ALERT))["data"]


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({}, True),
        ({"rules": ["asset_outflow", "repeated_inquiry"]}, True),
        ({"rules": ["repeated_inquiry"]}, False),
        ({"severities": ["warning"]}, False),
        ({"tiers": ["core"], "severities": ["critical"]}, True),
        ({"tiers": ["basic"], "severities": ["critical"]}, False),
        ({"states": ["resolved", "retracted"]}, False),
    ],
)
def test_filters(filters: dict[str, list[str]], wanted: bool) -> None:
    """Every list that is given must hold the alert's value."""
    assert wants(endpoint(**filters), ALERT) is wanted


@pytest.mark.parametrize("field", ["rules", "severities", "tiers", "states"])
def test_a_misspelt_filter_is_refused(field: str) -> None:
    """It would keep back everything, silently."""
    check_filters(endpoint(rules=["asset_outflow"], states=["raised"]))
    with pytest.raises(UnknownFilter, match=f"a.{field}: expected some of "):
        check_filters(endpoint(**{field: ["misspelt"]}))


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"cooldown_hours": {"misspelt": 1.0}}, "cooldown_hours"),
        (
            {"quiet_hours": [QuietHours(begin="22:00", end="06:00", zone="UTC", breaks=["misspelt"])]},
            "quiet_hours.breaks",
        ),
        ({"daily_top": DailyTop(rules=["misspelt"], k=1, at="08:30", zone="UTC")}, "daily_top.rules"),
        (
            {"rules": ["asset_outflow"], "daily_top": DailyTop(rules=["churn_risk"], k=1, at="08:30", zone="UTC")},
            "daily_top.rules",
        ),
    ],
)
def test_a_misspelt_wish_is_refused(wish: dict[str, Any], field: str) -> None:
    """A list of what the endpoint does not get, or a cooldown of no rule, would do nothing."""
    with pytest.raises(UnknownFilter, match=rf"a\.{field}: expected some of "):
        check_filters(endpoint(**wish))


def test_feedback_is_said_in_a_thin_body_too() -> None:
    """It tells the receiver that somebody has it already; it holds nothing but our own words."""
    answered = made_alert(figures={"net_outflow": 1.0, "feedback": "contacted, retained"}, state="acknowledged")
    data = json.loads(Renderer("", None).body(endpoint(customer="none"), decode_alert_event(record_of(answered))))[
        "data"
    ]
    assert (data["state"], data["feedback"]) == ("acknowledged", "contacted, retained")
    assert "net_outflow" not in str(data)


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"not json",
        b"{}",
        b"[" * 100_000,
        b'{"id":"a.1","type":"t","time":"2026-01-05T08:00:00Z","data":{}}',
        record_of(ALERT).replace(webhook_id(ALERT).encode(), b"a\\r\\nb"),
        b"\xff\xfe",
    ],
)
def test_what_is_no_alert_is_named_without_being_quoted(record: bytes) -> None:
    """A record that does not belong into the topic ends nothing and shows nothing."""
    with pytest.raises(Unreadable) as error:
        decode_alert_event(record)
    assert CANARY not in str(error.value)
