"""Pure: whether the generator kept up, so that its figures are about the service.

Times that a starved generator measures are its own: it sends late, and reads answers
late. A second is short when the generator used 90 % of its one CPU (as Locust itself
warns of), when its event loop ran 100 ms late, or when one of twenty arrivals began
over 50 ms after it was due. One short second in ten is borne.
"""

from __future__ import annotations

from collections.abc import Sequence

from release.load.measurements import Measurements, Vitals

CPU_RATIO = 0.9
LAG_MS = 100.0
LATE_RATIO = 0.05
SHORT_RATIO = 0.1


def short_of(vitals: Vitals) -> bool:
    """Whether the generator could not keep up in a second."""
    late_ratio = vitals.late / vitals.arrived if vitals.arrived else 0.0
    return (
        vitals.cpu_ratio >= CPU_RATIO
        or vitals.lag_ms >= LAG_MS
        or late_ratio >= LATE_RATIO
    )


def unfit(measurements: Measurements) -> str:
    """Return why the figures say nothing of the service, or "" when they do."""
    return forsaken(measurements) or starved(measurements)


def forsaken(measurements: Measurements) -> str:
    """Return that too many of those who shared the load were lost, or ""."""
    least = measurements.least_ratio * len(measurements.senders)
    stayed = sum(each.stayed for each in measurements.senders)
    if stayed >= least:
        return ""
    return (
        f"{lost(measurements)}, and {measurements.least_ratio:.0%} must stay; see why "
        "in their logs"
    ).replace("%", " %")


def lost(measurements: Measurements) -> str:
    """Return "1 of 3 workers was lost: a at 5 s", or "" when all stayed."""
    gone = [each for each in measurements.senders if not each.stayed]
    if not gone:
        return ""
    said = [
        f"{each.name} at {each.lost_s:.0f} s"
        if each.lost_s is not None
        else f"{each.lost_batches} s of {each.name}"
        for each in gone
    ]
    were = "was" if len(gone) == 1 else "were"
    several = len(measurements.senders)
    return f"{len(gone)} of {several} workers {were} lost: {', '.join(said)}"


def starved(measurements: Measurements) -> str:
    """Return the process that could not keep up, or "" when all could.

    Each is judged for itself: among twenty, one that always is late spoils p95.
    """
    told: dict[str, list[Vitals]] = {}
    for each in measurements.vitals:
        told.setdefault(each.process, []).append(each)
    for process, seconds in sorted(told.items()):
        short = [each for each in seconds if short_of(each)]
        if len(short) > SHORT_RATIO * len(seconds):
            name = f" {process}" if len(told) > 1 else ""
            return (
                f"the load generator{name} could not keep up in {len(short)} of "
                f"{len(seconds)} s: {_worst(short)}; send less, add load.processes, "
                "or free its machine"
            )
    return ""


def _worst(short: Sequence[Vitals]) -> str:
    said = [
        f"up to {max(each.cpu_ratio for each in short):.0%} of its CPU".replace(
            "%", " %"
        ),
        f"up to {max(each.lag_ms for each in short):.0f} ms late",
    ]
    arrived = sum(each.arrived for each in short)
    if arrived:
        late = sum(each.late for each in short)
        said.append(f"{late:,} of {arrived:,} arrivals late")
    return ", ".join(said)
