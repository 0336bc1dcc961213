"""The watchdog: readiness that tells the truth, and an end for a worker that hangs."""

from collections.abc import Sequence

import pytest

from streams.live_metrics import LiveMetrics
from streams.metrics import Metrics
from streams.owned_shards import Standing
from streams.watchdog import Stalled, Watchdog


class World:
    """What the watchdog sees."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.standings: list[Standing] | None = None
        self.answers = True
        self.metrics = Metrics()
        self.dog = Watchdog(
            self._standings, self._store_answers, LiveMetrics(self.metrics.registry), 100, lambda: self.now_s
        )

    async def _standings(self) -> Sequence[Standing] | None:
        return self.standings

    async def _store_answers(self) -> bool:
        return self.answers

    async def look(self, after_s: float, *standings: tuple[int, int]) -> list[str]:
        """The reasons for not being ready, `after_s` later, with (position, end) of each partition."""
        self.now_s += after_s
        self.standings = [Standing("t", number, at, end) for number, (at, end) in enumerate(standings)]
        await self.dog.look()
        return self.dog.health.reasons


async def test_a_worker_is_not_ready_before_it_is_assigned() -> None:
    """No assignment yet: not ready; assigned and nothing to do: ready."""
    world = World()
    assert world.dog.health.reasons == ["starting"]
    await world.dog.look()
    assert world.dog.health.reasons == ["no partitions assigned yet"]
    assert await world.look(1, (5, 5)) == []
    assert world.dog.health.assigned == 1


async def test_a_worker_with_no_partition_is_ready() -> None:
    """More workers than partitions: it stands by."""
    world = World()
    assert await world.look(1) == []


async def test_an_absent_store_is_not_ready() -> None:
    """Readiness follows the store."""
    world = World()
    world.answers = False
    assert await world.look(1, (5, 5)) == ["the store does not answer"]
    world.answers = True
    assert await world.look(1, (5, 5)) == []


async def test_lag_alone_is_no_stall() -> None:
    """Records wait and wait, but positions move: ready, however long."""
    world = World()
    for step in range(50):
        assert await world.look(60, (step, step + 1000)) == []
    assert world.metrics.registry.get_sample_value("ebbwatch_live_ready") == 1


async def test_standing_still_with_nothing_to_do_is_no_stall() -> None:
    """Nothing waits: nothing has to move."""
    world = World()
    for _ in range(10):
        assert await world.look(60, (7, 7)) == []


async def test_a_position_that_stands_still_ends_the_worker() -> None:
    """First not ready, then ended, with the place in the message."""
    world = World()
    await world.look(0, (7, 9), (3, 3))
    assert await world.look(30, (7, 10), (3, 3)) == ["t/0: records wait, the position does not move"]
    with pytest.raises(Stalled, match="the first is t/0 at 7, its end at 11"):
        await world.look(80, (7, 11), (4, 9))


async def test_a_rebalance_starts_the_count_again() -> None:
    """While the group decides nothing can move, and that is nobody's fault."""
    world = World()
    await world.look(0, (7, 9))
    world.now_s += 99
    world.standings = None
    await world.dog.look()
    assert await world.look(50, (7, 9)) == []
