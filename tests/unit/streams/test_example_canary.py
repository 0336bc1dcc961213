"""What goes to the learner says nothing of whose it is: no id of a customer, an account, an event or a case."""

from pathlib import Path

from msgspec import structs

from models.context import Stream
from streams.cloud_events import cloud_event
from streams.codecs import encode_json
from streams.learner_run import Arrived, LearnerRun
from tests.unit.models.build import account_closed, balance, complaint, contact, ms, out
from tests.unit.models.churn_ledger import ChurnLedger

WHO = "CANARY-customer"


def test_examples_and_what_is_kept_of_them_hold_no_id(tmp_path: Path) -> None:
    """From the fold to the learner's file, over an observation, its outcome and a correction."""
    ledger = ChurnLedger()
    for day in range(12):
        ids = {"customer_id": WHO, "event_id": f"CANARY-event-{day}"}
        ledger.see(
            out(ms(day), 77_777.77, account_id="CANARY-account", **ids),
            balance(ms(day, 1), 77_777.77, account_id="CANARY-account", customer_id=WHO),
            contact(ms(day, 2), "CANARY-reason", customer_id=WHO),
        )
        ledger.see(structs.replace(complaint(ms(day, 3), "received"), customer_id=WHO, case_id="CANARY-case"))
        ledger.tick(ms(day, 4))
    ledger.days(ms(12), 60)
    ledger.see(structs.replace(account_closed(ms(20), "CANARY-account"), customer_id=WHO)).tick(ms(73))

    outputs = [output for output in ledger.outputs if output.stream is Stream.EXAMPLES]
    assert len(ledger.observed) > 1
    assert len(ledger.settled) > 1
    assert any(body.revision for body in ledger.settled)
    bodies = [encode_json(cloud_event(output)) for output in outputs]
    assert "CANARY" not in "".join(output.key + output.output_id for output in outputs)
    assert b"CANARY" not in b"".join(bodies)
    assert b"77777" not in b"".join(bodies)

    run = LearnerRun(tmp_path, 0.02)
    run.take("file", len(bodies), [Arrived(0, number, body) for number, body in enumerate(bodies, 1)])
    run.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert len(kept) > 10_000
    assert b"CANARY" not in kept
