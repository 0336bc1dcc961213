"""What is still to be done, asked of the store for the shards that this process owns: open alerts, waiting outputs.

The store's own indexes are counted, and nothing is added up here: what was raised before a restart, or by whoever owned
the shard before, counts as well. A shard that is handed over while it is being asked about is left out.
"""

import math
from collections.abc import Callable, Collection

from models.alerts import open_alerts_index
from models.fold import RULES
from streams.metrics import Metrics
from streams.stores.base import Store

_ASKED = [(open_alerts_index(rule), math.inf) for rule in RULES]


class BacklogGauges:
    """Keeps the gauges of open alerts and of outboxes up to date."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        """Ask `store`; tell `metrics`."""
        self._store = store
        self._metrics = metrics

    async def refresh(self, owned: Callable[[], Collection[int]]) -> None:
        """Ask about the shards that are `owned`, before and after; raises `StoreError` when the store does not tell."""
        for shard in list(owned()):
            open_alerts = dict(zip(RULES, await self._store.counts(shard, _ASKED), strict=True))
            waiting = await self._store.outbox_depth(shard)
            if shard in owned():
                self._metrics.saw_backlog(shard, open_alerts, waiting)
