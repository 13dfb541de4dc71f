"""Automatic instance repairs: what stays unhealthy is replaced or mended.

https://learn.microsoft.com/azure/virtual-machine-scale-sets/virtual-machine-scale-sets-automatic-instance-repairs
"""

from __future__ import annotations

import asyncio
import time

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError
from release.emulator.resources.compute import power
from release.emulator.resources.compute.health import (
    HEALTHY,
    INITIALIZING,
    health_of,
)
from release.emulator.resources.compute.instance_views import repairs_state
from release.emulator.resources.compute.instances import (
    changing,
    instances_of,
    reimage,
)
from release.emulator.resources.compute.model import protects, seconds
from release.emulator.resources.compute.scaling import scale_out
from release.emulator.resources.compute.terminations import retire
from release.emulator.store import Resource

LOOK_EVERY_S = 5
MOST_AT_ONCE_PERCENT = 5


def guard(cloud: Cloud, scale_set: Resource) -> None:
    """Repair a scale set's instances from now on, when its policy says so."""
    policy = scale_set.properties.get("automaticRepairsPolicy") or {}
    if policy.get("enabled"):
        cloud.background.start(f"repairs {scale_set.id}", _guarding(cloud, scale_set))
    else:
        unguard(cloud, scale_set)


def unguard(cloud: Cloud, scale_set: Resource) -> None:
    """Repair no more."""
    cloud.background.stop(f"repairs {scale_set.id}")


async def _guarding(cloud: Cloud, scale_set: Resource) -> None:
    while True:
        await asyncio.sleep(cloud.pace.interval(LOOK_EVERY_S))
        if repairs_state(scale_set) != "Running" or cloud.operations.on(scale_set.id):
            continue
        sick = to_repair(cloud, scale_set, time.monotonic())
        if sick:
            await _repair(cloud, scale_set, sick)


def to_repair(cloud: Cloud, scale_set: Resource, now_s: float) -> list[Resource]:
    """Return what has been unhealthy for longer than the grace period.

    At most one in twenty at a time, and at least one.
    """
    policy = scale_set.properties["automaticRepairsPolicy"]
    grace_s = cloud.pace.interval(seconds(policy["gracePeriod"], "gracePeriod"))
    there = instances_of(cloud, scale_set.id)
    sick = [
        instance
        for instance in there
        if instance.private.get("health")
        and health_of(instance) not in (HEALTHY, INITIALIZING)
        and now_s - instance.private["health"]["since_s"] > grace_s
        and not protects(instance, "protectFromScaleSetActions")
        and instance.state == "Succeeded"
    ]
    return sick[: max(1, len(there) * MOST_AT_ONCE_PERCENT // 100)]


async def _repair(cloud: Cloud, scale_set: Resource, sick: list[Resource]) -> None:
    action = scale_set.properties["automaticRepairsPolicy"]["repairAction"]
    locks = tuple(instance.id for instance in sick)
    try:
        operation = cloud.operations.start(
            scale_set.id,
            "Microsoft.Compute/virtualMachineScaleSets/repair",
            _mended(cloud, scale_set, sick, action),
            also_lock=locks,
        )
    except ArmError:
        return  # Something else is under way: look again later.
    await operation.done.wait()


async def _mended(
    cloud: Cloud, scale_set: Resource, sick: list[Resource], action: str
) -> None:
    for instance in sick:
        if action == "Replace":
            await retire(cloud, [instance])
            await scale_out(cloud, scale_set, 1)
            continue
        async with changing(cloud, scale_set, instance):
            if action == "Reimage":
                await reimage(cloud, instance)
            else:
                await power.restart(cloud, instance)
