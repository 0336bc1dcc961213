"""Embedded runs within the test's own process, and what they say about themselves."""

from collections.abc import Callable
from pathlib import Path

from config.policies import Policies, load_policies
from streams.embedded import EmbeddedOptions, EmbeddedRun


def embedded(
    data: Path,
    *feeds: Path,
    batch: int = 16_384,
    shards: int | None = None,
    cache: int = 100_000,
    policies: Policies | None = None,
) -> EmbeddedRun:
    """A run that is ready to go, by the shipped policies unless others are given."""
    options = EmbeddedOptions(
        data=data,
        feeds=[str(feed) for feed in feeds],
        policies=policies or load_policies(),
        shards=shards,
        batch_records=batch,
        cache_customers=cache,
    )
    return EmbeddedRun(options)


async def run(
    data: Path, *feeds: Path, batch: int = 16_384, shards: int | None = None, cache: int = 100_000
) -> EmbeddedRun:
    """Run to the end."""
    job = embedded(data, *feeds, batch=batch, shards=shards, cache=cache)
    await job.run()
    return job


def stop_after(job: EmbeddedRun, batches: int) -> Callable[[], None]:
    """What ends `job` in good order after so many micro-batches."""
    left = batches

    def after_batch() -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            job.stop()

    return after_batch


def metric(job: EmbeddedRun, name: str, **labels: str) -> int:
    """A counter's value, as Prometheus would scrape it."""
    found = job.metrics.registry.get_sample_value(name, labels)
    assert found is not None, f"no metric {name} with {labels}"
    return int(found)
