"""Scale sets in Uniform orchestration: what is declared, and brought about."""

from __future__ import annotations

import copy
import uuid

from release.emulator.cloud import Cloud
from release.emulator.errors import bad_request
from release.emulator.ids import parse
from release.emulator.kinds import Body, Call, Kind, Write
from release.emulator.resources.compute.actions import all_of
from release.emulator.resources.compute.catalog import PARTS
from release.emulator.resources.compute.health import watch
from release.emulator.resources.compute.instances import (
    INSTANCE,
    instances_of,
    take_away,
    upgrade,
)
from release.emulator.resources.compute.model import (
    MOST_OF_MANAGED_IMAGE,
    check_profile,
    check_scale_set,
    digest,
    extensions_of,
    health_extension,
    health_probe_id,
    protects,
    reports_health,
    seconds,
)
from release.emulator.resources.compute.profiles import (
    check_unchanged,
    invalid,
    one_of,
    required,
)
from release.emulator.resources.compute.references import resolve
from release.emulator.resources.compute.repairs import guard, unguard
from release.emulator.resources.compute.rolling import roll
from release.emulator.resources.compute.scale_set_actions import ACTIONS
from release.emulator.resources.compute.scaling import scale_to
from release.emulator.resources.compute.sizes import check_quota
from release.emulator.resources.compute.statuses import timestamp
from release.emulator.resources.managed_identities import check_identity
from release.emulator.store import Resource

SCALE_SET = "Microsoft.Compute/virtualMachineScaleSets"
UNCHANGEABLE = (
    "zones",
    "properties.orchestrationMode",
    "properties.virtualMachineProfile.osProfile.adminUsername",
    "properties.virtualMachineProfile.osProfile.computerNamePrefix",
    "properties.virtualMachineProfile.storageProfile.osDisk.osType",
)
SHORTEST_GRACE_S, LONGEST_GRACE_S = 600, 5400
REPAIR_ACTIONS = ("Replace", "Reimage", "Restart")


def _prepare(write: Write) -> Body:
    body = write.body
    properties = body.setdefault("properties", {})
    _check_none_goes(write)
    check_identity(write)
    check_scale_set(properties, body.setdefault("sku", {}))
    profile = required(properties, "virtualMachineProfile")
    check_profile(write.cloud, profile, write.private)
    _check_image(write, profile)
    _check_health(properties)
    _check_capacity(write)
    if write.existing:
        check_unchanged(write.existing.body, body, UNCHANGEABLE)
    else:
        properties["uniqueId"] = str(uuid.uuid4())
        properties["timeCreated"] = timestamp()
    profile.setdefault("timeCreated", properties["timeCreated"])
    write.private["model"] = digest(body, write.private)
    return body


def _check_none_goes(write: Write) -> None:
    """Refuse a write while an instance is deleted, which lowers the capacity."""
    there = instances_of(write.cloud, write.id)
    going = [instance.id for instance in there if instance.state == "Deleting"]
    write.cloud.operations.check_free(*going)


def _check_image(write: Write, profile: Body) -> None:
    """Check that the image is there; a write that keeps it may do without."""
    reference = profile["storageProfile"]["imageReference"]
    reference.pop("exactVersion", None)
    if write.existing:
        before = write.existing.properties["virtualMachineProfile"]["storageProfile"]
        if before["imageReference"] == reference:
            return
        _take_whole_reference(reference, before["imageReference"])
    resolve(write.cloud, reference, write.body["location"])
    image_id = reference.get("id")
    managed = image_id and parse(image_id).type.lower() == "microsoft.compute/images"
    capacity = write.body["sku"]["capacity"]
    if managed and capacity > MOST_OF_MANAGED_IMAGE:
        raise invalid(
            "sku.capacity",
            capacity,
            f"at most {MOST_OF_MANAGED_IMAGE} instances of a managed image",
        )


def _take_whole_reference(reference: Body, before: Body) -> None:
    """Drop what a merge kept of the other form: an id, or a marketplace image."""
    parts = [part for part in PARTS if part in reference]
    if not reference.get("id") or not parts:
        return
    stale = parts if reference["id"] != before.get("id") else ["id"]
    for name in stale:
        del reference[name]


def _check_health(properties: Body) -> None:
    if health_extension(extensions_of(properties)) and health_probe_id(properties):
        raise bad_request(
            "OperationNotAllowed",
            "Both a load balancer health probe and an Application Health extension "
            "are specified; only one source of health is allowed.",
            target="networkProfile.healthProbe",
        )
    known = reports_health(properties)
    if properties["upgradePolicy"]["mode"] == "Rolling" and not known:
        raise bad_request(
            "InvalidParameter",
            "Rolling Upgrade mode is not supported for this Virtual Machine Scale Set "
            "because a health probe or health extension was not specified.",
            target="upgradePolicy.mode",
        )
    repairs = properties.get("automaticRepairsPolicy") or {}
    if repairs.get("enabled"):
        if not known:
            raise bad_request(
                "InvalidParameter",
                "Automatic repairs not supported for this Virtual Machine Scale Set "
                "because a health probe or health extension was not specified.",
                target="automaticRepairsPolicy",
            )
        _check_repairs(repairs)


def _check_repairs(repairs: Body) -> None:
    grace = repairs.setdefault("gracePeriod", "PT10M")
    where = "automaticRepairsPolicy.gracePeriod"
    if not SHORTEST_GRACE_S <= seconds(grace, where) <= LONGEST_GRACE_S:
        raise invalid(where, grace, "from PT10M to PT90M")
    repairs["repairAction"] = one_of(
        repairs, "repairAction", REPAIR_ACTIONS, REPAIR_ACTIONS[0]
    )


def _check_capacity(write: Write) -> None:
    sku = write.body["sku"]
    there = len(instances_of(write.cloud, write.id))
    further = sku["capacity"] - there
    if further > 0:
        location = write.body["location"]
        write.cloud.conditions.check_size(
            sku["name"], location, write.body.get("zones") or []
        )
        check_quota(write.cloud, write.id, sku["name"], further, location)


async def _apply(cloud: Cloud, resource: Resource, before: Body | None) -> None:
    resource.private["changed_at"] = timestamp()
    await scale_to(cloud, resource, resource.body["sku"]["capacity"])
    if before is not None:
        await bring_up_to_date(cloud, resource)
        _follow_health(cloud, resource, before)
    guard(cloud, resource)
    await cloud.refresh_network()


async def bring_up_to_date(cloud: Cloud, resource: Resource) -> None:
    """Let instances take the latest model, as the upgrade policy says."""
    mode = resource.properties["upgradePolicy"]["mode"]
    behind = [
        instance
        for instance in instances_of(cloud, resource.id)
        if instance.private.get("model") != resource.private["model"]
    ]
    if behind and mode == "Automatic":
        await upgrade_all(cloud, resource, behind)
    elif behind and mode == "Rolling":
        await roll(cloud, resource)


async def upgrade_all(
    cloud: Cloud, scale_set: Resource, instances: list[Resource]
) -> None:
    """Upgrade instances at the same time, but for protected ones."""
    await all_of(
        upgrade(cloud, scale_set, instance)
        for instance in instances
        if not protects(instance, "protectFromScaleSetActions")
    )


def _follow_health(cloud: Cloud, resource: Resource, before: Body) -> None:
    """Ask the instances in the new way when another probe is to tell.

    A change of the extension comes to an instance with its upgrade.
    """
    if health_probe_id(before["properties"]) == health_probe_id(resource.properties):
        return
    for instance in instances_of(cloud, resource.id):
        if instance.private.get("power") == "running":
            watch(cloud, resource, instance)


async def _remove(cloud: Cloud, resource: Resource) -> None:
    unguard(cloud, resource)
    instances = instances_of(cloud, resource.id)
    await all_of(take_away(cloud, instance) for instance in instances)


def _view(_cloud: Cloud, resource: Resource, call: Call) -> Body:
    body = copy.deepcopy(resource.body)
    if "userdata" not in call.query.get("$expand", "").lower():
        body["properties"]["virtualMachineProfile"].pop("userData", None)
    return body


KINDS = (
    Kind(
        type=SCALE_SET,
        read_only=(
            "properties.timeCreated",
            "properties.uniqueId",
            "properties.virtualMachineProfile.timeCreated",
            *(
                f"properties.virtualMachineProfile.extensionProfile.extensions.{name}"
                for name in ("id", "type", "properties.provisioningState")
            ),
        ),
        shows_etag=True,
        prepare=_prepare,
        apply=_apply,
        remove=_remove,
        view=_view,
        actions=ACTIONS,
        puts_merge=True,
        timing="vmss.create",
    ),
)

__all__ = ["INSTANCE", "KINDS", "SCALE_SET", "bring_up_to_date", "upgrade_all"]
