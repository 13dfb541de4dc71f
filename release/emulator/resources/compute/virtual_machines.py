"""Virtual machines: how they come, change and go."""

from __future__ import annotations

import asyncio
import copy

from release.emulator.cloud import Cloud
from release.emulator.ids import parse
from release.emulator.kinds import Body, Call, Kind
from release.emulator.resources.compute import power, vhds
from release.emulator.resources.compute.actions import settle
from release.emulator.resources.compute.disks import (
    attach,
    attaches,
    delete_disk,
    detach,
    hand_over,
)
from release.emulator.resources.compute.freezing import freeze
from release.emulator.resources.compute.vm_actions import ACTIONS
from release.emulator.resources.compute.vm_declaration import interface_ids, prepare
from release.emulator.resources.compute.vm_views import shown
from release.emulator.store import Resource

VM = "Microsoft.Compute/virtualMachines"


async def _apply(cloud: Cloud, resource: Resource, before: Body | None) -> None:
    if before is None or "power" not in resource.private:
        # One whose creation failed is made by the next write.
        await _create(cloud, resource)
    else:
        await _change(cloud, resource, before)
    await cloud.refresh_network()


async def _create(cloud: Cloud, resource: Resource) -> None:
    _attach_disks(cloud, resource)
    _claim_interfaces(cloud, resource, resource.properties)
    declared = resource.properties["storageProfile"]["osDisk"]
    if attaches(declared):
        await _adopt(cloud, resource, cloud.get(parse(declared["managedDisk"]["id"])))
    else:
        await _make(cloud, resource, await _image(cloud, resource, declared))
    await power.start(cloud, resource)


async def _image(cloud: Cloud, resource: Resource, declared: Body) -> str | None:
    uri = (declared.get("image") or {}).get("uri")
    if uri and not resource.private.get("frozen"):
        frozen = await vhds.frozen_from(cloud, uri, "osDisk.image.uri")
        resource.private["frozen"] = frozen
    return resource.private.get("frozen")


async def _make(cloud: Cloud, resource: Resource, frozen: str | None) -> None:
    hostname = (resource.properties.get("osProfile") or {}).get("computerName")
    hostname = hostname or resource.id.name
    await power.make(cloud, resource, frozen=frozen, hostname=hostname)


async def _adopt(cloud: Cloud, resource: Resource, disk: Resource) -> None:
    """Make the sandbox of what is on a disk, which is the sandbox's from then on."""
    content = await freeze(cloud, disk)
    try:
        await _make(cloud, resource, content)
    except BaseException:
        await cloud.machines.delete(resource.private["machine"])
        raise
    finally:
        if disk.private.get("machine"):  # Else it is an image that others may have.
            await cloud.machines.delete_image(content)
    await hand_over(cloud, disk, resource)


def _attach_disks(cloud: Cloud, resource: Resource) -> None:
    storage = resource.properties["storageProfile"]
    if not storage["osDisk"].get("vhd"):
        attach(cloud, resource, storage["osDisk"], os_disk=True)
    for disk in storage["dataDisks"]:
        if not disk.get("vhd"):
            attach(cloud, resource, disk, os_disk=False)


def _claim_interfaces(cloud: Cloud, resource: Resource, properties: Body) -> None:
    for reference in properties["networkProfile"]["networkInterfaces"]:
        interface = cloud.get(parse(reference["id"]))
        interface.properties["virtualMachine"] = {"id": str(resource.id)}
        cloud.store.save(interface)


def _free_interfaces(cloud: Cloud, properties: Body) -> list[Resource]:
    freed = []
    for reference in properties["networkProfile"]["networkInterfaces"]:
        interface = cloud.find(parse(reference["id"]))
        if interface:
            interface.properties.pop("virtualMachine", None)
            cloud.store.save(interface)
            freed.append(interface)
    return freed


async def _change(cloud: Cloud, resource: Resource, before: Body) -> None:
    old, new = before["properties"], resource.properties
    kept = {_disk_key(disk) for disk in new["storageProfile"]["dataDisks"]}
    for disk in old["storageProfile"]["dataDisks"]:
        if _disk_key(disk) not in kept:
            detach(cloud, resource, disk)
    _attach_disks(cloud, resource)
    if interface_ids(old["networkProfile"]) != interface_ids(new["networkProfile"]):
        _free_interfaces(cloud, old)
        _claim_interfaces(cloud, resource, new)
    resized = old["hardwareProfile"] != new["hardwareProfile"]
    if resized and resource.private.get("power") == "running":
        await power.restart(cloud, resource)


def _disk_key(disk: Body) -> str:
    return str((disk.get("managedDisk") or {}).get("id", "")).lower()


async def _remove(cloud: Cloud, resource: Resource) -> None:
    await settle(cloud, resource.id)
    freed = _free_interfaces(cloud, resource.properties)
    await cloud.refresh_network()
    await power.stop(cloud, resource, final="deallocated")
    storage = resource.properties["storageProfile"]
    if storage["osDisk"].get("vhd"):
        await cloud.machines.delete(resource.private["machine"])
    if storage["osDisk"].get("image") and resource.private.get("frozen"):
        await cloud.machines.delete_image(resource.private["frozen"])
    for disk in (storage["osDisk"], *storage["dataDisks"]):
        found = detach(cloud, resource, disk)
        if found and disk.get("deleteOption") == "Delete":
            await delete_disk(cloud, found)
    await _delete_interfaces(cloud, resource, freed)


async def _delete_interfaces(
    cloud: Cloud, resource: Resource, freed: list[Resource]
) -> None:
    references = resource.properties["networkProfile"]["networkInterfaces"]
    doomed = {
        parse(reference["id"]).key
        for reference in references
        if (reference.get("properties") or {}).get("deleteOption") == "Delete"
    }
    operations = [
        cloud.delete_along(interface.id)
        for interface in freed
        if interface.id.key in doomed
    ]
    await asyncio.gather(*(cloud.operations.wait(o) for o in operations if o))


def _view(cloud: Cloud, resource: Resource, call: Call) -> Body:
    return shown(cloud, resource, copy.deepcopy(resource.body), call)


KINDS = (
    Kind(
        type=VM,
        read_only=(
            "managedBy",
            "properties.timeCreated",
            "properties.vmId",
        ),
        shows_etag=True,
        prepare=prepare,
        apply=_apply,
        remove=_remove,
        view=_view,
        actions=ACTIONS,
        puts_merge=True,
        timing="vm.create",
    ),
)
