"""The full work for one ledger record, as a stream processor with a state for each key does it.

The same aggregate, the same fold with the same rules, the same output bytes as ours. What a peer is spared: ticks (a
state for each key has no sorted index of deadlines), the exact dropping of replayed sources, and the outbox.
"""

import msgspec

from benchmarks.policies import policies_of
from config.policies import policies_from_document
from models.context import FoldContext
from models.customer import decode_customer, encode_customer
from models.events import LedgerRecord, PolicyActivated
from models.fold import fold
from models.rules import Rules
from streams.cloud_events import cloud_event

_decoder = msgspec.json.Decoder(LedgerRecord)
_encoder = msgspec.json.Encoder()

CONTROL_KEY = b"ebbwatch.control"
"""Key of the control records: some peers accept no record without one."""


class FullWork:
    """Decode, fold, encode, a record at a time.

    The policies are the shipped ones, without the score, until the ledger says otherwise: a peer that takes over in
    the middle of a ledger has nowhere to keep them.
    """

    def __init__(self) -> None:
        """Begin with the shipped policies, without the score."""
        self._ctx = FoldContext(Rules(policies_of(scores=False)))

    def apply(self, body: bytes, state: bytes | None) -> tuple[bytes | None, list[tuple[bytes, bytes]]]:
        """The customer's state after the record `body` (None: leave it as it is), and the outputs as (key, body)."""
        record = _decoder.decode(body)
        event, ctx = record.event, self._ctx
        if not record.source:
            if isinstance(event, PolicyActivated):
                ctx.rules = Rules(policies_from_document(event.document))
            return None, []
        customer = fold(
            None if state is None else decode_customer(state),
            event,  # type: ignore[arg-type]
            record.at_ms,
            ctx,
        )
        outputs = [(output.key.encode(), _encoder.encode(cloud_event(output))) for output in ctx.outputs]
        ctx.take()
        return None if customer is None else encode_customer(customer), outputs
