"""What can be done to a scale set as a whole, or to some of its instances."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from release.emulator.cloud import Cloud
from release.emulator.errors import bad_request, conflict
from release.emulator.kinds import Accepted, Action, Body, Call, Reply
from release.emulator.resources.compute import power, rolling_records
from release.emulator.resources.compute.actions import all_of, begin
from release.emulator.resources.compute.instance_lists import (
    list_instances,
)
from release.emulator.resources.compute.instance_views import scale_set_view
from release.emulator.resources.compute.instances import (
    changing,
    chosen,
    instances_of,
    reimage,
    run_late_scripts,
    upgrade,
)
from release.emulator.resources.compute.model import image_reference, protects
from release.emulator.resources.compute.profiles import (
    invalid,
    one_of,
    required,
)
from release.emulator.resources.compute.references import MANAGED_IMAGE, resolve
from release.emulator.resources.compute.rolling import roll
from release.emulator.resources.compute.scaling import scale_out
from release.emulator.resources.compute.sizes import SIZES, check_quota
from release.emulator.resources.compute.terminations import retire
from release.emulator.store import Resource

Work = Callable[[Cloud, Resource, Resource], Awaitable[None]]


def _instance_ids(call: Call) -> list[str]:
    body = call.body if isinstance(call.body, dict) else {}
    return [str(found) for found in body.get("instanceIds") or ()]


def _on_instances(
    verb: str, work: Work, *, timing: str, all_by_default: bool
) -> Action:
    """Make an action that does `work` to each instance of the request's list."""

    async def act(call: Call) -> Accepted:
        wanted = _instance_ids(call)
        if not wanted and not all_by_default:
            required(call.body or {}, "instanceIds")
        instances = chosen(call.cloud, call.target, wanted or ["*"])
        if "*" in (wanted or ["*"]):
            instances = [
                i for i in instances if not protects(i, "protectFromScaleSetActions")
            ]

        async def carry_out() -> None:
            await all_of(
                work(call.cloud, call.target, instance) for instance in instances
            )
            await call.cloud.refresh_network()

        return begin(
            call.cloud,
            call.target,
            verb,
            carry_out,
            timing=timing,
            also_lock=tuple(instance.id for instance in instances),
        )

    return act


async def _start(cloud: Cloud, scale_set: Resource, instance: Resource) -> None:
    async with changing(cloud, scale_set, instance):
        await power.start(cloud, instance)
        await run_late_scripts(cloud, instance)


async def _restart(cloud: Cloud, scale_set: Resource, instance: Resource) -> None:
    async with changing(cloud, scale_set, instance):
        await power.restart(cloud, instance)
        await run_late_scripts(cloud, instance)


async def _power_off(cloud: Cloud, scale_set: Resource, instance: Resource) -> None:
    async with changing(cloud, scale_set, instance):
        await power.stop(cloud, instance, final="stopped")


async def _deallocate(cloud: Cloud, scale_set: Resource, instance: Resource) -> None:
    async with changing(cloud, scale_set, instance):
        await power.stop(cloud, instance, final="deallocated")


async def _reimage(cloud: Cloud, scale_set: Resource, instance: Resource) -> None:
    async with changing(cloud, scale_set, instance):
        await reimage(cloud, instance)


WORKS: dict[str, tuple[Work, str]] = {
    "start": (_start, "vm.start"),
    "restart": (_restart, "vm.start"),
    "redeploy": (_restart, "vm.start"),
    "poweroff": (_power_off, "vm.deallocate"),
    "deallocate": (_deallocate, "vm.deallocate"),
    "reimage": (_reimage, "vmss.upgrade"),
    "reimageall": (_reimage, "vmss.upgrade"),
}
"""What an action does to one instance, and how long it takes; by its path."""


async def _delete(call: Call) -> Accepted:
    """Delete instances; the capacity goes down with them."""
    wanted = _instance_ids(call)
    required(call.body or {}, "instanceIds")
    scale_set = call.target
    instances = chosen(call.cloud, scale_set, wanted)

    async def work() -> None:
        await delete_instances(call.cloud, scale_set, instances)

    return begin(
        call.cloud,
        scale_set,
        "delete",
        work,
        timing="vmss.create.delete",
        also_lock=tuple(instance.id for instance in instances),
    )


async def delete_instances(
    cloud: Cloud, scale_set: Resource, instances: list[Resource]
) -> None:
    """Take instances away and lower the capacity by as many."""
    await retire(cloud, instances)
    sku = scale_set.body["sku"]
    sku["capacity"] = max(sku["capacity"] - len(instances), 0)
    cloud.store.save(scale_set)


async def _instance_view(call: Call) -> Reply:
    return Reply(body=scale_set_view(call.cloud, call.target))


async def _skus(call: Call) -> Reply:
    capacity = {"minimum": 0, "maximum": 1000, "scaleType": "Automatic"}
    return Reply(
        body={
            "value": [
                {
                    "resourceType": call.target.id.type,
                    "sku": {"name": name, "tier": "Standard"},
                    "capacity": {**capacity, "defaultCapacity": 1},
                }
                for name in SIZES
            ]
        }
    )


async def _latest_upgrade(call: Call) -> Reply:
    return Reply(body=rolling_records.latest(call.target))


async def _upgrade_history(call: Call) -> Reply:
    return Reply(body={"value": rolling_records.history(call.target)})


async def _scale_out(call: Call) -> Accepted:
    """Make so many further instances by the latest model."""
    body: Body = call.body if isinstance(call.body, dict) else {}
    further = required(body, "capacity")
    if not isinstance(further, int) or further < 1:
        raise invalid("capacity", further, "expected a whole number from 1")
    scale_set, sku = call.target, call.target.body["sku"]
    location = scale_set.body["location"]
    check_quota(call.cloud, scale_set.id, sku["name"], further, location)

    async def work() -> None:
        sku["capacity"] += further
        await scale_out(call.cloud, scale_set, further)

    return begin(call.cloud, scale_set, "scaleOut", work, timing="vmss.create")


async def _cancel_upgrade(call: Call) -> Accepted:
    """Cancel beside the write that the upgrade is part of, so without its lock."""
    scale_set = call.target
    rolling_records.cancel(scale_set)

    rolling_forward = call.cloud.operations.on(scale_set.id)

    async def work() -> None:
        if rolling_forward:
            await rolling_forward.done.wait()

    operation = call.cloud.operations.start(
        scale_set.id,
        f"{scale_set.id.type}/rollingUpgrades/cancel/action",
        work(),
        exclusive=False,
    )
    return Accepted(operation=operation)


async def _os_upgrade(call: Call) -> Accepted:
    """Upgrade all instances to the latest image version, in batches.

    Works only when the model says ``latest``: a fixed version has no later one.
    """
    scale_set = call.target
    reference = image_reference(scale_set)
    fixed = reference.get("version", "latest") != "latest"
    image_id = str(reference.get("id", "")).lower()
    if fixed or "/versions/" in image_id or f"/{MANAGED_IMAGE.lower()}/" in image_id:
        raise conflict(
            "OperationNotAllowed",
            "OS Rolling Upgrade is not supported for this Virtual Machine Scale Set "
            "because the image version in its model is not 'latest'.",
        )

    async def work() -> None:
        found = resolve(call.cloud, reference, scale_set.body["location"])
        for instance in instances_of(call.cloud, scale_set.id):
            if instance.private.get("frozen") != found.frozen:
                instance.private.update(model="", model_image=None)
                call.cloud.store.save(instance)
        await roll(call.cloud, scale_set)

    return begin(call.cloud, scale_set, "osRollingUpgrade", work)


async def _orchestration_service(call: Call) -> Accepted:
    body: Body = call.body if isinstance(call.body, dict) else {}
    one_of(body, "serviceName", ("AutomaticRepairs",), "")
    action = one_of(body, "action", ("Suspend", "Resume"), "")
    policy = call.target.properties.get("automaticRepairsPolicy") or {}
    if not policy.get("enabled"):
        raise bad_request(
            "OperationNotAllowed",
            "The orchestration service AutomaticRepairs is not running: "
            "automaticRepairsPolicy is not enabled on this Virtual Machine Scale Set.",
            target="serviceName",
        )

    async def work() -> None:
        state = {"Suspend": "Suspended", "Resume": "Running"}[action]
        call.target.private["repairs"] = state

    return begin(call.cloud, call.target, "setOrchestrationServiceState", work)


async def _reapply(call: Call) -> Accepted:
    async def work() -> None:
        """Its state becomes Succeeded: that is all there is to re-apply."""

    return begin(call.cloud, call.target, "reapply", work)


ACTIONS: dict[tuple[str, str], Action] = {
    **{
        ("POST", path): _on_instances(path, work, timing=timing, all_by_default=True)
        for path, (work, timing) in WORKS.items()
    },
    ("POST", "manualupgrade"): _on_instances(
        "manualUpgrade", upgrade, timing="vmss.upgrade", all_by_default=False
    ),
    ("POST", "delete"): _delete,
    ("POST", "reapply"): _reapply,
    ("POST", "osrollingupgrade"): _os_upgrade,
    ("POST", "rollingupgrades/cancel"): _cancel_upgrade,
    ("POST", "setorchestrationservicestate"): _orchestration_service,
    ("GET", "instanceview"): _instance_view,
    ("GET", "rollingupgrades/latest"): _latest_upgrade,
    ("GET", "skus"): _skus,
    ("GET", "osupgradehistory"): _upgrade_history,
    ("GET", "virtualmachines"): list_instances,
    ("POST", "scaleout"): _scale_out,
}
