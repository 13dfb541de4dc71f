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


def starved(measurements: Measurements) -> str:
    """Return why the figures say nothing of the service, or "" when they do."""
    told = measurements.vitals
    short = [each for each in told if short_of(each)]
    if len(short) <= SHORT_RATIO * len(told):
        return ""
    return (
        f"the load generator could not keep up in {len(short)} of {len(told)} s: "
        f"{_worst(short)}; send less, add load.processes, or free its machine"
    )


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
