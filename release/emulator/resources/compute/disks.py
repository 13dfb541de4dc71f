"""Managed disks, and snapshots of them.

A disk that a machine was made with owns that machine's sandbox: it outlives the
virtual machine when its deleteOption is Detach, as on Azure.
"""

from __future__ import annotations

import uuid

from release.emulator.cloud import Cloud
from release.emulator.errors import bad_request, conflict
from release.emulator.ids import ResourceId, parse, resource_id
from release.emulator.kinds import Body, Kind, Write
from release.emulator.resources.compute import vhds
from release.emulator.resources.compute.catalog import PARTS, marketplace_path
from release.emulator.resources.compute.freezing import freeze, release, source_of
from release.emulator.resources.compute.profiles import (
    check_unchanged,
    invalid,
    required,
)
from release.emulator.resources.compute.references import (
    DEFINITION,
    VERSION,
    image_of_disk,
)
from release.emulator.resources.compute.statuses import timestamp
from release.emulator.store import Resource

DISK = "Microsoft.Compute/disks"
OS_DISK_GB = 30
OPTIONS = ("Empty", "Copy", "FromImage", "Import")
UNCHANGEABLE = (
    "properties.creationData.createOption",
    "properties.creationData.sourceResourceId",
    "properties.creationData.sourceUri",
)
TIERS = {
    "Standard_LRS": "Standard",
    "StandardSSD_LRS": "Standard",
    "StandardSSD_ZRS": "Standard",
    "Premium_LRS": "Premium",
    "Premium_ZRS": "Premium",
    "PremiumV2_LRS": "Premium",
    "UltraSSD_LRS": "Ultra",
}


READ_ONLY = (
    "managedBy",
    "managedByExtended",
    "sku.tier",
    "properties.burstingEnabledTime",
    "properties.creationData.sourceUniqueId",
    "properties.diskSizeBytes",
    "properties.diskState",
    "properties.incrementalSnapshotFamilyId",
    "properties.LastOwnershipUpdateTime",
    "properties.propertyUpdatesInProgress",
    "properties.securityProfile.confidentialVMVersion",
    "properties.shareInfo",
    "properties.snapshotAccessState",
    "properties.timeCreated",
    "properties.uniqueId",
)
"""https://learn.microsoft.com/rest/api/compute/disks/create-or-update#disk"""


def disk_id(machine: ResourceId, name: str) -> ResourceId:
    """Return the id of a machine's disk: it lives in the machine's group."""
    return resource_id(machine.subscription, machine.group, DISK, name)


def check_declared(cloud: Cloud, machine: ResourceId, declared: Body) -> None:
    """See that a machine may have a disk that it declares, and had not before.

    Raises:
        ArmError: It is to be attached, and is not there or another machine's; or it
            is to be made, and is there.
    """
    found = parse(declared["managedDisk"]["id"])
    if found.type.lower() != DISK.lower():
        raise invalid("managedDisk.id", found, f"expected the id of one of {DISK}")
    if attaches(declared):
        _check_free(cloud, cloud.get(found), machine)
    elif cloud.find(found):
        raise conflict(
            "ConflictingUserInput",
            f"Disk {found.name} already exists in resource group {found.group}. Only "
            "CreateOption.Attach is supported.",
            target=str(found),
        )


def attaches(declared: Body) -> bool:
    """Tell whether a machine declares a disk that is there already."""
    return str(declared.get("createOption")).lower() == "attach"


def _check_free(cloud: Cloud, disk: Resource, machine: ResourceId) -> None:
    owner = disk.body.get("managedBy")
    if owner and owner.lower() != machine.key:
        raise conflict(
            "ConflictingUserInput",
            f"Disk '{disk.id}' cannot be attached as the disk is already owned by VM "
            f"'{owner}'.",
            target=str(disk.id),
        )
    if not owner:
        cloud.operations.check_free(disk.id)


def attach(cloud: Cloud, machine: Resource, declared: Body, *, os_disk: bool) -> None:
    """Make the disk that a machine declares, or take the one that is there.

    The content of one that was there stays its own; see `hand_over`.

    Raises:
        ArmError: It is to be attached, and went or was taken meanwhile.
    """
    at = parse(declared["managedDisk"]["id"])
    found = cloud.get(at) if attaches(declared) else cloud.find(at)
    if found is None:
        found = _new_disk(machine, declared, os_disk=os_disk)
    _check_free(cloud, found, machine.id)
    found.body["managedBy"] = str(machine.id)
    found.properties["diskState"] = "Attached"
    cloud.store.save(found)


async def hand_over(cloud: Cloud, disk: Resource, machine: Resource) -> None:
    """Let a disk be the one of a machine that was made with its content."""
    before = disk.private.get("machine")
    if before:
        await cloud.machines.delete(before)
    await release(cloud, disk)
    disk.private.pop("image", None)
    disk.private |= {"machine": machine.private["machine"], "filled": True}
    cloud.store.save(disk)


def _new_disk(machine: Resource, declared: Body, *, os_disk: bool) -> Resource:
    made = parse(declared["managedDisk"]["id"])
    storage = machine.properties["storageProfile"]
    creation: Body = {"createOption": _spelled(declared.get("createOption", "Empty"))}
    if os_disk and storage.get("imageReference"):
        creation |= _origin(machine, storage["imageReference"])
    sku = declared["managedDisk"].get("storageAccountType", "Standard_LRS")
    properties = {
        "creationData": creation,
        "diskSizeGB": declared.get("diskSizeGB") or OS_DISK_GB,
        "provisioningState": "Succeeded",
    }
    if os_disk:
        properties["osType"] = declared.get("osType", "Linux")
    body = {
        "id": str(made),
        "name": made.name,
        "type": DISK,
        "location": machine.body["location"],
        "sku": {"name": sku, "tier": TIERS.get(sku, "Standard")},
        "properties": _with_defaults(properties, None),
    }
    private = {"machine": machine.private["machine"]} if os_disk else {}
    return Resource(id=made, body=body, private=private)


def _spelled(option: str) -> str:
    """Return a createOption as Azure spells it."""
    return {known.lower(): known for known in OPTIONS}.get(option.lower(), option)


def _origin(machine: Resource, reference: Body) -> Body:
    """Return how a disk tells of the image that it was made of."""
    if not reference.get("id"):
        path = marketplace_path(
            machine.id.subscription,
            machine.body["location"],
            *(reference[part] for part in PARTS[:-1]),
            reference["exactVersion"],
        )
        return {"imageReference": {"id": path}}
    image = parse(reference["id"])
    if image.type.lower() == VERSION.lower():
        image = image.parent
    if image.type.lower() == DEFINITION.lower():
        image = image.child("versions", reference["exactVersion"])
    name = "imageReference" if len(image.pairs) == 1 else "galleryImageReference"
    return {name: {"id": str(image)}}


def detach(cloud: Cloud, machine: Resource, declared: Body) -> Resource | None:
    """Set a disk free; return it when the machine has it."""
    text = (declared.get("managedDisk") or {}).get("id")
    found = cloud.find(parse(text)) if text else None
    if found is None or found.body.get("managedBy", "").lower() != machine.id.key:
        return None
    found.body.pop("managedBy", None)
    found.properties["diskState"] = "Unattached"
    cloud.store.save(found)
    return found


def _with_defaults(properties: Body, existing: Resource | None) -> Body:
    before = existing.properties if existing else {}
    kept: Body = {
        name: before[name]
        for name in ("uniqueId", "timeCreated", "diskState", "osType")
        if name in before
    }
    gigabytes = properties.get("diskSizeGB") or before.get("diskSizeGB") or OS_DISK_GB
    return {
        "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
        "networkAccessPolicy": "AllowAll",
        "publicNetworkAccess": "Enabled",
        "diskState": "Unattached",
        "uniqueId": str(uuid.uuid4()),
        "timeCreated": timestamp(),
        **properties,
        "diskSizeGB": gigabytes,
        "diskSizeBytes": gigabytes * 2**30,
        **kept,
    }


def _prepare(write: Write) -> Body:
    body = write.body
    properties = body.setdefault("properties", {})
    shares = properties.get("maxShares")
    if shares not in (None, 1):
        expected = "expected 1, since this embedded Azure has no shared disks"
        raise invalid("maxShares", shares, expected)
    if write.existing:
        check_unchanged(write.existing.body, body, UNCHANGEABLE)
        properties["creationData"] = write.existing.properties["creationData"]
    else:
        _check_creation(write.cloud, properties, body["location"])
        write.private["filled"] = False
    sku = body.setdefault("sku", {"name": "Standard_LRS"})
    sku.setdefault("tier", TIERS.get(sku.get("name", ""), "Standard"))
    if write.existing and "managedBy" in write.existing.body:
        body["managedBy"] = write.existing.body["managedBy"]
    body["properties"] = _with_defaults(properties, write.existing)
    return body


def _check_creation(cloud: Cloud, properties: Body, location: str) -> None:
    creation = properties.get("creationData") or {}
    option = _spelled(required(properties, "creationData.createOption"))
    if option not in OPTIONS:
        raise bad_request(
            "InvalidParameter",
            f"The value '{option}' of creationData.createOption is not supported by "
            "this embedded Azure; it has Empty, Copy, FromImage and Import.",
            target="creationData.createOption",
        )
    creation["createOption"] = option
    if option == "Empty":
        required(properties, "diskSizeGB")
    if option == "Import":
        uri = required(properties, "creationData.sourceUri")
        vhds.file_of(cloud, uri, "creationData.sourceUri")
    if option == "Copy":
        source = required(properties, "creationData.sourceResourceId")
        source_of(cloud, source, "creationData.sourceResourceId")
    if option == "FromImage":
        image_of_disk(cloud, creation, location)


async def _fill(cloud: Cloud, resource: Resource, _before: Body | None) -> None:
    """Give a disk its content, if it has not got it yet."""
    if resource.private.get("filled", True):
        return
    creation = resource.properties["creationData"]
    if creation["createOption"] == "Import":
        uri = creation["sourceUri"]
        found = await vhds.frozen_from(cloud, uri, "creationData.sourceUri")
        resource.private["image"] = found
    if creation["createOption"] == "FromImage":
        image = image_of_disk(cloud, creation, resource.body["location"])
        resource.private["image"] = image.frozen or await cloud.machines.base_image()
    if creation["createOption"] == "Copy":
        await _copy(cloud, resource, creation)
    resource.private["filled"] = True


async def _copy(cloud: Cloud, resource: Resource, creation: Body) -> None:
    source = source_of(
        cloud, creation["sourceResourceId"], "creationData.sourceResourceId"
    )
    if source.private.get("machine") or source.private.get("image"):
        resource.private["image"] = await freeze(cloud, source)
    for name in ("osType", "diskSizeGB", "diskSizeBytes"):
        if name in source.properties:
            resource.properties[name] = source.properties[name]


def _refuse_removal(_cloud: Cloud, resource: Resource) -> None:
    owner = resource.body.get("managedBy")
    if owner:
        raise conflict(
            "OperationNotAllowed",
            f"Disk {resource.id.name} is attached to VM {owner}.",
        )


async def _remove(cloud: Cloud, resource: Resource) -> None:
    if resource.private.get("machine"):
        await cloud.machines.delete(resource.private["machine"])
    await release(cloud, resource)


async def delete_disk(cloud: Cloud, disk: Resource) -> None:
    """Delete a disk with its content, as a machine's deleteOption asks."""
    await _remove(cloud, disk)
    cloud.store.remove(disk.id)


KINDS = (
    Kind(
        type=DISK,
        read_only=READ_ONLY,
        prepare=_prepare,
        apply=_fill,
        creates_with=202,
        refuse_removal=_refuse_removal,
        remove=_remove,
    ),
    Kind(
        type="Microsoft.Compute/snapshots",
        read_only=READ_ONLY,
        prepare=_prepare,
        apply=_fill,
        creates_with=202,
        remove=_remove,
    ),
)
