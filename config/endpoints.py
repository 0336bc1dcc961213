"""Where alerts are delivered to: the endpoints file, TOML, frozen and validated.

Nothing secret stands in it: a secret is named by where it is (`env:NAME` or `file:PATH`), and a value in its place is
refused without being repeated in the message. Numbers that no standard gives are ours; those of Standard Webhooks are
named at their field.
"""

import tomllib
from ipaddress import ip_network
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from config.delivery_wishes import DailyTop, Hours, QuietHours, RuleName
from config.policy_errors import explained

Name = Annotated[str, Meta(pattern="^[a-z][a-z0-9-]*$", max_length=40)]
"""An endpoint's name; it is a metric label, which is why there are few of them and they are short."""
SecretPlace = Annotated[str, Meta(pattern="^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$")]
Seconds = Annotated[float, Meta(gt=0, le=7 * 86_400)]
Port = Annotated[int, Meta(ge=1, le=65_535)]
Choice = Annotated[list[Annotated[str, Meta(min_length=1, max_length=60)]], Meta(max_length=50)]

LINK_FIELDS = {"alert_id", "revision", "rule"}
"""What a link may be made of."""


class EndpointsError(ValueError):
    """An endpoints file that cannot be used; the message names the key and what was expected, never a value."""


class Endpoint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every kind of endpoint has in common.

    Filters: an alert is delivered when each list that is not empty holds its value. `payload` thin says that
    something happened to whom and how bad it is, without amounts, subjects or evidence; full is the alert as
    published. `customer`: a keyed reference, the id, or nothing.

    A delivery that fails is repeated after a random time between 0 and `backoff_first_s`, tripled at each attempt up
    to `backoff_most_s`; after `attempts`, or `give_up_after_h`, it is parked. After `circuit_failures` in a row the
    endpoint is left alone for `circuit_first_s`, doubled up to `circuit_most_s`, then probed by one delivery.

    `cooldown_hours`, by rule: for so long after an alert of a customer no other one of the same rule and customer,
    unless it is worse. `quiet_hours` and `daily_top`: see there.
    """

    name: Name
    rules: Choice = []
    severities: Choice = []
    tiers: Choice = []
    states: Choice = []
    payload: Literal["thin", "full"] = "thin"
    customer: Literal["reference", "id", "none"] = "reference"
    attempts: Annotated[int, Meta(ge=1, le=100)] = 15
    backoff_first_s: Seconds = 5.0
    backoff_most_s: Seconds = 21_600.0
    give_up_after_h: Annotated[float, Meta(gt=0, le=720)] = 72.0
    max_in_flight: Annotated[int, Meta(ge=1, le=200)] = 8
    circuit_failures: Annotated[int, Meta(ge=1, le=1000)] = 10
    circuit_first_s: Seconds = 30.0
    circuit_most_s: Seconds = 900.0
    cooldown_hours: Annotated[dict[RuleName, Hours], Meta(max_length=50)] = {}
    quiet_hours: Annotated[list[QuietHours], Meta(max_length=14)] = []
    daily_top: DailyTop | None = None

    def __post_init__(self) -> None:
        """A full payload holds the customer's id, so whoever asks for it has to say so."""
        if self.payload == "full" and self.customer != "id":
            raise ValueError('payload: "full" holds the customer\'s id: expected customer = "id" beside it')
        if self.backoff_first_s > self.backoff_most_s:
            raise ValueError("backoff_first_s: expected at most backoff_most_s")
        if self.circuit_first_s > self.circuit_most_s:
            raise ValueError("circuit_first_s: expected at most circuit_most_s")


class WebhookEndpoint(Endpoint, frozen=True, tag="webhook"):
    """A receiver of Standard Webhooks.

    The first of `secrets` is the present one; all sign, so that a receiver can change over. `timeout_s` as the
    specification recommends (15 to 30 s). `allow_networks` are the only addresses, of those that do not belong to
    the public internet, that this endpoint may have (`streams.webhooks.guard`).
    """

    url: Annotated[str, Meta(max_length=2000)]
    secrets: Annotated[list[SecretPlace], Meta(min_length=1, max_length=3)]
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 15.0
    retry_after_most_s: Seconds = 3600.0
    allow_http: bool = False
    allow_ports: Annotated[list[Port], Meta(min_length=1, max_length=20)] = msgspec.field(default_factory=lambda: [443])
    allow_networks: Annotated[list[str], Meta(max_length=20)] = []
    ca_file: str = ""

    def __post_init__(self) -> None:
        """Networks are networks, and the file is there."""
        super().__post_init__()
        for network in self.allow_networks:
            try:
                ip_network(network)
            except ValueError:
                raise ValueError("allow_networks: expected networks such as 10.20.0.0/16, without host bits") from None
        if self.ca_file and not Path(self.ca_file).is_file():
            raise ValueError("ca_file: there is no such file")


class FileEndpoint(Endpoint, frozen=True, tag="ndjson"):
    """A file that grows by one JSON line for each alert; whoever rotates it may move it away at any time."""

    path: Annotated[str, Meta(min_length=1)]


class StdoutEndpoint(Endpoint, frozen=True, tag="stdout"):
    """One JSON line for each alert on standard output, for whatever collects that."""


AnyEndpoint = WebhookEndpoint | FileEndpoint | StdoutEndpoint


class Endpoints(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file. `link` is where a person reads on, with `{alert_id}`, `{revision}`, `{rule}` filled in."""

    endpoints: Annotated[list[AnyEndpoint], Meta(min_length=1, max_length=50)]
    reference_key: SecretPlace | None = None
    link: Annotated[str, Meta(max_length=500)] = ""

    def __post_init__(self) -> None:
        """Names are unique, the link can be filled in, and references to customers have their key."""
        names = [endpoint.name for endpoint in self.endpoints]
        if len(set(names)) < len(names):
            raise ValueError("endpoints: expected every name once")
        try:
            fields = {field for _, field, _, _ in Formatter().parse(self.link) if field is not None}
        except ValueError:
            raise ValueError("link: expected braces only around alert_id, revision and rule") from None
        if not fields <= LINK_FIELDS:
            raise ValueError("link: expected braces only around alert_id, revision and rule")
        if self.reference_key is None and any(endpoint.customer == "reference" for endpoint in self.endpoints):
            raise ValueError(
                'reference_key: expected where the key of customers\' references is ("file:PATH" or "env:NAME"), since'
                ' an endpoint has customer = "reference", the default; or customer = "none" or "id" at each endpoint'
            )


def load_endpoints(path: Path) -> Endpoints:
    """Read and validate an endpoints file; raises `EndpointsError`."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EndpointsError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise EndpointsError(f"{path}: expected UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise EndpointsError(f"{path}: {error}") from None
    try:
        return msgspec.convert(document, Endpoints)
    except msgspec.ValidationError as error:
        raise EndpointsError(f"{path}: {explained(str(error), document)}") from None
