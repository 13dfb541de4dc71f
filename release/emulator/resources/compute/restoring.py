"""After a restart of the emulator: what ran, runs again."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from release.emulator.cloud import Cloud
from release.emulator.resources.compute import power
from release.emulator.resources.compute.health import watch
from release.emulator.resources.compute.instances import INSTANCE, instances_of
from release.emulator.resources.compute.repairs import guard
from release.emulator.resources.compute.statuses import timestamp
from release.emulator.store import Resource

log = logging.getLogger(__name__)

VM = "Microsoft.Compute/virtualMachines"
SCALE_SET = "Microsoft.Compute/virtualMachineScaleSets"
ON = ("running", "starting")
GOING = {"stopping": "stopped", "deallocating": "deallocated"}


async def restore(cloud: Cloud) -> None:
    """Boot the machines that ran, and ask the instances for their health again.

    A script that ran then was cancelled.

    Raises:
        NoSandbox: Machines ran, and this computer can make none now.
    """
    cloud.machines.on_off = partial(power.went_down, cloud)
    found = [*cloud.store.of_type(VM), *cloud.store.of_type(INSTANCE)]
    if any(resource.private.get("power") in ON for resource in found):
        await cloud.machines.check()
    await asyncio.gather(*(_boot(cloud, resource) for resource in found))
    for kind in (VM, INSTANCE):
        for command in cloud.store.of_type(f"{kind}/runCommands"):
            _end_view(cloud, command)
    for scale_set in cloud.store.of_type(SCALE_SET):
        rolling = scale_set.private.get("rolling")
        if rolling and rolling["runningStatus"]["code"] == "RollingForward":
            rolling["runningStatus"]["code"] = "Cancelled"
        for instance in instances_of(cloud, scale_set.id):
            if instance.private.get("power") == "running":
                watch(cloud, scale_set, instance)
        guard(cloud, scale_set)


async def _boot(cloud: Cloud, resource: Resource) -> None:
    resource.private.pop("health", None)
    state = resource.private.get("power", "")
    resource.private["power"] = GOING.get(state, "stopped" if state in ON else state)
    if state not in ON:
        return
    try:
        await power.start(cloud, resource)
    except Exception:
        log.exception("%s did not boot again", resource.id)
        # It stays on, as the next start of the emulator shall see it.
        resource.state = "Failed"
        resource.private["power"] = "starting"
        cloud.store.save(resource)


def _end_view(cloud: Cloud, command: Resource) -> None:
    view = command.private.get("view") or {}
    state = view.get("executionState")
    if state == "Pending" and command.state == "Failed":
        return  # Its write failed before it ran.
    if state not in ("Pending", "Running"):
        return
    message = "The embedded Azure was stopped while this ran."
    command.private["view"] = view | {
        "executionState": "Canceled",
        "executionMessage": message,
        "exitCode": -1,
        "endTime": timestamp(),
    }
    cloud.store.save(command)
