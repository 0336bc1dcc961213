"""The faults: each one strikes while the load goes on, sees the service through it, and says what it saw.

Every one of them leaves at least one worker that was not harmed or a new one; the session fills the ranks again.
"""

import contextlib
import time
from collections.abc import Callable
from random import Random

from tests.chaos.scene import Fault, Scene, freeze, thaw
from tests.chaos.stack import SESSION_TIMEOUT_S
from tests.chaos.storm import storm
from tests.support.workers import WorkerProcess

_MUCH = 12_000
_MOST_TO_FOLD_ANEW = 400_000
"""Records of the ledger beyond which a session has better to do than to wait for all of them."""
_REFUSED = "ebbwatch_live_position_conflicts_total"


def kill_one(scene: Scene) -> str:
    """Kill -9 one worker, with much in hand; the others take over."""
    stack = scene.stack
    scene.load.burst(_MUCH)
    scene.wait(0.2, 1.5)
    before = stack.positions()
    stack.kill_worker(scene.draw.choice(stack.workers))
    if scene.draw.random() < 0.5:
        scene.wait(0, 3)
        stack.start_worker()
    return f"takeover {stack.until_moved(before):.1f} s"


def kill_all(scene: Scene) -> str:
    """Kill -9 every worker at once, with much in hand, and start new ones."""
    stack = scene.stack
    scene.load.burst(_MUCH)
    scene.wait(0.2, 1.5)
    before = stack.positions()
    for worker in [*stack.workers]:
        stack.kill_worker(worker)
    for _ in range(2):
        stack.start_worker()
    return f"takeover {stack.until_moved(before):.1f} s"


def zombie(scene: Scene) -> str:
    """Put one to sleep past its session, with work in hand; another takes over; wake it: its commits are refused."""
    attempts, refused, took_s = 0, 0.0, 0.0
    while not refused and attempts < 3:  # one that had nothing in hand after all proves nothing
        attempts += 1
        sleeper = scene.draw.choice(scene.stack.workers)
        before = sleeper.metric(_REFUSED)
        took_s = _sleep_past_session(scene, sleeper)
        refused = _refused_at_last(sleeper, before)
    return f"takeover {took_s:.1f} s; {refused:.0f} commits refused at attempt {attempts}"


def _sleep_past_session(scene: Scene, sleeper: WorkerProcess) -> float:
    stack = scene.stack
    scene.load.burst(6000)
    if scene.draw.random() < 0.7:  # while the store stands still, runs pile up before it
        freeze(stack.redis.pid)
        time.sleep(0.8)
        sleeper.sleep()
        thaw(stack.redis.pid)
        time.sleep(0.2)  # what it had sent is committed now
    else:
        scene.wait(0.05, 0.4)
        sleeper.sleep()
    took_s = stack.until_moved(stack.positions())
    scene.wait(0, 1)
    sleeper.wake()
    return took_s


def _refused_at_last(worker: WorkerProcess, before: float) -> float:
    """How many of its commits have been refused since, given some seconds to try."""
    for _ in range(30):
        time.sleep(0.1)
        with contextlib.suppress(OSError):
            refused = worker.metric(_REFUSED) - before
            if refused:
                return refused
    return 0.0


def nap(scene: Scene) -> str:
    """Put one to sleep for less than its session: nobody may mind."""
    stack = scene.stack
    sleeper = scene.draw.choice(stack.workers)
    sleeper.sleep()
    scene.wait(1, SESSION_TIMEOUT_S - 2)
    sleeper.wake()
    return f"went on after {stack.until_moved(stack.positions()):.1f} s"


def scale(scene: Scene) -> str:
    """From two to one, to three, to one: those who leave end in good order."""
    stack = scene.stack
    stack.stop_worker(scene.draw.choice(stack.workers))
    old = [*stack.workers]
    for _ in range(2):
        stack.start_worker()
    stack.until_ready()
    scene.wait(0, 1.5)
    before = stack.positions()
    leaving = [*old, stack.workers[-1]] if scene.draw.random() < 0.5 else stack.workers[:2]
    for worker in [*leaving]:
        stack.stop_worker(worker)
    return f"alone after {stack.until_moved(before):.1f} s"


def restart_broker(scene: Scene) -> str:
    """Restart the broker, in good order or by kill -9."""
    stack = scene.stack
    how = _end(stack.kafka.stop, stack.kafka.kill, scene)
    scene.wait(0, 3)
    stack.kafka.start()
    return f"{how}; went on after {stack.until_moved(stack.positions()):.1f} s"


def restart_redis(scene: Scene) -> str:
    """Restart Redis, in good order or by kill -9."""
    stack = scene.stack
    how = _end(stack.redis.stop, stack.redis.kill, scene)
    scene.wait(0, 3)
    stack.redis.start()
    return f"{how}; went on after {stack.until_moved(stack.positions()):.1f} s"


def roll_back(scene: Scene) -> str:
    """Roll Redis back to a state seconds old."""
    stack = scene.stack
    copy = stack.photograph()
    scene.wait(2, 5)
    before = stack.positions()
    stack.roll_back(copy)
    back = sum(before.values()) - sum(stack.positions().values())
    return f"back by {back:,} records; caught up after {stack.until_moved(before):.1f} s"


def lose_redis(scene: Scene) -> str:
    """Redis loses everything under the workers' hands: all that the ledger holds is folded anew, and nothing else."""
    stack = scene.stack
    before = stack.positions()
    lost = sum(before.values())
    if lost > _MOST_TO_FOLD_ANEW:
        return roll_back(scene)
    stack.redis.flush()
    return f"lost {lost:,} records; caught up after {stack.until_moved(before):.1f} s"


def roll_back_in_a_rebalance(scene: Scene) -> str:
    """Roll Redis back while a worker joins and another is killed."""
    stack = scene.stack
    copy = stack.photograph()
    stack.start_worker()
    scene.wait(2, 5)
    before = stack.positions()
    stack.kill_worker(scene.draw.choice(stack.workers[:-1]))
    stack.roll_back(copy)
    return f"caught up after {stack.until_moved(before):.1f} s"


def kill_in_broker_restart(scene: Scene) -> str:
    """Kill -9 a worker while the broker is away."""
    stack = scene.stack
    how = _end(stack.kafka.stop, stack.kafka.kill, scene)
    stack.kill_worker(scene.draw.choice(stack.workers))
    before = stack.positions()
    stack.kafka.start()
    stack.start_worker()
    return f"{how}; takeover {stack.until_moved(before):.1f} s"


def zombie_and_roll_back(scene: Scene) -> str:
    """A worker sleeps, another takes over, Redis is rolled back, and the sleeper wakes to find itself ahead."""
    stack = scene.stack
    copy = stack.photograph()
    sleeper = scene.draw.choice(stack.workers)
    scene.load.burst(4000)
    scene.wait(0.2, 1)
    sleeper.sleep()
    before = stack.positions()
    took_s = stack.until_moved(before)
    before = stack.positions()
    stack.roll_back(copy)
    scene.wait(0, 1)
    sleeper.wake()
    return f"takeover {took_s:.1f} s; caught up after {stack.until_moved(before):.1f} s"


def freeze_redis(scene: Scene) -> str:
    """Redis does not answer for some seconds."""
    return _frozen(scene, scene.stack.redis.pid)


def freeze_broker(scene: Scene) -> str:
    """The broker does not answer for some seconds."""
    return _frozen(scene, scene.stack.kafka.pid)


FAULTS: dict[str, Fault] = {
    "kill one": kill_one,
    "kill all": kill_all,
    "zombie": zombie,
    "nap": nap,
    "scale 1-3-1": scale,
    "restart broker": restart_broker,
    "restart redis": restart_redis,
    "roll redis back": roll_back,
    "lose redis": lose_redis,
    "roll back, rebalance": roll_back_in_a_rebalance,
    "broker and worker": kill_in_broker_restart,
    "zombie, roll back": zombie_and_roll_back,
    "freeze redis": freeze_redis,
    "freeze broker": freeze_broker,
    "storm": storm,
}
"""Every fault by its name."""

_CORE = (
    "kill one",
    "kill all",
    "zombie",
    "scale 1-3-1",
    "restart broker",
    "restart redis",
    "roll redis back",
    "lose redis",
)


def dealt(draw: Random, rounds: int) -> list[str]:
    """The fault of each round: the first eight are those that must not be missing, the others are drawn."""
    core = draw.sample(_CORE, len(_CORE))
    return [*core, *(draw.choice([*FAULTS]) for _ in range(rounds - len(core)))][:rounds]


def _end(gently: Callable[[], None], hard: Callable[[], None], scene: Scene) -> str:
    if scene.draw.random() < 0.5:
        gently()
        return "SIGTERM"
    hard()
    return "kill -9"


def _frozen(scene: Scene, pid: int) -> str:
    freeze(pid)
    try:
        scene.wait(1, 9)
    finally:
        thaw(pid)
    return f"went on after {scene.stack.until_moved(scene.stack.positions()):.1f} s"
