"""The endpoints file: what it may say, and what is refused without being repeated."""

from pathlib import Path
from typing import Any

import pytest

from config.endpoints import EndpointsError, FileEndpoint, StdoutEndpoint, WebhookEndpoint, load_endpoints
from tests.support.notifier import toml, webhook, write_endpoints

URL = "https://receiver.example:443/hook"
NIGHT = {"from": "22:00", "to": "06:00", "zone": "Asia/Shanghai"}
TOP = {"rules": ["asset_outflow"], "k": 10, "at": "08:30", "zone": "Asia/Shanghai"}


def written(path: Path, **options: Any) -> Path:
    return write_endpoints(path / "endpoints.toml", {**webhook("crm", URL), **options})


def test_every_kind_with_its_defaults(tmp_path: Path) -> None:
    """A webhook needs a URL and a secret, a file its path, standard output nothing."""
    path = tmp_path / "endpoints.toml"
    path.write_text(
        """
        reference_key = "file:/run/secrets/webhook_reference_key"
        link = "https://crm.example/{alert_id}"
        [[endpoints]]
        kind = "webhook"
        name = "crm"
        url = "https://receiver.example/hook"
        secrets = ["env:CRM_SECRET", "file:/run/secrets/crm_before"]
        rules = ["asset_outflow"]
        [[endpoints]]
        kind = "ndjson"
        name = "archive"
        path = "alerts.ndjson"
        payload = "full"
        customer = "id"
        [[endpoints]]
        kind = "stdout"
        name = "console"
        """
    )
    crm, archive, console = load_endpoints(path).endpoints
    assert isinstance(crm, WebhookEndpoint)
    assert isinstance(archive, FileEndpoint)
    assert isinstance(console, StdoutEndpoint)
    assert (crm.payload, crm.customer, crm.allow_http, crm.allow_ports, crm.allow_networks) == (
        "thin",
        "reference",
        False,
        [443],
        [],
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"name": "Not A Name"}, "endpoints.Not A Name.name"),
        ({"secrets": ["whsec_CANARY"]}, "endpoints.crm.secrets"),
        ({"secrets": []}, "length >= 1"),
        ({"secrets": ["env:A", "env:B", "env:C", "env:D"]}, "length <= 3"),
        ({"customer": "name"}, "endpoints.crm.customer"),
        ({"payload": "full"}, 'expected customer = "id"'),
        ({"backoff_first_s": 10, "backoff_most_s": 5}, "backoff_first_s: expected at most"),
        ({"circuit_first_s": 10, "circuit_most_s": 5}, "circuit_first_s: expected at most"),
        ({"attempts": 0}, "endpoints.crm.attempts"),
        ({"timeout_s": 61}, "endpoints.crm.timeout_s"),
        ({"allow_networks": ["CANARY"]}, "allow_networks: expected networks"),
        ({"allow_networks": ["10.0.0.1/8"]}, "without host bits"),
        ({"ca_file": "/nowhere/CANARY"}, "ca_file: there is no such file"),
        ({"misspelt": 1}, "unknown field `misspelt`"),
        ({"cooldown_hours": {"asset_outflow": 0}}, "endpoints.crm.cooldown_hours"),
        ({"quiet_hours": [{**NIGHT, "from": "25:00"}]}, "endpoints.crm.quiet_hours[0].from"),
        (
            {"quiet_hours": [{**NIGHT, "to": "22:00:00"}]},
            'to: expected another time than from; a whole day is from = "00',
        ),
        ({"quiet_hours": [{**NIGHT, "zone": "Mars/Olympus"}]}, "zone: expected an IANA time zone"),
        ({"quiet_hours": [{**NIGHT, "days": ["monday"]}]}, "endpoints.crm.quiet_hours[0].days"),
        ({"daily_top": {**TOP, "zone": "Mars/Olympus"}}, "zone: expected an IANA time zone"),
        ({"daily_top": {**TOP, "k": 0}}, "endpoints.crm.daily_top.k"),
        ({"daily_top": {**TOP, "at": "24:00"}}, "endpoints.crm.daily_top.at"),
        ({"daily_top": {**TOP, "misspelt": 1}}, "unknown field `misspelt`"),
        ({"kind": "pigeon"}, "pigeon"),
    ],
)
def test_what_an_endpoint_cannot_say(tmp_path: Path, options: dict[str, Any], expected: str) -> None:
    """The message names the key and what was expected; a secret in the wrong place is not repeated."""
    with pytest.raises(EndpointsError) as error:
        load_endpoints(written(tmp_path, **options))
    assert expected in str(error.value)
    assert "CANARY" not in str(error.value)


@pytest.mark.parametrize(
    ("top", "expected"),
    [
        ({"reference_key": None}, "reference_key: expected where the key"),
        ({"reference_key": "CANARY"}, "reference_key"),
        ({"link": "https://crm.example/{customer_id}"}, "link: expected braces only around"),
        ({"link": "https://crm.example/{alert_id"}, "link: expected braces only around"),
    ],
)
def test_what_the_file_cannot_say(tmp_path: Path, top: dict[str, Any], expected: str) -> None:
    """References need their key, and a link holds nothing of a customer."""
    with pytest.raises(EndpointsError, match=expected) as error:
        load_endpoints(write_endpoints(tmp_path / "endpoints.toml", webhook("crm", URL), **top))
    assert "CANARY" not in str(error.value)


def test_names_are_unique(tmp_path: Path) -> None:
    """Two endpoints of one name would share what is kept of them."""
    with pytest.raises(EndpointsError, match="expected every name once"):
        load_endpoints(write_endpoints(tmp_path / "endpoints.toml", webhook("crm", URL), webhook("crm", URL)))


@pytest.mark.parametrize("content", [b"", b"endpoints = []", b"not toml", b"\xff\xfe"])
def test_a_file_that_is_none(tmp_path: Path, content: bytes) -> None:
    """Said in a line, with the path."""
    path = tmp_path / "endpoints.toml"
    path.write_bytes(content)
    with pytest.raises(EndpointsError, match=r"endpoints\.toml"):
        load_endpoints(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Said in a line too."""
    with pytest.raises(EndpointsError, match="cannot be read"):
        load_endpoints(tmp_path / "missing.toml")


def test_the_test_support_writes_toml() -> None:
    """Strings with quotes survive."""
    assert toml(['a"b', True, 1.5]) == '["a\\"b", true, 1.5]'
    assert toml([{"from": "08:00", "k": {"a": 1}}]) == '[{from = "08:00", k = {a = 1}}]'
