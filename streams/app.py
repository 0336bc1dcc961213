"""The Faust app: settings, our transport, and nothing of Faust's that is not used."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import faust
from faust.app.base import BootStrategy

from config.settings import Settings
from streams.transport import Positions, RunSchema, RunTransport

_MAX_FETCH_BYTES = 1 << 21
_WAITING_RUNS = 4
"""Runs that Faust buffers for an agent; the lanes hold some more."""
_MAX_POLL_INTERVAL_S = 600.0
_COMMIT_EVERY_S = 1.0


class _ConsumerOnly(BootStrategy):
    """No producer and no web server of Faust's: ours confirm each delivery, and show nothing but metrics and health."""

    enable_kafka_producer = False
    enable_web = False


class WorkerApp(faust.App):
    """A Faust app whose transport yields runs and asks us where the ledger is to be read on."""

    BootStrategy = _ConsumerOnly

    def __init__(self, settings: Settings, client_options: Mapping[str, Any]) -> None:
        """Configure from `settings`; `client_options` are aiokafka's for reaching the brokers."""
        self._client_options = dict(client_options)
        self.positions: Positions | None = None
        session_s = float(settings.session_timeout_s)
        super().__init__(
            settings.group,
            broker="kafka://" + ";".join(settings.kafka.brokers),
            broker_client_id="ebbwatch",
            broker_session_timeout=session_s,
            broker_heartbeat_interval=session_s / 6,
            broker_request_timeout=max(90.0, session_s + 10),
            broker_rebalance_timeout=max(60.0, session_s),
            broker_max_poll_interval=_MAX_POLL_INTERVAL_S,
            broker_max_poll_records=settings.batch_records,
            broker_commit_interval=_COMMIT_EVERY_S,
            broker_commit_livelock_soft_timeout=1e9,  # ours is streams.watchdog
            consumer_max_fetch_size=_MAX_FETCH_BYTES,
            stream_buffer_maxsize=_WAITING_RUNS,
            stream_wait_empty=True,
            processing_guarantee="at_least_once",
            topic_disable_leader=True,
            topic_allow_declare=False,
            autodiscover=False,
            web_enabled=False,
            store="memory://",
            datadir=Path(tempfile.gettempdir()) / "ebbwatch-faust",
            Schema=RunSchema,
        )

    def _new_transport(self) -> RunTransport:
        transport = RunTransport(self.conf.broker_consumer, self)
        if self.positions is None:
            raise RuntimeError("set `positions` before the app is used")
        transport.positions = self.positions
        transport.client_options = self._client_options
        return transport
