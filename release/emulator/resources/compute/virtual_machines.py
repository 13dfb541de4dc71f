"""Virtual machines: what is declared, and how it comes and goes."""

from __future__ import annotations

import asyncio
import copy
import uuid

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError, bad_request
from release.emulator.ids import ResourceId, parse
from release.emulator.kinds import Body, Call, Kind, Write
from release.emulator.resources.compute import power
from release.emulator.resources.compute.actions import settle
from release.emulator.resources.compute.disks import (
    attach,
    delete_disk,
    detach,
    disk_id,
)
from release.emulator.resources.compute.freezing import freeze
from release.emulator.resources.compute.profiles import (
    check_os_profile,
    check_unchanged,
    required,
    take_secrets,
)
from release.emulator.resources.compute.references import Found, resolve
from release.emulator.resources.compute.sizes import (
    check_quota,
    check_size,
    cores,
)
from release.emulator.resources.compute.statuses import timestamp
from release.emulator.resources.compute.vm_actions import ACTIONS
from release.emulator.resources.compute.vm_views import shown
from release.emulator.store import Resource

VM = "Microsoft.Compute/virtualMachines"
UNCHANGEABLE = (
    "properties.osProfile.adminUsername",
    "properties.osProfile.computerName",
    "properties.storageProfile.imageReference",
    "properties.storageProfile.osDisk.name",
    "properties.storageProfile.osDisk.osType",
    "zones",
)


def _prepare(write: Write) -> Body:
    body = write.body
    properties = body.setdefault("properties", {})
    size = required(properties, "hardwareProfile.vmSize")
    check_size(size, "hardwareProfile.vmSize")
    os_profile = properties.get("osProfile") or {}
    kept = write.private.get("secrets", {})
    write.private["secrets"] = take_secrets(os_profile, kept)
    if write.existing:
        check_unchanged(write.existing.body, body, UNCHANGEABLE)
        _check_movable(write, properties)
    else:
        check_quota(write.cloud.store, cores(size), body["location"])
        _prepare_new(write, properties)
    before = write.existing.properties["storageProfile"] if write.existing else {}
    _name_disks(write.id, properties["storageProfile"], before.get("dataDisks", []))
    properties.pop("instanceView", None)
    properties.pop("resources", None)
    return body


def _prepare_new(write: Write, properties: Body) -> None:
    found = _image(write, properties)
    os_profile = properties.get("osProfile")
    if found and found.specialized:
        if os_profile:
            raise bad_request(
                "InvalidParameter",
                "Parameter 'osProfile' is not allowed.",
                target="osProfile",
            )
    elif found:
        required(properties, "osProfile")
        os_profile = properties["osProfile"]
        os_profile.setdefault("computerName", write.id.name)
        check_os_profile(os_profile, write.private["secrets"])
        os_profile["requireGuestProvisionSignal"] = True
    properties["vmId"] = str(uuid.uuid4())
    properties["timeCreated"] = timestamp()
    write.private["machine"] = f"vm-{properties['vmId']}"
    write.private["address"] = _address(write, properties)


def _image(write: Write, properties: Body) -> Found | None:
    storage = required(properties, "storageProfile")
    option = required(properties, "storageProfile.osDisk.createOption")
    if option.lower() == "attach":
        required(properties, "storageProfile.osDisk.managedDisk.id")
        return None
    reference = storage.get("imageReference")
    if not reference and (storage["osDisk"].get("image") or {}).get("uri"):
        return _from_vhd(write, storage["osDisk"]["image"]["uri"])
    required(properties, "storageProfile.imageReference")
    found = resolve(write.cloud, reference, write.body["location"])
    storage["imageReference"] = found.reference
    write.private["frozen"] = found.frozen
    return found


def _from_vhd(write: Write, uri: str) -> Found:
    frozen = write.cloud.store.fact(f"vhd:{uri}")
    if frozen is None:
        raise bad_request(
            "InvalidParameter",
            f"The value '{uri}' of parameter osDisk.image.uri is invalid: no image was "
            "captured there.",
            target="osDisk.image.uri",
        )
    write.private["frozen"] = frozen
    return Found(reference={}, frozen=frozen)


def _address(write: Write, properties: Body) -> str:
    """Check the network interfaces; return the private address of the primary."""
    references = required(properties, "networkProfile.networkInterfaces")
    found = [_interface(write, reference["id"]) for reference in references]
    primary = next(
        (
            interface
            for reference, interface in zip(references, found, strict=True)
            if (reference.get("properties") or {}).get("primary")
        ),
        found[0],
    )
    configurations = primary.properties["ipConfigurations"]
    return str(configurations[0]["properties"]["privateIPAddress"])


def _interface(write: Write, text: str) -> Resource:
    interface = write.cloud.find(parse(text))
    if interface is None:
        raise bad_request(
            "InvalidResourceReference",
            f"Resource {text} referenced by resource {write.id} was not found. Please "
            "make sure that the referenced resource exists, and that both resources "
            "are in the same region.",
        )
    owner = (interface.properties.get("virtualMachine") or {}).get("id")
    if owner and owner.lower() != write.id.key:
        raise bad_request(
            "NicInUse",
            f"Network Interface {interface.id} is used by existing resource {owner}. "
            "In order to delete the network interface, it must be dissociated from "
            "the resource. To learn more, see aka.ms/deletenic.",
        )
    return interface


def _check_movable(write: Write, properties: Body) -> None:
    """Other network interfaces may be put in only while it is deallocated."""
    assert write.existing is not None  # noqa: S101 - asked of an existing one
    before = write.existing.properties["networkProfile"]
    if _interface_ids(properties["networkProfile"]) == _interface_ids(before):
        return
    write.private["address"] = _address(write, properties)
    if write.existing.private.get("power") != "deallocated":
        raise ArmError(
            409,
            "OperationNotAllowed",
            "The network interfaces of a virtual machine can only be changed while "
            "it is deallocated.",
            target="networkProfile",
        )


def _interface_ids(profile: Body) -> list[str]:
    return [reference["id"].lower() for reference in profile["networkInterfaces"]]


def _name_disks(machine: ResourceId, storage: Body, before: list[Body]) -> None:
    """Fill in names and ids: some clients crash on a disk without an id."""
    os_disk = storage["osDisk"]
    if not os_disk.get("vhd"):
        os_disk.setdefault("name", f"{machine.name}_OsDisk_1_{uuid.uuid4().hex}")
        _fill_in(machine, os_disk, size_gb=30)
    os_disk.setdefault("osType", "Linux")
    os_disk.setdefault("caching", "ReadWrite")
    names = {disk["lun"]: disk["name"] for disk in before}
    for number, disk in enumerate(storage.setdefault("dataDisks", [])):
        lun = disk.setdefault("lun", number)
        name = f"{machine.name}_DataDisk_{lun}_{uuid.uuid4().hex}"
        disk.setdefault("name", names.get(lun, name))
        _fill_in(machine, disk, size_gb=disk.get("diskSizeGB", 4))


def _fill_in(machine: ResourceId, disk: Body, *, size_gb: int) -> None:
    managed = disk.get("managedDisk") or {}
    managed.setdefault("storageAccountType", "Standard_LRS")
    if managed.get("id"):
        disk["name"] = parse(managed["id"]).name
    managed["id"] = str(disk_id(machine, disk["name"]))
    disk["managedDisk"] = managed
    disk.setdefault("deleteOption", "Detach")
    disk.setdefault("diskSizeGB", size_gb)


async def _apply(cloud: Cloud, resource: Resource, before: Body | None) -> None:
    if before is None:
        await _create(cloud, resource)
    else:
        await _change(cloud, resource, before)
    await cloud.refresh_network()


async def _create(cloud: Cloud, resource: Resource) -> None:
    declared = resource.properties["storageProfile"]["osDisk"]
    if declared["createOption"].lower() == "attach":
        resource.private["frozen"] = await _adopted(cloud, resource, declared)
    _attach_disks(cloud, resource)
    _claim_interfaces(cloud, resource, resource.properties)
    hostname = (resource.properties.get("osProfile") or {}).get("computerName")
    await power.create(
        cloud,
        resource,
        frozen=resource.private.get("frozen"),
        hostname=hostname or resource.id.name,
    )


async def _adopted(cloud: Cloud, resource: Resource, declared: Body) -> str:
    """Return the content of a disk that is there already, to boot from."""
    disk = cloud.get(disk_id(resource.id, declared["name"]))
    frozen = await freeze(cloud, disk)
    if disk.private.get("machine"):
        await cloud.machines.delete(disk.private["machine"])
    return frozen


def _attach_disks(cloud: Cloud, resource: Resource) -> None:
    storage = resource.properties["storageProfile"]
    if not storage["osDisk"].get("vhd"):
        attach(cloud, resource, storage["osDisk"], os_disk=True)
    for disk in storage["dataDisks"]:
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
    kept = {disk["name"] for disk in new["storageProfile"]["dataDisks"]}
    for disk in old["storageProfile"]["dataDisks"]:
        if disk["name"] not in kept:
            detach(cloud, resource.id, disk["name"])
    _attach_disks(cloud, resource)
    if _interface_ids(old["networkProfile"]) != _interface_ids(new["networkProfile"]):
        _free_interfaces(cloud, old)
        _claim_interfaces(cloud, resource, new)
    resized = old["hardwareProfile"] != new["hardwareProfile"]
    if resized and resource.private.get("power") == "running":
        await power.restart(cloud, resource)


async def _remove(cloud: Cloud, resource: Resource) -> None:
    await settle(cloud, resource.id)
    freed = _free_interfaces(cloud, resource.properties)
    await cloud.refresh_network()
    await power.stop(cloud, resource, final="deallocated")
    storage = resource.properties["storageProfile"]
    if storage["osDisk"].get("vhd"):
        await cloud.machines.delete(resource.private["machine"])
    for disk in (storage["osDisk"], *storage["dataDisks"]):
        found = detach(cloud, resource.id, disk["name"]) if disk.get("name") else None
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
        cloud.delete(interface.id) for interface in freed if interface.id.key in doomed
    ]
    await asyncio.gather(*(cloud.operations.wait(o) for o in operations if o))


def _view(cloud: Cloud, resource: Resource, call: Call) -> Body:
    return shown(cloud, resource, copy.deepcopy(resource.body), call)


KINDS = (
    Kind(
        type=VM,
        prepare=_prepare,
        apply=_apply,
        remove=_remove,
        view=_view,
        actions=ACTIONS,
        puts_merge=True,
        timing="vm.create",
    ),
)
