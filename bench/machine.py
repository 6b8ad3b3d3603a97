"""What the machine does besides: CPU time that its hypervisor took for others.

It must know neither servers nor loads.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")

# Times that something is measured until it is left alone.
ATTEMPTS_MAX = 6
# The column of proc(5), `/proc/stat`, and its unit.
STEAL = 8
TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


def stolen_seconds() -> list[float]:
    """Seconds that each CPU was runnable and not run since the machine was started."""
    lines = Path("/proc/stat").read_text().splitlines()
    cpus = (line.split() for line in lines if line.startswith("cpu") and line[3] != " ")
    return [int(fields[STEAL]) * TICK_SECONDS for fields in cpus]


def undisturbed(share_max: float, measure: Callable[[], Result]) -> tuple[Result, int]:
    """What `measure` returns of a time in which no CPU was taken away for more than this share, or,
    when there was none, of the time that came next to it; and how many times it was asked."""
    seen = []
    for attempt in range(1, ATTEMPTS_MAX + 1):
        before, begun = stolen_seconds(), time.monotonic()
        result = measure()
        took = time.monotonic() - begun
        stolen = max(after - past for after, past in zip(stolen_seconds(), before))
        if stolen <= share_max * took:
            return result, attempt
        seen.append((stolen / took, result))
    return min(seen, key=lambda one: one[0])[1], ATTEMPTS_MAX
