"""Scaling: the number of instances brought to the capacity."""

from __future__ import annotations

from collections import Counter

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError
from release.emulator.resources.compute.actions import all_of
from release.emulator.resources.compute.instances import (
    bring_up,
    instances_of,
    new_instance,
)
from release.emulator.resources.compute.model import protects
from release.emulator.resources.compute.terminations import retire
from release.emulator.store import Resource


async def scale_to(cloud: Cloud, scale_set: Resource, capacity: int) -> None:
    """Make or take away instances until there are as many as the capacity.

    Raises:
        ArmError: An instance could not be made; the others are there.
    """
    there = instances_of(cloud, scale_set.id)
    if len(there) < capacity:
        await scale_out(cloud, scale_set, capacity - len(there))
    elif len(there) > capacity:
        doomed = to_take_away(scale_set, there, len(there) - capacity)
        await retire(cloud, doomed)


async def scale_out(cloud: Cloud, scale_set: Resource, count: int) -> list[Resource]:
    """Make so many instances by the latest model, all at the same time."""
    made = [new_instance(cloud, scale_set) for _ in range(count)]
    cloud.store.save(scale_set)
    try:
        await all_of(bring_up(cloud, scale_set, instance) for instance in made)
    finally:
        await cloud.refresh_network()
    return made


def to_take_away(
    scale_set: Resource, there: list[Resource], count: int
) -> list[Resource]:
    """Choose the instances that a scale-in deletes. Pure.

    Balanced over zones, then by the scale-in policy: Default takes the newest id,
    OldestVM the oldest, NewestVM the newest; a protected one stays.

    Raises:
        ArmError: Too many of them are protected.
    """
    free = [i for i in there if not protects(i, "protectFromScaleIn")]
    if len(free) < count:
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"The scale set '{scale_set.id.name}' cannot be scaled in by {count}: only "
            f"{len(free)} of its {len(there)} instances are not protected from "
            "scale-in.",
        )
    policy = scale_set.properties.get("scaleInPolicy") or {}
    rule = str((policy.get("rules") or ["Default"])[0])
    oldest_first = sorted(free, key=lambda instance: int(instance.id.name))
    order = oldest_first if rule == "OldestVM" else oldest_first[::-1]
    zones = Counter(_zone(instance) for instance in there)
    doomed: list[Resource] = []
    for _ in range(count):
        fullest = max(zones[_zone(i)] for i in order if i not in doomed)
        victim = next(
            i for i in order if i not in doomed and zones[_zone(i)] == fullest
        )
        zones[_zone(victim)] -= 1
        doomed.append(victim)
    return doomed


def _zone(instance: Resource) -> str:
    return "".join(instance.body.get("zones") or [""])
