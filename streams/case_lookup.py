"""One complaint case out of the data directory of an embedded run: what is watched of it, or its last word."""

from pathlib import Path

import msgspec
from msgspec import Struct, field

from config.policies import policies_from_document
from models.case_state import CaseState
from models.case_verdict import CaseVerdict, LateStep
from models.complaint_rules import ComplaintRules
from models.context import Stream
from models.customer import decode_customer
from models.pins import Pins
from models.rules import Rules
from models.shard import decode_documents, decode_state
from streams.embedded import OUTPUT_DIRECTORY
from streams.ledger import EmbeddedLedger
from streams.names import LEDGER_FILE, STATE_FILE, STREAM_TOPICS
from streams.ndjson_sink import OutputFileError, output_file
from streams.stores.sqlite import SqliteStore


class WatchedCase(Struct):
    """A case that is still watched, with the policies that it keeps and the time of its shard."""

    customer_id: str
    case: CaseState
    rules: ComplaintRules
    clock_ms: int


class CaseHistory(Struct):
    """Everything that is known of a case id: cases that are watched, last words on those that have left, late steps."""

    watched: list[WatchedCase] = field(default_factory=list)
    left: list[CaseVerdict] = field(default_factory=list)
    late: list[LateStep] = field(default_factory=list)


class _Line(Struct):
    type: str
    data: msgspec.Raw


async def find_case(data: Path, case_id: str, customer_id: str | None) -> CaseHistory:
    """Look for a case of a customer, or of any when `customer_id` is None, which reads every customer."""
    found = CaseHistory()
    ledger, store = EmbeddedLedger(data / LEDGER_FILE), SqliteStore(data / STATE_FILE)
    try:
        for shard in range(ledger.shards):
            if customer_id is None:
                # The id stands in the encoded aggregate as it is: most customers need not be decoded.
                wanted = case_id.encode("utf-8", "surrogatepass")
                bodies = [body for _, body in store.customers_of(shard) if wanted in body]
            else:
                bodies = [body for body in await store.load(shard, [customer_id]) if body is not None]
            cases = [
                (customer.customer_id, case)
                for customer in map(decode_customer, bodies)
                for case in customer.cases
                if case.case_id == case_id
            ]
            if cases:
                stored = await store.open_shard(shard)
                state, documents = decode_state(stored.state), decode_documents(stored.documents)
                pins = Pins(Rules(policies_from_document(documents.policy)), state.cases, documents.pinned)
                found.watched += [
                    WatchedCase(of_customer, case, pins.of(case.policy), state.clock_ms) for of_customer, case in cases
                ]
    finally:
        await store.close()
        ledger.close()
    _read_last_words(output_file(data / OUTPUT_DIRECTORY, STREAM_TOPICS[Stream.CASES]), case_id, customer_id, found)
    return found


def _read_last_words(path: Path, case_id: str, customer_id: str | None, found: CaseHistory) -> None:
    if not path.exists():
        return
    wanted = msgspec.json.encode(case_id)
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if wanted not in line:
                continue
            if not line.endswith(b"\n"):
                break  # cut short by a crash: the next run writes it again
            try:
                envelope = msgspec.json.decode(line, type=_Line)
                if envelope.type == "ebbwatch.case.left":
                    last = msgspec.json.decode(envelope.data, type=CaseVerdict)
                    if last.case_id == case_id and customer_id in (None, last.customer_id):
                        found.left.append(last)
                else:
                    step = msgspec.json.decode(envelope.data, type=LateStep)
                    if step.case_id == case_id and customer_id in (None, step.customer_id):
                        found.late.append(step)
            except msgspec.MsgspecError:
                raise OutputFileError(path, number) from None
