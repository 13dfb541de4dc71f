"""Which instances are upgraded together, and in which order. Pure.

The first batch is one instance, so that a bad image costs one; later batches are
a share of the whole, rounded down, so that a share of a small scale set is never
all of it at once. Unhealthy instances come first: they serve nobody.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from release.deploy.deployed import Instance


def plan(
    instances: Sequence[Instance], *, batch_ratio: float
) -> tuple[tuple[Instance, ...], ...]:
    """Return the batches that bring the instances to the latest model.

    Args:
        instances: All instances; those on the latest model already are left out.
        batch_ratio: Share of all instances in a batch after the first, above 0
            up to 1.
    """
    stale = sorted(
        (instance for instance in instances if not instance.latest_model),
        key=lambda instance: (instance.healthy, _number(instance.id), instance.id),
    )
    size = max(1, math.floor(len(instances) * batch_ratio))
    batches = [tuple(stale[:1])] if stale else []
    batches += [
        tuple(stale[start : start + size]) for start in range(1, len(stale), size)
    ]
    return tuple(batches)


def _number(identifier: str) -> int:
    return int(identifier) if identifier.isdigit() else -1
