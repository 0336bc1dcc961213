"""Outputs as CloudEvents 1.0 (structured JSON): an envelope that any consumer of events can read."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from models.alerts import Alert
from models.case_verdict import CaseVerdict, LateStep
from models.churn_records import Observed, ScoreTold, Settled
from models.context import Output


class CloudEvent(Struct, frozen=True, kw_only=True):
    """The envelope; `id` is unique to the revision, `subject` the customer."""

    specversion: str = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str = "application/json"
    data: Any


def cloud_event(output: Output) -> CloudEvent:
    """The envelope of one output; its time is when the cause happened, so a replay yields the same bytes."""
    source, kind, at = _described(output.body)
    return CloudEvent(
        id=output.output_id,
        source=f"ebbwatch/{source}",
        type=f"ebbwatch.{kind}",
        subject=output.key,
        time=at,
        data=output.body,
    )


def _described(body: Struct) -> tuple[str, str, datetime]:
    """Who says it, what it is, and when its cause happened."""
    match body:
        case Alert():
            return body.rule, f"alert.{body.state}", body.at
        case CaseVerdict():
            return "complaint_case", "case.left", body.at
        case LateStep():
            return "complaint_case", "case.late_step", body.at
        case ScoreTold():
            return "churn_score", "score.told", body.at
        case Observed():
            return "churn_label", "example.observed", body.at
        case Settled():
            return "churn_label", "example.settled", body.at
    raise TypeError(f"no envelope is defined for {type(body).__name__}")
