"""One ingest agent for each feed: validate, then the ledger or the dead letters."""

from typing import Any

from agents.deps import Deps
from streams.app import WorkerApp
from streams.names import FEED_TOPICS


def register(app: WorkerApp, deps: Deps) -> None:
    """Consume every feed."""

    async def ingest(stream: Any) -> None:
        async for event in stream.noack().events():
            await deps.feed_lanes.put(event)

    for feed, topic in FEED_TOPICS.items():
        app.agent(app.topic(topic), name=f"ingest_{feed}")(ingest)
