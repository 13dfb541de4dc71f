"""Which instances are upgraded together, in which order, within which limits. Pure.

The first batch is one instance, so that a bad image costs one; later batches are
a share of the whole, rounded down, so that a share of a small scale set is never
all of it at once. Unhealthy instances come first: they serve nobody.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from release.deploy.deployed import Instance

LEAST_PERCENT = 5
"""Azure takes no smaller batch and no smaller share of unhealthy instances."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """A batch that is over, as what may come between two batches is told of it.

    Attributes:
        number: Which one, from 1.
        upgraded: Its instances, on the new image.
        waiting: Those that are yet to come, on the old one.
    """

    number: int
    upgraded: tuple[Instance, ...]
    waiting: tuple[Instance, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The limits of a rolling upgrade that Azure drives, in percent.

    Attributes:
        size: Instances of a batch that `batch_percent` comes to, at most.
        batch_percent: maxBatchInstancePercent, 5 to 100.
        unhealthy_percent: maxUnhealthyInstancePercent, 5 to 100.
        unhealthy_upgraded_percent: maxUnhealthyUpgradedInstancePercent, 0 to 100.
        pause: pauseTimeBetweenBatches, ISO 8601.
    """

    size: int
    batch_percent: int
    unhealthy_percent: int
    unhealthy_upgraded_percent: int = 0
    pause: str = "PT0S"


def plan(
    instances: Sequence[Instance], *, batch_ratio: float
) -> tuple[tuple[Instance, ...], ...]:
    """Return the batches that bring the instances to the latest model.

    Args:
        instances: All instances; those on the latest model already are left out,
            and so are those that are protected from it.
        batch_ratio: Share of all instances in a batch after the first, above 0
            up to 1.
    """
    stale = sorted(
        (instance for instance in instances if instance.to_upgrade),
        key=lambda instance: (instance.healthy, _number(instance.id), instance.id),
    )
    size = batch_size(len(instances), batch_ratio)
    batches = [tuple(stale[:1])] if stale else []
    batches += [
        tuple(stale[start : start + size]) for start in range(1, len(stale), size)
    ]
    return tuple(batches)


def batch_size(count: int, batch_ratio: float) -> int:
    """Return how many of so many instances are a batch: rounded down, at least one."""
    return max(1, math.floor(count * batch_ratio))


def limits(count: int, *, batch_ratio: float, unhealthy: int = 0) -> Limits:
    """Return limits that let Azure upgrade any number of instances.

    Azure's own 20 % of two instances is less than one: their upgrade fails before it
    begins. Here a batch is rounded so that it is as large as `plan` would make it,
    whether Azure rounds up or down; before a batch as many may be unhealthy as there
    are now, and one batch more; of those upgraded none may be, since a release
    passes only when all are well.

    Args:
        count: All instances.
        batch_ratio: Share of them in a batch, above 0 up to 1.
        unhealthy: How many are unhealthy now.
    """
    count = max(count, 1)
    least = math.ceil(count * LEAST_PERCENT / 100)
    size = max(batch_size(count, batch_ratio), least)
    bad = min(unhealthy + size, count)
    return Limits(
        size=size,
        batch_percent=max(math.floor(100 * size / count), LEAST_PERCENT),
        unhealthy_percent=max(math.ceil(100 * bad / count), LEAST_PERCENT),
    )


def _number(identifier: str) -> int:
    return int(identifier) if identifier.isdigit() else -1
