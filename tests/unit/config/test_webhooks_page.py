"""docs/webhooks.md says what is true: its file loads, its tables are complete, its code verifies."""

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import msgspec
from prometheus_client.metrics import MetricWrapperBase

from config.delivery_wishes import DailyTop, QuietHours
from config.endpoints import FileEndpoint, StdoutEndpoint, WebhookEndpoint, load_endpoints
from models.alert_feedback import COUNTED
from models.context import Reason
from models.events import FEED_TYPES, AlertFeedback, FeedbackAction, FeedbackOutcome, epoch_ms
from streams.codecs import decode_feed_event
from streams.notifier_metrics import FATES, PARKED_FOR, WITHHELD_FOR, NotifierMetrics
from streams.pseudonyms import Pseudonymiser
from streams.webhooks.outcome import Outcome
from streams.webhooks.payload import Renderer, check_filters, decode_alert_event
from streams.webhooks.signing import Signer, decoded_secret
from tests.deploy.commands import accept
from tests.support.alerts import made_alert, record_of
from tests.support.command_line import ROOT
from tests.support.notifier import OTHER_SECRET, SECRET

PAGE = (ROOT / "docs" / "webhooks.md").read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_endpoints_file_loads(tmp_path: Path) -> None:
    """As it is printed."""
    path = tmp_path / "endpoints.toml"
    path.write_text(block("toml"))
    loaded = load_endpoints(path)
    assert [type(endpoint) for endpoint in loaded.endpoints] == [
        WebhookEndpoint,
        WebhookEndpoint,
        WebhookEndpoint,
        FileEndpoint,
        StdoutEndpoint,
    ]
    for endpoint in loaded.endpoints:
        check_filters(endpoint)


def test_every_key_is_in_the_table_with_its_default() -> None:
    """A new option cannot be forgotten, nor a changed default."""
    rows = re.findall(r"^\| (`[a-z_.`, ]+`) \| [^|]+ \| ([^|]+) \|$", PAGE, re.MULTILINE)
    shown: dict[str, str] = {}
    for names, defaults in rows:
        keys = re.findall(r"`([a-z_.]+)`", names)
        values = re.findall(r"`([^`]*)`", defaults) or [defaults]
        shown |= dict(zip(keys, values if len(values) == len(keys) else values * len(keys), strict=True))
    expected: dict[str, str] = {"kind": "must be given"}
    for struct, prefix in (
        (WebhookEndpoint, ""),
        (FileEndpoint, ""),
        (StdoutEndpoint, ""),
        (QuietHours, "quiet_hours."),
        (DailyTop, "daily_top."),
    ):
        for field in msgspec.structs.fields(struct):
            default = field.default
            if field.default_factory is not msgspec.NODEFAULT:
                default = field.default_factory()
            expected[prefix + field.encode_name] = plain(default)
    assert shown == expected


def plain(value: Any) -> str:
    """As TOML has it, whole numbers without a fraction."""
    if value is None or value is msgspec.NODEFAULT:
        return "none" if value is None else "must be given"
    return json.dumps(int(value) if isinstance(value, float) and value.is_integer() else value)


def test_the_body_is_what_is_sent() -> None:
    """The same keys in the same order."""
    alert = made_alert("C1", 2, alert_id="5f0c1d2e3a4b5968", policy_version="2026.1")
    renderer = Renderer("https://crm.bank.example/alerts/{alert_id}", Pseudonymiser(b"0123456789abcdef"))
    body = json.loads(renderer.body(StdoutEndpoint(name="a"), decode_alert_event(record_of(alert))))
    shown = json.loads(block("json"))
    assert len(shown["data"].pop("customer")) == len(body["data"].pop("customer"))
    assert list(shown["data"]) == list(body["data"])
    assert shown == body


def test_the_feedback_is_accepted_and_counted_as_printed() -> None:
    """By the decoder of the feed that the page names, with every word that there is; and the reasons are ours."""
    (printed,) = re.findall(r'^\{"type": "alert_feedback".*?\}$', PAGE, re.DOTALL | re.MULTILINE)
    event, _ = decode_feed_event(printed.encode(), epoch_ms(datetime(2026, 2, 1, tzinfo=UTC)))
    assert isinstance(event, AlertFeedback)
    assert type(event) in FEED_TYPES["calls"]
    for word in (*get_args(FeedbackAction), *get_args(FeedbackOutcome)):
        assert re.search(rf"^\| `(action|outcome)` \|.*`{word}`", PAGE, re.MULTILINE), word
    for outcomes in re.findall(r'reason=~"feedback_\(([a-z_|]+)\)"', PAGE):
        assert {Reason(f"feedback_{outcome}") for outcome in outcomes.split("|")} <= set(COUNTED.values())


def test_the_code_for_receivers_verifies() -> None:
    """What is printed accepts what we sign, with either secret, and nothing else."""
    scope: dict[str, Any] = {}
    exec(block("python"), scope)  # noqa: S102 - ours
    now_s = int(time.time())
    headers = Signer([decoded_secret(SECRET), decoded_secret(OTHER_SECRET)]).headers("a.1", now_s, b"{}")
    assert scope["is_genuine"](SECRET, headers, b"{}")
    assert scope["is_genuine"](OTHER_SECRET, headers, b"{}")
    assert not scope["is_genuine"](SECRET, headers, b"{ }")
    stale = Signer([decoded_secret(SECRET)]).headers("a.1", now_s - 400, b"{}")
    assert not scope["is_genuine"](SECRET, stale, b"{}")


def test_every_metric_is_in_the_table() -> None:
    """With its labels, and the values that they have."""
    endings = {"counter": "_total"}
    expected = set()
    for metric in vars(NotifierMetrics([])).values():
        if isinstance(metric, MetricWrapperBase):
            labels = f"{{{','.join(metric._labelnames)}}}" if metric._labelnames else ""
            expected.add(metric._name + endings.get(str(metric._type), "") + labels)
    assert set(re.findall(r"^\| `(ebbwatch_[^`]+)` \|", PAGE, re.MULTILINE)) == expected
    for value in (*FATES, *PARKED_FOR, *WITHHELD_FOR, *(outcome.value for outcome in Outcome)):
        assert re.search(rf"^\| `ebbwatch.*\b{value}\b", PAGE, re.MULTILINE), value


def test_the_commands_exist() -> None:
    """Every line of ours is understood."""
    lines = re.findall(r"^\$ ebbwatch (.*?)(?: +#.*)?$", PAGE, re.MULTILINE)
    assert len(lines) >= 7
    for line in lines:
        accept(line.split())
