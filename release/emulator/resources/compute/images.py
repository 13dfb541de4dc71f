"""Managed images."""

from __future__ import annotations

from release.emulator.cloud import Cloud
from release.emulator.kinds import Body, Kind, Write
from release.emulator.resources.compute import vhds
from release.emulator.resources.compute.freezing import (
    check_generalized,
    freeze,
    reference_id,
    release,
    source_of,
)
from release.emulator.resources.compute.profiles import check_unchanged, required
from release.emulator.store import Resource

IMAGE = "Microsoft.Compute/images"
UNCHANGEABLE = (
    "properties.sourceVirtualMachine.id",
    "properties.storageProfile.osDisk.managedDisk.id",
    "properties.storageProfile.osDisk.snapshot.id",
    "properties.storageProfile.osDisk.blobUri",
)


def _prepare(write: Write) -> Body:
    body = write.body
    properties = body.setdefault("properties", {})
    if write.existing:
        check_unchanged(write.existing.body, body, UNCHANGEABLE)
    source = _source(write, properties)
    storage = properties.setdefault("storageProfile", {})
    storage.setdefault("zoneResilient", False)
    storage.setdefault("dataDisks", [])
    disk = storage.setdefault("osDisk", {})
    disk.setdefault("osType", "Linux")
    disk.setdefault("osState", "Generalized")
    disk.setdefault("caching", "ReadWrite")
    disk.setdefault("storageAccountType", "Standard_LRS")
    if source is not None:
        _describe(source, disk)
    disk.setdefault("diskSizeGB", 30)
    properties.setdefault("hyperVGeneration", "V1")
    return body


def _source(write: Write, properties: Body) -> Resource | None:
    machine_id = reference_id(properties.get("sourceVirtualMachine"))
    if machine_id:
        if write.existing:
            return None
        machine = source_of(write.cloud, machine_id, "sourceVirtualMachine.id")
        check_generalized(machine)
        return machine
    disk = required(properties, "storageProfile.osDisk")
    source_id = reference_id(disk.get("managedDisk") or disk.get("snapshot"))
    if source_id and write.existing:
        return None
    if source_id:
        return source_of(write.cloud, source_id, "storageProfile.osDisk")
    uri = required(properties, "storageProfile.osDisk.blobUri")
    if not write.existing:
        vhds.file_of(write.cloud, uri, "osDisk.blobUri")
    return None


def _describe(source: Resource, disk: Body) -> None:
    declared = (source.properties.get("storageProfile") or {}).get("osDisk") or {}
    managed = declared.get("managedDisk") or {}
    if managed.get("id"):
        disk["managedDisk"] = {"id": managed["id"]}
    if declared.get("diskSizeGB"):
        disk.setdefault("diskSizeGB", declared["diskSizeGB"])


async def _apply(cloud: Cloud, resource: Resource, _before: Body | None) -> None:
    if resource.private.get("image"):
        return
    properties = resource.properties
    disk = properties["storageProfile"]["osDisk"]
    if disk.get("blobUri"):
        found = await vhds.frozen_from(cloud, disk["blobUri"], "osDisk.blobUri")
        resource.private["image"] = found
        return
    text = (
        reference_id(properties.get("sourceVirtualMachine"))
        or reference_id(disk.get("managedDisk"))
        or reference_id(disk.get("snapshot"))
    )
    source = source_of(cloud, text, "storageProfile.osDisk")
    resource.private["image"] = await freeze(cloud, source)


KINDS = (
    Kind(
        type=IMAGE,
        prepare=_prepare,
        apply=_apply,
        remove=release,
        puts_merge=True,
        timing="image.create",
    ),
)
