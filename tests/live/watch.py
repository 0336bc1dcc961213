"""What two workers do, seen from outside: their metrics pages and the alerts topic, as the report of one run."""

import asyncio

import aiohttp
import msgspec
from aiokafka import AIOKafkaConsumer
from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

from models.alerts import Alert
from models.context import Fate, Stream
from streams.codecs import Refusal
from streams.names import SEQUENCE_HEADER, STREAM_TOPICS
from streams.run_report import RunReport

_LOOK_EVERY_S = 0.5
_ANSWER_S = 3.0


class Envelope(Struct):
    """The part of a CloudEvent that is shown."""

    data: Alert


class WorkerSeen(Struct):
    """One worker as its pages tell."""

    port: int
    ready: bool = False
    partitions: int = 0
    lag: int = 0

    @property
    def address(self) -> str:
        """Where its pages are."""
        return f"http://127.0.0.1:{self.port}"


class Watch:
    """Keeps `report` and `workers` up to date until it is cancelled."""

    def __init__(self, brokers: str, ports: list[int]) -> None:
        """Nothing is connected yet."""
        self._brokers = brokers
        self.report = RunReport()
        self.workers = [WorkerSeen(port) for port in ports]
        self._sequences: dict[int, int] = {}

    def rows(self) -> list[tuple[str, str]]:
        """A row for each worker, for the live view."""
        return [
            (
                f"worker {number}",
                f"{'ready' if worker.ready else 'not ready'}, {worker.partitions} partitions,"
                f" {worker.lag:,} records waiting  {worker.address}/metrics",
            )
            for number, worker in enumerate(self.workers, 1)
        ]

    async def run(self) -> None:
        """Look and listen."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            tasks.create_task(self._look())

    async def _listen(self) -> None:
        decode = msgspec.json.Decoder(Envelope).decode
        consumer = AIOKafkaConsumer(
            STREAM_TOPICS[Stream.ALERTS], bootstrap_servers=self._brokers, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            async for record in consumer:
                sequence = int(dict(record.headers)[SEQUENCE_HEADER])
                if sequence <= self._sequences.get(record.partition, 0):
                    continue  # delivered again after a crash
                self._sequences[record.partition] = sequence
                alert = decode(record.value).data
                self.report.alerts[alert.rule, alert.state] += 1
                self.report.latest.append(alert)
        finally:
            await consumer.stop()

    async def _look(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(_ANSWER_S)) as session:
            while True:
                pages = [page for worker in self.workers if (page := await _page(session, worker)) is not None]
                if len(pages) == len(self.workers):
                    self._add_up(pages)
                await asyncio.sleep(_LOOK_EVERY_S)

    def _add_up(self, pages: list[dict[str, list[tuple[str, float]]]]) -> None:
        def total(name: str, label: str) -> int:
            return int(sum(value for page in pages for at, value in page.get(name, ()) if at == label))

        report = self.report
        for fate in Fate:
            report.fates[fate] = total("ebbwatch_ledger_records_total", fate.value)
        for reason in Refusal:
            report.refused[reason] = total("ebbwatch_dead_letters_total", reason.value)
        clocks = [value for page in pages for _, value in page.get("ebbwatch_shard_clock_timestamp_seconds", ())]
        report.clock_ms = int(max(clocks, default=0.0) * 1000)


async def _page(session: aiohttp.ClientSession, worker: WorkerSeen) -> dict[str, list[tuple[str, float]]] | None:
    """The samples of one worker by name, each with the value of its label; None while it does not answer."""
    try:
        async with session.get(f"{worker.address}/metrics") as answer:
            text = await answer.text()
    except (aiohttp.ClientError, TimeoutError):
        worker.ready = False
        return None
    samples: dict[str, list[tuple[str, float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            label = next(iter(sample.labels.values()), "")
            samples.setdefault(sample.name, []).append((label, sample.value))
    worker.ready = any(value == 1 for _, value in samples.get("ebbwatch_live_ready", ()))
    worker.partitions = int(sum(value for _, value in samples.get("ebbwatch_live_partitions", ())))
    worker.lag = int(sum(value for _, value in samples.get("ebbwatch_live_lag_records", ())))
    return samples
