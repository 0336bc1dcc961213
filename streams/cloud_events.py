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
    body = output.body
    if isinstance(body, Alert):
        return CloudEvent(
            id=output.output_id,
            source=f"ebbwatch/{body.rule}",
            type=f"ebbwatch.alert.{body.state}",
            subject=output.key,
            time=body.at,
            data=body,
        )
    if isinstance(body, CaseVerdict | LateStep):
        return CloudEvent(
            id=output.output_id,
            source="ebbwatch/complaint_case",
            type="ebbwatch.case.left" if isinstance(body, CaseVerdict) else "ebbwatch.case.late_step",
            subject=output.key,
            time=body.at,
            data=body,
        )
    if isinstance(body, ScoreTold):
        return CloudEvent(
            id=output.output_id,
            source="ebbwatch/churn_score",
            type="ebbwatch.score.told",
            subject=output.key,
            time=body.at,
            data=body,
        )
    if isinstance(body, Observed | Settled):
        return CloudEvent(
            id=output.output_id,
            source="ebbwatch/churn_label",
            type="ebbwatch.example.observed" if isinstance(body, Observed) else "ebbwatch.example.settled",
            subject=output.key,
            time=body.at,
            data=body,
        )
    raise TypeError(f"no envelope is defined for {type(body).__name__}")
