"""The customers agent: each shard of the ledger, folded and committed run by run."""

from typing import Any

from agents.deps import Deps
from streams.app import WorkerApp
from streams.names import EVENTS_TOPIC


def register(app: WorkerApp, deps: Deps) -> None:
    """Consume the ledger."""

    async def customers(stream: Any) -> None:
        async for event in stream.noack().events():
            await deps.ledger_lanes.put(event)

    app.agent(app.topic(EVENTS_TOPIC), name="customers")(customers)
