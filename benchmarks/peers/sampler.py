"""What processes have used, as the kernel counts it (Linux)."""

import asyncio
import os
from bisect import bisect_left
from collections.abc import Callable, Mapping
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_EVERY_S = 0.1


def cpu_s(pid: int) -> float:
    """Seconds of CPU that the process has used, all its threads together; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def peak_mb(pid: int) -> float:
    """The most memory (RSS) that the process has held, in MB."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


class Sampler:
    """Follows the CPU time of processes, so that what they used between two moments can be asked afterwards."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        """Follow `pids`, by name."""
        self._pids = dict(pids)
        self._times: list[float] = []
        self._used: dict[str, list[float]] = {name: [] for name in pids}
        self._peaks: dict[str, float] = dict.fromkeys(pids, 0.0)

    @property
    def names(self) -> list[str]:
        """Whom it follows."""
        return list(self._pids)

    async def run(self, now: Callable[[], float]) -> None:
        """Sample until cancelled."""
        while True:
            self._times.append(now())
            for name, pid in self._pids.items():
                self._used[name].append(cpu_s(pid))
                self._peaks[name] = max(self._peaks[name], peak_mb(pid))
            await asyncio.sleep(_EVERY_S)

    def used_s(self, name: str, start: float, end: float) -> float:
        """Seconds of CPU that `name` used between two moments."""
        used = self._used[name]
        last = len(self._times) - 1
        first = min(bisect_left(self._times, start), last)
        return used[min(bisect_left(self._times, end), last)] - used[first]

    def peaks_mb(self) -> dict[str, int]:
        """The most memory of each process so far, in MB."""
        return {name: round(peak) for name, peak in self._peaks.items()}
