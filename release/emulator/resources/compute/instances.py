"""Instances of a scale set: made, upgraded in place, taken away."""

from __future__ import annotations

import contextlib
import copy
import uuid
from collections.abc import AsyncIterator

from release.emulator.cloud import Cloud
from release.emulator.errors import bad_request
from release.emulator.ids import ResourceId, resource_id
from release.emulator.kinds import Body
from release.emulator.resources.compute import power
from release.emulator.resources.compute.actions import save, settle
from release.emulator.resources.compute.custom_scripts import (
    digest_of,
    is_custom_script,
    run_custom_script,
)
from release.emulator.resources.compute.disks import DISK
from release.emulator.resources.compute.health import unwatch, watch
from release.emulator.resources.compute.model import image_reference
from release.emulator.resources.compute.references import Found, resolve
from release.emulator.resources.compute.statuses import timestamp
from release.emulator.resources.network.checks import private_addresses
from release.emulator.store import Resource

INSTANCE = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines"
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def instances_of(cloud: Cloud, scale_set: ResourceId) -> list[Resource]:
    """Return the instances of a scale set, by their number."""
    found = cloud.store.of_type(INSTANCE, scale_set)
    return sorted(found, key=lambda instance: int(instance.id.name))


def chosen(cloud: Cloud, scale_set: Resource, wanted: list[str]) -> list[Resource]:
    """Return the instances of a list of ids; ``*`` is all.

    Raises:
        ArmError: One of them is not there.
    """
    there = instances_of(cloud, scale_set.id)
    if "*" in wanted:
        return there
    by_id = {instance.id.name: instance for instance in there}
    for instance_id in wanted:
        if str(instance_id) not in by_id:
            raise bad_request(
                "InvalidParameter",
                f"The provided instanceId {instance_id} is not an active Virtual "
                f"Machine Scale Set VM instanceId; the scale set has "
                f"{', '.join(by_id) or 'none'}.",
                target="instanceIds",
            )
    return [by_id[str(instance_id)] for instance_id in dict.fromkeys(wanted)]


def new_instance(cloud: Cloud, scale_set: Resource) -> Resource:
    """Return a further instance by the latest model, stored, not yet there."""
    number = scale_set.private.get("next_instance", 0)
    scale_set.private["next_instance"] = number + 1
    made = scale_set.id.child("virtualMachines", str(number))
    zones = scale_set.body.get("zones") or []
    vm_id = str(uuid.uuid4())
    body = {
        "name": f"{scale_set.id.name}_{number}",
        "id": str(made),
        "type": INSTANCE,
        "instanceId": str(number),
        "location": scale_set.body["location"],
        "tags": dict(scale_set.body.get("tags") or {}),
        "sku": _sku_of(scale_set),
        "properties": {"vmId": vm_id, "timeCreated": timestamp()},
    }
    if zones:
        body["zones"] = [zones[number % len(zones)]]
    instance = Resource(id=made, body=body)
    instance.private["machine"] = f"vmss-{vm_id}"
    instance.private["address"] = cloud.addresses.private(private_addresses(cloud))
    instance.state = "Creating"
    cloud.store.save(instance)
    return instance


def apply_model(scale_set: Resource, instance: Resource, found: Found) -> None:
    """Write the latest model into an instance, which is yet to take it."""
    profile = copy.deepcopy(scale_set.properties["virtualMachineProfile"])
    number = int(instance.id.name)
    storage = profile["storageProfile"]
    storage["imageReference"] = found.reference
    storage.setdefault("dataDisks", [])
    name = f"{scale_set.id.name}_{number}_OsDisk_1_{instance.properties['vmId']}"
    storage["osDisk"]["name"] = name
    storage["osDisk"]["managedDisk"]["id"] = str(
        resource_id(scale_set.id.subscription, scale_set.id.group, DISK, name)
    )
    interfaces = profile["networkProfile"]["networkInterfaceConfigurations"]
    instance.properties.update(
        modelDefinitionApplied="VirtualMachineScaleSet",
        hardwareProfile={"vmSize": scale_set.body["sku"]["name"]},
        storageProfile=storage,
        networkProfileConfiguration={"networkInterfaceConfigurations": interfaces},
        networkProfile={
            "networkInterfaces": [
                {
                    "id": f"{instance.id}/networkInterfaces/{interface['name']}",
                    "properties": {
                        "primary": interface["properties"].get("primary", False)
                    },
                }
                for interface in interfaces
            ]
        },
    )
    os_profile = profile.get("osProfile")
    if os_profile:
        prefix = os_profile.pop("computerNamePrefix")
        os_profile["computerName"] = prefix + base36(number)
        os_profile["requireGuestProvisionSignal"] = True
        instance.properties["osProfile"] = os_profile
    instance.private.update(
        scheduled_events=profile.get("scheduledEventsProfile"),
        secrets=dict(scale_set.private.get("secrets", {})),
        protected=dict(scale_set.private.get("protected", {})),
        frozen=found.frozen,
        extensions=copy.deepcopy(
            (profile.get("extensionProfile") or {}).get("extensions") or []
        ),
    )


def _sku_of(scale_set: Resource) -> Body:
    sku: Body = scale_set.body["sku"]
    return {name: value for name, value in sku.items() if name != "capacity"}


def base36(number: int) -> str:
    """Return six digits to the base of 36, as Azure numbers computer names."""
    text = ""
    while number:
        number, digit = divmod(number, len(DIGITS))
        text = DIGITS[digit] + text
    return text.rjust(6, "0")


async def bring_up(cloud: Cloud, scale_set: Resource, instance: Resource) -> None:
    """Make a new instance's machine and boot it.

    Raises:
        ArmError: Its image is not there, or a custom script failed; the instance
            stays, as Failed.
        HostFault: Its machine could not be made or booted; likewise.
    """
    try:
        found = resolve(cloud, image_reference(scale_set), scale_set.body["location"])
        apply_model(scale_set, instance, found)
        hostname = (instance.properties.get("osProfile") or {}).get("computerName")
        await power.make(
            cloud,
            instance,
            frozen=found.frozen,
            hostname=hostname or f"{scale_set.id.name}{base36(int(instance.id.name))}",
        )
        await power.start(cloud, instance)
        instance.body["sku"] = _sku_of(scale_set)
        instance.private["model_image"] = image_reference(scale_set)
        await run_scripts(cloud, instance)
        instance.private["model"] = scale_set.private["model"]
        instance.state = "Succeeded"
    except BaseException:
        instance.state = "Failed"
        raise
    finally:
        save(cloud, instance)
    watch(cloud, scale_set, instance)


async def take_away(cloud: Cloud, instance: Resource) -> None:
    """End an instance by force and forget it; the load balancer learns of it last.

    A machine whose disks go with it is not shut down first (source: "Virtual Machines
    - Delete", forceDeletion, since 2024-11-01).
    """
    unwatch(cloud, instance)
    await settle(cloud, instance.id)
    instance.state = "Deleting"
    cloud.store.save(instance)
    await cloud.machines.delete(instance.private["machine"])
    cloud.store.remove(instance.id)
    await cloud.refresh_network()


async def upgrade(cloud: Cloud, scale_set: Resource, instance: Resource) -> None:
    """Apply the latest model to an instance; id and address stay.

    A new image means a fresh disk, a new size a restart; anything else is applied
    as it runs; what is down runs its scripts when it starts. An instance has no model
    until it has taken all of one: what failed on the way is tried again.
    """
    if is_latest(scale_set, instance):
        return
    if "image" not in instance.private:
        try:
            await bring_up(cloud, scale_set, instance)
        finally:
            await cloud.refresh_network()
        return
    whole = "model" in instance.private
    if whole:
        instance.private.pop("previous", None)
    found = resolve(cloud, image_reference(scale_set), scale_set.body["location"])
    if whole:
        instance.private["previous"] = _as_it_is(instance)
    reimaged = instance.private.get("model_image") != image_reference(scale_set)
    resized = instance.body["sku"]["name"] != scale_set.body["sku"]["name"]
    async with changing(cloud, scale_set, instance):
        instance.private.pop("model", None)
        apply_model(scale_set, instance, found)
        if reimaged:
            instance.private.pop("model_image", None)
            await _renew_disk(cloud, instance)
            instance.private["model_image"] = image_reference(scale_set)
        elif resized:
            await power.restart(cloud, instance)
        instance.body["sku"] = _sku_of(scale_set)
        if instance.private.get("power") == "running":
            await run_scripts(cloud, instance)
        instance.private["model"] = scale_set.private["model"]


def _as_it_is(instance: Resource) -> Body:
    """Return all that an instance has of its model, to be put back."""
    kept = (
        *("model", "model_image", "frozen"),
        *("extensions", "protected", "scheduled_events", "secrets"),
    )
    return {
        **{name: copy.deepcopy(instance.private.get(name)) for name in kept},
        "properties": copy.deepcopy(instance.properties),
        "sku": dict(instance.body["sku"]),
    }


async def reimage(cloud: Cloud, instance: Resource) -> None:
    """Give an instance a fresh disk of the image that it has, and boot it.

    As on Azure, the load balancer learns of it from its probe alone.
    """
    await _renew_disk(cloud, instance)
    await run_scripts(cloud, instance)


async def _renew_disk(cloud: Cloud, instance: Resource) -> None:
    await power.reimage(cloud, instance, instance.private.get("frozen"))
    instance.private["scripts"] = {}


async def run_scripts(cloud: Cloud, instance: Resource) -> None:
    """Run the custom scripts of an instance's model that its disk has not seen.

    Raises:
        ArmError: One of them failed.
    """
    ran: dict[str, str] = instance.private.setdefault("scripts", {})
    for extension in instance.private.get("extensions", []):
        name = extension["name"]
        protected = instance.private.get("protected", {}).get(name)
        digest = digest_of(extension, protected)
        if is_custom_script(extension["properties"]) and ran.get(name) != digest:
            ran.pop(name, None)
            await run_custom_script(cloud, instance, extension, protected)
            ran[name] = digest


async def run_late_scripts(cloud: Cloud, instance: Resource) -> None:
    """Run the scripts of a model that came to an instance while it was down.

    One that failed before waits for the next upgrade, as one that fails now does.

    Raises:
        ArmError: One of them failed.
    """
    if "model" not in instance.private:
        return
    try:
        await run_scripts(cloud, instance)
    except BaseException:
        instance.private.pop("model")
        raise


@contextlib.asynccontextmanager
async def changing(
    cloud: Cloud, scale_set: Resource, instance: Resource
) -> AsyncIterator[None]:
    """Let an instance be Updating, and unwatched, while the block runs."""
    unwatch(cloud, instance)
    instance.state = "Updating"
    cloud.store.save(instance)
    try:
        yield
        instance.state = "Succeeded"
    except BaseException:
        instance.state = "Failed"
        raise
    finally:
        save(cloud, instance)
        await cloud.refresh_network()
        if instance.private.get("power") == "running":
            watch(cloud, scale_set, instance)


async def restore_previous(
    cloud: Cloud, scale_set: Resource, instance: Resource
) -> None:
    """Put back the model and image that an instance had before its last upgrade."""
    previous = instance.private.pop("previous", None)
    if previous is None:
        return
    model = {name: previous.pop(name) for name in ("model", "model_image")}
    async with changing(cloud, scale_set, instance):
        for name in model:
            instance.private.pop(name, None)
        instance.properties.update(previous.pop("properties"))
        instance.body["sku"] = previous.pop("sku", instance.body["sku"])
        instance.private.update(previous)
        await reimage(cloud, instance)
        instance.private.update(model)


def is_latest(scale_set: Resource, instance: Resource) -> bool:
    """Tell whether an instance has the latest model."""
    return bool(instance.private.get("model") == scale_set.private["model"])
