"""A storm: several strokes before anybody has got over the first."""

from collections.abc import Callable

from tests.chaos.scene import Scene


def storm(scene: Scene) -> str:
    """Several strokes, one shortly after the other, before anybody has got over the first."""
    strokes = scene.draw.sample([*_STROKES], 4)
    for name in strokes:
        _STROKES[name](scene)
        scene.wait(0, 2)
    for worker in scene.stack.workers:
        worker.wake()
    return f"{', '.join(strokes)}; went on after {scene.stack.until_moved(scene.stack.positions()):.1f} s"


def _replace_worker(scene: Scene) -> None:
    scene.stack.kill_worker(scene.draw.choice(scene.stack.workers))
    scene.stack.start_worker()


def _add_worker(scene: Scene) -> None:
    scene.stack.start_worker()


def _sleep_worker(scene: Scene) -> None:
    scene.draw.choice(scene.stack.workers).sleep()


def _wake_workers(scene: Scene) -> None:
    for worker in scene.stack.workers:
        worker.wake()


def _kill_broker(scene: Scene) -> None:
    scene.stack.kafka.kill()
    scene.stack.kafka.start()


def _kill_redis(scene: Scene) -> None:
    scene.stack.redis.kill()
    scene.stack.redis.start()


def _roll_redis_back(scene: Scene) -> None:
    copy = scene.stack.photograph()
    scene.wait(0, 3)
    scene.stack.roll_back(copy)


_STROKES: dict[str, Callable[[Scene], None]] = {
    "replace a worker": _replace_worker,
    "add a worker": _add_worker,
    "sleep": _sleep_worker,
    "wake": _wake_workers,
    "kill broker": _kill_broker,
    "kill redis": _kill_redis,
    "roll back": _roll_redis_back,
}
