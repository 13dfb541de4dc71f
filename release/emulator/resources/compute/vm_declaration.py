"""What is declared of a virtual machine, checked and completed before it is made."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from release.emulator.errors import ArmError, bad_request
from release.emulator.ids import parse
from release.emulator.kinds import Body, Write
from release.emulator.resources.compute import vhds
from release.emulator.resources.compute.disks import (
    attaches,
    check_declared,
    disk_id,
)
from release.emulator.resources.compute.profiles import (
    check_os_profile,
    check_unchanged,
    required,
    take_secrets,
)
from release.emulator.resources.compute.references import Found, resolve
from release.emulator.resources.compute.sizes import check_quota, check_size
from release.emulator.resources.compute.statuses import timestamp
from release.emulator.resources.managed_identities import check_identity
from release.emulator.store import Resource

UNCHANGEABLE = (
    "properties.osProfile.adminUsername",
    "properties.osProfile.computerName",
    "properties.storageProfile.imageReference",
    "properties.storageProfile.osDisk.name",
    "properties.storageProfile.osDisk.osType",
    "zones",
)


def prepare(write: Write) -> Body:
    """Check the write of a virtual machine; fill in names, ids and defaults."""
    body = write.body
    properties = body.setdefault("properties", {})
    check_identity(write)
    size = required(properties, "hardwareProfile.vmSize")
    check_size(size, "hardwareProfile.vmSize")
    os_profile = properties.get("osProfile") or {}
    kept = write.private.get("secrets", {})
    write.private["secrets"] = take_secrets(os_profile, kept)
    if write.existing:
        required(properties, "networkProfile.networkInterfaces")
        required(properties, "storageProfile")
        check_unchanged(write.existing.body, body, UNCHANGEABLE)
        _check_movable(write, properties)
    else:
        write.cloud.conditions.check_size(
            size, body["location"], body.get("zones") or []
        )
        check_quota(write.cloud, write.id, size, 1, body["location"])
        _prepare_new(write, properties)
    before = write.existing.properties["storageProfile"] if write.existing else {}
    if before:
        _keep_os_disk(properties["storageProfile"], before)
    _name_disks(write, properties["storageProfile"], before)
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
        vhds.file_of(write.cloud, storage["osDisk"]["image"]["uri"], "osDisk.image.uri")
        return Found(reference={}, frozen=None)
    required(properties, "storageProfile.imageReference")
    found = resolve(write.cloud, reference, write.body["location"])
    storage["imageReference"] = found.reference
    write.private["frozen"] = found.frozen
    return found


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
    if interface_ids(properties["networkProfile"]) == interface_ids(before):
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


def interface_ids(profile: Body) -> list[str]:
    """Return the ids of a networkProfile's interfaces, to compare."""
    return [reference["id"].lower() for reference in profile["networkInterfaces"]]


def _keep_os_disk(storage: Body, before: Body) -> None:
    """Keep the OS disk that a machine has, said or left out.

    Raises:
        ArmError: 409 ``PropertyChangeNotAllowed``: another one is named.
    """
    old, new = before["osDisk"], storage.setdefault("osDisk", {})
    new.setdefault("name", old["name"])
    for path in ("managedDisk.id", "vhd.uri"):
        part, _, name = path.partition(".")
        said = (new.get(part) or {}).get(name)
        if said and said.lower() != str((old.get(part) or {}).get(name)).lower():
            raise ArmError(
                409,
                "PropertyChangeNotAllowed",
                f"Changing property 'osDisk.{path}' is not allowed.",
                target=f"osDisk.{path}",
            )
    if old.get("vhd"):
        new["vhd"] = old["vhd"]


def _name_disks(write: Write, storage: Body, before: Body) -> None:
    """Fill in names and ids: some clients crash on a disk without an id.

    Raises:
        ArmError: One that it had not before is not to be had.
    """
    machine = write.id.name
    os_disk = storage["osDisk"]
    os_disk.setdefault("name", f"{machine}_OsDisk_1_{uuid.uuid4().hex}")
    os_disk.setdefault("osType", "Linux")
    os_disk.setdefault("caching", "ReadWrite")
    had = before.get("dataDisks", [])
    names = {disk["lun"]: disk["name"] for disk in had}
    for number, disk in enumerate(storage.setdefault("dataDisks", [])):
        lun = disk.setdefault("lun", number)
        name = f"{machine}_DataDisk_{lun}_{uuid.uuid4().hex}"
        disk.setdefault("name", names.get(lun, name))
    managed = [d for d in (before.get("osDisk") or {}, *had) if d.get("managedDisk")]
    ids = {disk["name"].lower(): disk["managedDisk"]["id"] for disk in managed}
    _fill_in(write, os_disk, ids, size_gb=30)
    for disk in storage["dataDisks"]:
        _fill_in(write, disk, ids, size_gb=disk.get("diskSizeGB", 4))


def _fill_in(write: Write, disk: Body, had: Mapping[str, str], *, size_gb: int) -> None:
    """Fill in a disk's id and defaults.

    Args:
        write: The write of its machine.
        disk: As declared; changed.
        had: The ids of the disks that the machine had before, by their names.
        size_gb: What it has where nobody says.
    """
    if disk.get("vhd"):
        return
    disk.pop("vhd", None)  # Some clients send an empty one with a managed disk.
    managed = disk.get("managedDisk") or {}
    managed.setdefault("storageAccountType", "Standard_LRS")
    given = managed.get("id")
    if given:
        disk["name"] = parse(given).name
    kept = had.get(disk["name"].lower())
    managed["id"] = given or kept or str(disk_id(write.id, disk["name"]))
    disk["managedDisk"] = managed
    disk.setdefault("deleteOption", "Detach")
    disk.setdefault("diskSizeGB", size_gb)
    if managed["id"].lower() in (known.lower() for known in had.values()):
        return
    if given and not attaches(disk):
        raise bad_request(
            "InvalidParameterConflictingProperties",
            f"The property 'createOption' of disk '{disk['name']}' must be 'Attach' "
            "when property 'managedDisk.id' is set.",
            target="managedDisk.id",
        )
    check_declared(write.cloud, write.id, disk)
