"""Which values each label of each metric may have. A label that is not named here may not be exported at all.

Whoever adds a label adds it here, and says by that from which closed set its values come.
"""

from collections.abc import Collection

from prometheus_client.parser import text_string_to_metric_families

from config.policies import load_policies
from models.alert_feedback import RULE as FEEDBACK_RULE
from models.alerts import ALERT_STATES, SEVERITIES, TIERS
from models.churn_records import BANDS
from models.complaints import CASE_RULE
from models.context import ClockEvent, Fate, Reason
from models.fold import RULES
from models.labels import RULE as LABEL_RULE
from models.learner_records import Fate as ExampleFate
from streams.codecs import Refusal
from streams.complaint_metrics import WITHIN
from streams.learner_metrics import MEASURED, MEASURES
from streams.names import DEAD_LETTERS_TOPIC, EVENTS_TOPIC, FEED_TOPICS, STREAM_TOPICS
from streams.notifier_metrics import FATES, PARKED_FOR, WITHHELD_FOR
from streams.webhooks.outcome import Outcome

OF_THE_INTERPRETER = {"implementation", "version", "major", "minor", "patchlevel"}
"""Labels of `python_info`."""
_POLICIES = load_policies()

CLOSED: dict[str, set[str]] = {
    "band": set(BANDS),
    "calendar": set(_POLICIES.calendars),
    "clock": {clock.name for profile in _POLICIES.complaints.profiles for clock in profile.clocks},
    "event": {one.value for one in ClockEvent},
    "fate": {*(one.value for one in Fate), *FATES},
    "learner": set(MEASURED),
    "measure": set(MEASURES),
    "outcome": {one.value for one in (*Outcome, *ExampleFate)},
    "part": {"load", "fold", "commit"},
    "profile": {profile.name for profile in _POLICIES.complaints.profiles},
    "reason": {*(one.value for one in (*Refusal, *Reason)), *PARKED_FOR, *WITHHELD_FOR},
    "rule": {*RULES, CASE_RULE, FEEDBACK_RULE, LABEL_RULE},
    "severity": set(SEVERITIES),
    "state": set(ALERT_STATES),
    "tier": set(TIERS),
    "topic": {EVENTS_TOPIC, DEAD_LETTERS_TOPIC, *FEED_TOPICS.values(), *STREAM_TOPICS.values()},
    "within": set(WITHIN),
}
"""By the code, or by the shipped policies. Shards and endpoints are by the installation."""


def label_values(page: str) -> dict[str, set[str]]:
    """Every label on a page of metrics, with every value that it has on it."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            for label, value in sample.labels.items():
                found.setdefault(label, set()).add(value)
    return found


def unbounded(page: str, shards: int = 0, endpoints: Collection[str] = ()) -> list[tuple[str, str]]:
    """The (label, value) that nobody allows; `le` is a bound of a bucket."""
    allowed = {**CLOSED, "shard": {str(shard) for shard in range(shards)}, "endpoint": set(endpoints)}
    return [
        (label, value)
        for label, values in label_values(page).items()
        for value in sorted(values - allowed.get(label, set()))
        if label not in OF_THE_INTERPRETER and not (label == "le" and _is_number(value))
    ]


def silent(page: str) -> list[str]:
    """Metrics that show no sample, and so do not show their labels either."""
    return [family.name for family in text_string_to_metric_families(page) if not family.samples]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
