"""Power: the sandbox under a virtual machine or an instance of a scale set.

`private` of such a resource holds ``machine`` (the sandbox), ``image``, ``address``,
``power``, ``boot`` (how often it was booted) and ``secrets``.
"""

from __future__ import annotations

import base64

from release.emulator.cloud import Cloud
from release.emulator.kinds import Body
from release.emulator.machines import Admin
from release.emulator.resources.compute.actions import save
from release.emulator.resources.compute.statuses import timestamp
from release.emulator.store import Resource
from release.emulator.timeline import What

VM = "Microsoft.Compute/virtualMachines"
INSTANCE = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines"


def admin_of(os_profile: Body, secrets: Body) -> Admin | None:
    """Return who may log in to a machine, None for a specialized one."""
    if not os_profile.get("adminUsername"):
        return None
    linux = os_profile.get("linuxConfiguration") or {}
    keys = (linux.get("ssh") or {}).get("publicKeys") or []
    keys_only = linux.get("disablePasswordAuthentication", False)
    return Admin(
        username=os_profile["adminUsername"],
        password=None if keys_only else secrets.get("adminPassword"),
        ssh_keys=tuple(key["keyData"] for key in keys if key.get("keyData")),
    )


async def make(
    cloud: Cloud, resource: Resource, *, frozen: str | None, hostname: str
) -> None:
    """Make the sandbox from an image (None: the base image); it is down."""
    secrets = resource.private.get("secrets", {})
    custom_data = secrets.get("customData")
    image = frozen or await cloud.machines.base_image()
    cloud.timeline.note(str(resource.id), What.DISK, "copying")
    await cloud.machines.create(
        resource.private["machine"],
        image=image,
        hostname=hostname,
        address=resource.private["address"],
        admin=admin_of(resource.properties.get("osProfile") or {}, secrets),
        custom_data=base64.b64decode(custom_data) if custom_data else None,
    )
    resource.private["image"] = image


async def start(cloud: Cloud, resource: Resource) -> None:
    """Boot the sandbox; nothing when it runs."""
    if resource.private.get("power") == "running":
        return
    _record(cloud, resource, "starting")
    resource.private["boot"] = resource.private.get("boot", 0) + 1
    try:
        await cloud.machines.boot(resource.private["machine"])
    except Exception:
        _record(cloud, resource, "stopped")
        raise
    _record(cloud, resource, "running")


async def stop(cloud: Cloud, resource: Resource, *, final: str) -> None:
    """Shut the sandbox down.

    `final` is ``stopped``, which keeps the hardware, or ``deallocated``: what is
    deallocated has no hardware to keep, and stays so.
    """
    if resource.private.get("power") == "deallocated":
        return
    if resource.private.get("power") == "running":
        during = {"stopped": "stopping", "deallocated": "deallocating"}[final]
        _record(cloud, resource, during)
        await cloud.machines.shut_down(resource.private["machine"])
    _record(cloud, resource, final)


def went_down(cloud: Cloud, machine: str) -> None:
    """Record that a sandbox went down by itself: its machine is stopped then."""
    for resource in (*cloud.store.of_type(VM), *cloud.store.of_type(INSTANCE)):
        its_own = resource.private.get("machine") == machine
        if its_own and resource.private.get("power") == "running":
            _record(cloud, resource, "stopped")


async def restart(cloud: Cloud, resource: Resource) -> None:
    """Shut the sandbox down and boot it."""
    await stop(cloud, resource, final="stopped")
    await start(cloud, resource)


async def reimage(cloud: Cloud, resource: Resource, frozen: str | None) -> None:
    """Give the sandbox a fresh disk from an image and boot it.

    Machine, address and name stay.
    """
    await stop(cloud, resource, final="stopped")
    image = frozen or await cloud.machines.base_image()
    cloud.timeline.note(str(resource.id), What.DISK, "copying")
    await cloud.machines.reimage(resource.private["machine"], image)
    resource.private["image"] = image
    await start(cloud, resource)


def _record(cloud: Cloud, resource: Resource, power: str) -> None:
    resource.private["power"] = power
    resource.private["changed_at"] = timestamp()
    cloud.timeline.note(str(resource.id), What.POWER, power)
    save(cloud, resource)
