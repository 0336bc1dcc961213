"""The notifier: alerts from Kafka into a durable queue, and out to the endpoints.

A process of its own, so that a receiver that hangs holds up no scoring. It is no Faust agent, and one notifier works
at a time, for the same reason: what has been taken, what is still to be delivered, and when each attempt may be
repeated must be one durable state. Faust would acknowledge alert by alert, to the brokers, while one that waits for
its fourth attempt must neither hold up those behind it nor be forgotten; and a group that shared the partitions would,
at each rebalance, leave what is queued with whoever had them before, and let a customer's alerts overtake each other.
One process is enough: what limits it is the receivers. A second one on the same directory is refused (the lock).
Should it die, start it again, on this or another machine that has the directory.
"""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

from aiokafka import AIOKafkaConsumer
from msgspec import Struct

from config.endpoints import AnyEndpoint, Endpoints, FileEndpoint, WebhookEndpoint
from config.settings import Settings
from streams.embedded import lock_directory
from streams.logs import say_the_end
from streams.names import NOTIFIER_FILE, NOTIFIER_GROUP
from streams.notifier_metrics import NotifierMetrics
from streams.pseudonyms import Pseudonymiser
from streams.watchdog import Health
from streams.web import WebServer
from streams.webhooks.daily_lists import DailyLists
from streams.webhooks.decisions import Way
from streams.webhooks.dispatcher import Dispatcher
from streams.webhooks.gate import Gate
from streams.webhooks.guard import UrlRefused
from streams.webhooks.intake import Intake
from streams.webhooks.line_sinks import FileSink, StdoutSink
from streams.webhooks.outcome import Channel
from streams.webhooks.payload import Renderer, UnknownFilter, check_filters
from streams.webhooks.queue import DeliveryQueue
from streams.webhooks.sender import CertificatesUnusable, WebhookSender
from streams.webhooks.signing import SecretError, Signer, decoded_secret

logger = logging.getLogger("ebbwatch.notifier")

_SINK_LIMIT_S = 30.0


class EndpointRefused(ValueError):
    """An endpoint that cannot be delivered to as it is configured; the message names it and the key."""


class Broken(RuntimeError):
    """The notifier ends itself: the queue could not be kept."""


class Parts(Struct, frozen=True):
    """What a notifier is made of."""

    settings: Settings
    endpoints: Endpoints
    partitions: int
    data: Path
    client_options: Mapping[str, Any]
    begin_at_end: bool


def open_channel(endpoint: AnyEndpoint, settings: Settings) -> Channel:
    """The way to an endpoint, with its secrets; raises `EndpointRefused`, `SettingsError`."""
    try:
        check_filters(endpoint)
        if isinstance(endpoint, FileEndpoint):
            return FileSink(Path(endpoint.path))
        if not isinstance(endpoint, WebhookEndpoint):
            return StdoutSink()
        keys = [decoded_secret(settings.secret_at(place).reveal()) for place in endpoint.secrets]
        return WebhookSender(endpoint, Signer(keys))
    except UnknownFilter as error:
        raise EndpointRefused(str(error)) from None
    except (SecretError, UnicodeDecodeError) as error:
        expected = str(error) if isinstance(error, SecretError) else "expected text"
        raise EndpointRefused(f"{endpoint.name}.secrets: {expected}") from None
    except UrlRefused as error:
        raise EndpointRefused(f"{endpoint.name}.url: {error}") from None
    except CertificatesUnusable as error:
        raise EndpointRefused(f"{endpoint.name}.{error}") from None


def open_renderer(endpoints: Endpoints, settings: Settings) -> Renderer:
    """What makes bodies, with the key of customers' references; raises `EndpointRefused`, `SettingsError`."""
    names = None
    if endpoints.reference_key is not None:
        try:
            names = Pseudonymiser(settings.secret_at(endpoints.reference_key).reveal().encode())
        except ValueError as error:
            raise EndpointRefused(f"reference_key: {error}") from None
    return Renderer(endpoints.link, names)


class Notifier:
    """Takes and delivers until it is told to stop."""

    def __init__(self, parts: Parts) -> None:
        """Open everything but connections; raises `EndpointRefused`, `SettingsError`, `DirectoryInUse`."""
        settings, endpoints = parts.settings, parts.endpoints.endpoints
        ways = {
            endpoint.name: Way(
                endpoint,
                open_channel(endpoint, settings),
                endpoint.timeout_s if isinstance(endpoint, WebhookEndpoint) else _SINK_LIMIT_S,
            )
            for endpoint in endpoints
        }
        self._parts = parts
        self._renderer = open_renderer(parts.endpoints, settings)
        self._channels = [way.channel for way in ways.values()]
        self._lock = lock_directory(parts.data)
        self._queue = DeliveryQueue(parts.data / NOTIFIER_FILE)
        self.metrics = NotifierMetrics(ways)
        self._dispatcher = Dispatcher(self._queue, ways, self.metrics, Random())  # noqa: S311 - jitter, no secret
        self._gate = Gate(self._queue.memory, endpoints, self.metrics)
        self._lists = DailyLists(self._queue, self._gate, endpoints, self.metrics, self._dispatcher.disabled)
        self._intake: Intake | None = None
        self._stopping = False
        self._web = WebServer(settings.web_host, settings.web_port, self.metrics.registry, self.health)
        for name in sorted(self._queue.endpoints() - set(ways)):
            fields = {"endpoint": name, **self._queue.depth(name)._asdict()}
            logger.warning("deliveries are kept for an endpoint that is not configured", extra={"fields": fields})

    def health(self) -> Health:
        """What `/readyz` says."""
        if self._stopping:
            return Health(["stopping"], 0, 0)
        if self._intake is None or not self._intake.assigned:
            return Health(["no partitions assigned yet"], 0, 0)
        return Health([], self._intake.assigned, self._intake.lag)

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT, then wait for the attempts under way; raises what ends it otherwise."""
        told = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, told.set)
        await self._web.start()
        consumer = AIOKafkaConsumer(
            **self._parts.client_options,
            group_id=NOTIFIER_GROUP % self._parts.settings.group,
            client_id="ebbwatch-notifier",
            enable_auto_commit=False,
            auto_offset_reset="none",
        )
        try:
            for channel in self._channels:
                await channel.start()
            await consumer.start()
            await self._work(consumer, told)
        finally:
            with contextlib.suppress(Exception):
                await consumer.stop()
            for channel in self._channels:
                await channel.close()
            await self._web.stop()
            self._queue.close()
            self._lock.close()
        logger.info("notifier stopped")

    async def _work(self, consumer: AIOKafkaConsumer, told: asyncio.Event) -> None:
        self._lists.begin()
        intake = self._intake = Intake(
            consumer,
            self._parts.partitions,
            self._queue,
            self._gate,
            self._parts.endpoints.endpoints,
            self._renderer,
            self.metrics,
            self._dispatcher.disabled,
            self._dispatcher.wake,
            self._parts.begin_at_end,
        )
        taking = asyncio.create_task(intake.run(), name="intake")
        listing = asyncio.create_task(
            self._lists.run(lambda: intake.caught_up, self._dispatcher.wake), name="daily lists"
        )
        delivering = asyncio.create_task(self._dispatcher.run(), name="dispatcher")
        stopped = asyncio.create_task(told.wait(), name="told to stop")
        logger.info("notifier started", extra={"fields": {"endpoints": len(self._channels)}})
        try:
            await asyncio.wait({taking, listing, delivering, stopped}, return_when=asyncio.FIRST_COMPLETED)
            for task in (taking, listing, delivering):
                if task.done() and (error := task.exception()):
                    say_the_end(logger, "notifier ends itself", error)
                    raise Broken from None
            self._stopping = True
            began_s = time.monotonic()
            taking.cancel()
            listing.cancel()
            self._dispatcher.stop()
            await delivering
            logger.info("notifier stops", extra={"fields": {"waited_s": round(time.monotonic() - began_s, 1)}})
        finally:
            tasks: tuple[asyncio.Task[Any], ...] = (taking, listing, delivering, stopped)
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
