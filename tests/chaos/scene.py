"""What a fault has to do with, and what every one of them may do."""

import os
import signal
import time
from collections.abc import Callable
from random import Random

from msgspec import Struct

from tests.chaos.load import Load
from tests.chaos.stack import Stack


class Scene(Struct, frozen=True):
    """What a fault has to do with."""

    stack: Stack
    load: Load
    draw: Random

    def wait(self, least_s: float, most_s: float) -> None:
        """Some seconds, as drawn."""
        time.sleep(self.draw.uniform(least_s, most_s))


Fault = Callable[[Scene], str]


def freeze(pid: int) -> None:
    """SIGSTOP."""
    os.kill(pid, signal.SIGSTOP)


def thaw(pid: int) -> None:
    """SIGCONT."""
    os.kill(pid, signal.SIGCONT)
