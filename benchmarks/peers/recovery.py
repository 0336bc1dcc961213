"""How long work stands still when a worker is killed: from kill -9 until every partition has gone on.

Two workers share the partitions under a light, steady load. One is killed. The survivor must notice (the session
timeout, the same for everybody), take the dead one's partitions over, get at their states, and go on. A partition has
gone on when an output of an event that was sent after the kill has come.
"""

import asyncio
import time

from benchmarks.peers.pacer import Pacer
from benchmarks.peers.probe import ContenderFailed
from benchmarks.peers.stream import PARTITIONS
from benchmarks.peers.trial import Running

RATE = 800.0
"""Records a second: light for everybody, so that the backlog of the outage is no part of the figure."""
_JOINED_WITHIN_S = 600.0
_LONGEST_S = 600.0
"""A peer restores half a million states each time: when the second worker comes, and when the first is gone."""
_SETTLED_S = 5.0


async def recovery_s(run: Running) -> float:
    """Seconds of standstill; what has been fed so far has been worked off."""
    pacer = Pacer(run.broker, run.contender.input_topic, run.case.stream, run.fed_to)
    feeding = asyncio.create_task(pacer.run(RATE, len(run.case.stream)))
    try:
        run.workers.append(run.contender.start())
        await _shared(run)
        await _all_go_on(run, pacer, time.time() + _SETTLED_S, feeding)
        run.workers.pop(0).kill()
        killed_s = time.time()
        return await _all_go_on(run, pacer, killed_s, feeding) - killed_s
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)


async def _shared(run: Running) -> None:
    """Until both workers are members of the group, and each has partitions."""
    give_up = time.monotonic() + _JOINED_WITHIN_S
    while sorted(await asyncio.to_thread(run.broker.shares, run.contender.group, run.contender.input_topic)) != [2, 2]:
        run.check()
        if time.monotonic() > give_up:
            raise ContenderFailed("the second worker gets no share of the partitions")
        await asyncio.sleep(0.2)


async def _all_go_on(run: Running, pacer: Pacer, since_s: float, feeding: "asyncio.Task[None]") -> float:
    """The moment at which each partition has put out something whose cause was sent after `since_s`."""
    outputs = run.case.expected(run.contender).outputs
    give_up = time.monotonic() + _LONGEST_S
    seen = len(run.probe.arrivals)
    reached: dict[int, float] = {}
    while len(reached) < PARTITIONS:
        run.check()
        if time.monotonic() > give_up or feeding.done():
            raise ContenderFailed(f"only {len(reached)} of {PARTITIONS} partitions have gone on")
        arrivals = list(run.probe.arrivals.items())
        for body, arrived_s in arrivals[seen:]:
            partition, offset = outputs[body]
            sent_s = pacer.sent_s(partition, offset)
            if sent_s is not None and sent_s >= since_s:
                reached.setdefault(partition, arrived_s)
        seen = len(arrivals)
        await asyncio.sleep(0.05)
    return max(reached.values())
