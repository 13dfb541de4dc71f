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
from release.emulator.resources.compute.profiles import required
from release.emulator.resources.compute.references import DEFINITION, VERSION
from release.emulator.resources.compute.statuses import timestamp
from release.emulator.store import Resource

DISK = "Microsoft.Compute/disks"
OS_DISK_GB = 30
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


def attach(cloud: Cloud, machine: Resource, declared: Body, *, os_disk: bool) -> None:
    """Make the disk that a machine declares, or take the one that is there."""
    found = cloud.find(disk_id(machine.id, declared["name"]))
    if found is None:
        found = _new_disk(machine, declared, os_disk=os_disk)
    found.body["managedBy"] = str(machine.id)
    found.properties["diskState"] = "Attached"
    if os_disk:
        found.private["machine"] = machine.private["machine"]
    cloud.store.save(found)


def _new_disk(machine: Resource, declared: Body, *, os_disk: bool) -> Resource:
    made = disk_id(machine.id, declared["name"])
    storage = machine.properties["storageProfile"]
    creation = {"createOption": declared.get("createOption", "Empty")}
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
    return Resource(id=made, body=body)


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


def detach(cloud: Cloud, machine_id: ResourceId, name: str) -> Resource | None:
    """Set a disk free; return it when there is one."""
    found = cloud.find(disk_id(machine_id, name))
    if found is None:
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
    creation = properties.get("creationData")
    if write.existing and creation is None:
        properties["creationData"] = write.existing.properties["creationData"]
    option = required(properties, "creationData.createOption")
    if option not in ("Empty", "Copy", "FromImage", "Import"):
        raise bad_request(
            "InvalidParameter",
            f"The value '{option}' of creationData.createOption is not supported by "
            "this embedded Azure; it has Empty, Copy, FromImage and Import.",
            target="creationData.createOption",
        )
    if option == "Empty" and not write.existing:
        required(properties, "diskSizeGB")
    if option == "Import" and not write.existing:
        uri = required(properties, "creationData.sourceUri")
        vhds.file_of(write.cloud, uri, "creationData.sourceUri")
    if option == "Copy":
        source = required(properties, "creationData.sourceResourceId")
        source_of(write.cloud, source, "creationData.sourceResourceId")
    sku = body.setdefault("sku", {"name": "Standard_LRS"})
    sku.setdefault("tier", TIERS.get(sku.get("name", ""), "Standard"))
    if write.existing and "managedBy" in write.existing.body:
        body["managedBy"] = write.existing.body["managedBy"]
    body["properties"] = _with_defaults(properties, write.existing)
    return body


async def _copy(cloud: Cloud, resource: Resource, before: Body | None) -> None:
    creation = resource.properties["creationData"]
    if before is not None:
        return
    if creation["createOption"] == "Import":
        uri = creation["sourceUri"]
        found = await vhds.frozen_from(cloud, uri, "creationData.sourceUri")
        resource.private["image"] = found
    if creation["createOption"] != "Copy":
        return
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
        apply=_copy,
        creates_with=202,
        refuse_removal=_refuse_removal,
        remove=_remove,
    ),
    Kind(
        type="Microsoft.Compute/snapshots",
        read_only=READ_ONLY,
        prepare=_prepare,
        apply=_copy,
        creates_with=202,
        remove=_remove,
    ),
)
