"""Freezing: the content of a disk as an image, shared by all that are made of it.

A managed image, a snapshot and a gallery version each point at a frozen image; the
image goes when the last of them goes.
"""

from __future__ import annotations

import uuid

from release.emulator.cloud import Cloud
from release.emulator.errors import bad_request, conflict
from release.emulator.ids import parse
from release.emulator.kinds import Body
from release.emulator.resources.compute.profiles import invalid
from release.emulator.store import Resource

VM = "Microsoft.Compute/virtualMachines"
EMPTY = ("microsoft.compute/disks", "microsoft.compute/snapshots")
"""What may have been made with nothing on it."""
HOLDERS = (
    "Microsoft.Compute/images",
    "Microsoft.Compute/snapshots",
    "Microsoft.Compute/disks",
    "Microsoft.Compute/galleries/images/versions",
)


def source_of(cloud: Cloud, text: str, target: str) -> Resource:
    """Return the resource that an image is to be made from.

    Raises:
        ArmError: It is not there, or has no content.
    """
    source = cloud.find(parse(text))
    if source is None:
        raise bad_request(
            "InvalidParameter",
            f"The source resource '{text}' was not found.",
            target=target,
        )
    _check_content(source, target)
    return source


def _check_content(source: Resource, target: str) -> None:
    kind = source.id.type.lower()
    if kind not in (VM.lower(), *(holder.lower() for holder in HOLDERS)):
        expected = f"expected the id of one of {', '.join((VM, *HOLDERS))}"
        raise invalid(target, source.id, expected)
    if kind == VM.lower():
        there = "power" in source.private
    elif source.private.get("machine") or source.private.get("image"):
        there = True
    else:
        there = kind in EMPTY and source.private.get("filled", True)
    if not there:
        raise conflict(
            "OperationNotAllowed",
            f"The source resource '{source.id}' has no content: its provisioning state "
            f"is '{source.state}'. Wait until it is Succeeded, or create it again.",
            target=target,
        )


def check_generalized(machine: Resource) -> None:
    """Raise the 409 for a machine that was not generalized."""
    if not machine.private.get("generalized"):
        raise conflict(
            "OperationNotAllowed",
            f"The operation requires the Virtual Machine '{machine.id}' to be "
            "Generalized.",
        )


async def freeze(cloud: Cloud, source: Resource) -> str:
    """Return the image with the content of a machine, disk, snapshot or image.

    Raises:
        ArmError: It has none yet, or is being written.
    """
    if source.id.type.lower() == VM.lower():
        return await _captured(cloud, source)
    disk = source.private.get("machine")
    if disk:
        owner = source.body.get("managedBy")
        machine = cloud.find(parse(owner)) if owner else None
        if machine is not None and machine.private.get("machine") == disk:
            return await _captured(cloud, machine)
        return await _capture(cloud, disk)
    if source.private.get("image"):
        return str(source.private["image"])
    _check_content(source, "source")
    return str(await cloud.machines.base_image())


async def _captured(cloud: Cloud, machine: Resource) -> str:
    if machine.private.get("power") == "running":
        raise conflict(
            "OperationNotAllowed",
            f"The disk of '{machine.id}' is being written: power off or deallocate "
            "the virtual machine first. (This embedded Azure copies files, so it "
            "cannot freeze a disk in use as Azure does.)",
        )
    return await _capture(cloud, machine.private["machine"])


async def _capture(cloud: Cloud, machine_id: str) -> str:
    image_id = f"image-{uuid.uuid4()}"
    await cloud.machines.capture(machine_id, image_id)
    return image_id


async def release(cloud: Cloud, holder: Resource) -> None:
    """Delete a holder's image unless somebody else points at it."""
    image_id = holder.private.get("image")
    if not image_id:
        return
    if image_id == await cloud.machines.base_image():
        return
    others = (
        other
        for kind in HOLDERS
        for other in cloud.store.of_type(kind)
        if other.id.key != holder.id.key
    )
    if not any(other.private.get("image") == image_id for other in others):
        await cloud.machines.delete_image(image_id)


def reference_id(body: Body | None) -> str:
    """Return the id in a sub-resource reference such as ``{"id": "..."}``."""
    return str((body or {}).get("id") or "")
