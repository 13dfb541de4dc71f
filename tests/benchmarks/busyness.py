"""How busy the machine was, with what is measured and with anything else."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """CPU seconds so far: of the whole machine, and of what is measured."""

    at: float
    whole_s: float
    own_s: float


def read(roots: Sequence[int]) -> Reading:
    """Read the counters.

    Args:
        roots: Processes that are measured, with their children; this one and its own
            are, too. Of the others' children those that have ended are missing.
    """
    times = psutil.cpu_times()
    own = os.times()
    own_s = own.user + own.system + own.children_user + own.children_system
    for root in roots:
        process = psutil.Process(root)
        for each in (process, *process.children(recursive=True)):
            try:
                used = each.cpu_times()
            except psutil.NoSuchProcess:
                continue
            own_s += used.user + used.system
    return Reading(
        at=time.monotonic(),
        whole_s=sum(times) - times.idle - times.iowait - times.guest - times.guest_nice,
        own_s=own_s,
    )


def between(start: Reading, end: Reading) -> tuple[float, float]:
    """Return the shares of all cores that what is measured used, and that others did.

    What was measured, ended and had another parent counts as others'.
    """
    all_s = (end.at - start.at) * (os.cpu_count() or 1)
    own_s = end.own_s - start.own_s
    other_s = max(0.0, end.whole_s - start.whole_s - own_s)
    return own_s / all_s, other_s / all_s
