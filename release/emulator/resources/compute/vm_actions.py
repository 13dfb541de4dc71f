"""What can be done to a virtual machine: power, generalize, capture."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from release.emulator.cloud import Cloud
from release.emulator.errors import conflict
from release.emulator.kinds import Accepted, Action, Call, Reply
from release.emulator.resources.compute import power
from release.emulator.resources.compute.actions import begin
from release.emulator.resources.compute.capture import capture
from release.emulator.resources.compute.disks import attaches
from release.emulator.resources.compute.run_command_action import run_command
from release.emulator.resources.compute.sizes import described
from release.emulator.resources.compute.vm_views import EXTENSION, instance_view
from release.emulator.store import Resource

NOT_ON_GENERALIZED = ("start", "restart", "redeploy", "reimage", "reapply")


def check_not_generalized(machine: Resource, verb: str) -> None:
    """Raise the 409 for what a generalized machine cannot do any more."""
    if machine.private.get("generalized"):
        raise conflict(
            "OperationNotAllowed",
            f"Operation '{verb}' is not allowed on VM '{machine.id.name}' since the VM "
            "is generalized.",
        )


def _check_of_image(machine: Resource) -> None:
    """Raise the 409 for a machine that there is no image to reimage from."""
    if attaches(machine.properties["storageProfile"]["osDisk"]):
        raise conflict(
            "OperationNotAllowed",
            f"Operation 'reimage' is not allowed on VM '{machine.id.name}' since its "
            "OS disk was attached, and not created from an image.",
        )


def _power_action(
    verb: str,
    work: Callable[[Cloud, Resource], Awaitable[None]],
    *,
    timing: str = "",
) -> Action:
    async def act(call: Call) -> Accepted:
        machine = call.target
        if verb in NOT_ON_GENERALIZED:
            check_not_generalized(machine, verb)
        if verb == "reimage":
            _check_of_image(machine)
        return begin(
            call.cloud, machine, verb, lambda: work(call.cloud, machine), timing=timing
        )

    return act


async def _stop(cloud: Cloud, machine: Resource) -> None:
    await power.stop(cloud, machine, final="stopped")


async def _deallocate(cloud: Cloud, machine: Resource) -> None:
    await power.stop(cloud, machine, final="deallocated")


async def _reimage(cloud: Cloud, machine: Resource) -> None:
    await power.reimage(cloud, machine, machine.private.get("frozen"))
    for extension in cloud.store.of_type(EXTENSION, machine.id):
        extension.private.pop("ran", None)
        cloud.store.save(extension)


async def _reapply(_cloud: Cloud, _machine: Resource) -> None:
    """Its state becomes Succeeded: that is all there is to re-apply."""


async def _generalize(call: Call) -> Reply:
    """Mark it generalized, at once; its content was deprovisioned by then."""
    machine = call.target
    if machine.private.get("power") == "running":
        raise conflict(
            "OperationNotAllowed",
            f"VM '{machine.id.name}' is running: power off or deallocate it before it "
            "is generalized.",
        )
    call.cloud.operations.check_free(machine.id)
    machine.private["generalized"] = True
    call.cloud.store.save(machine)
    return Reply()


async def _instance_view(call: Call) -> Reply:
    return Reply(body=instance_view(call.cloud, call.target))


async def _sizes(_call: Call) -> Reply:
    return Reply(body={"value": described()}, whole=True)


async def _run_command(call: Call) -> Accepted:
    check_not_generalized(call.target, "runCommand")
    return run_command(call)


ACTIONS: dict[tuple[str, str], Action] = {
    ("GET", "instanceview"): _instance_view,
    ("GET", "vmsizes"): _sizes,
    ("POST", "start"): _power_action("start", power.start, timing="vm.start"),
    ("POST", "restart"): _power_action("restart", power.restart, timing="vm.start"),
    ("POST", "poweroff"): _power_action("powerOff", _stop, timing="vm.deallocate"),
    ("POST", "deallocate"): _power_action(
        "deallocate", _deallocate, timing="vm.deallocate"
    ),
    ("POST", "redeploy"): _power_action("redeploy", power.restart, timing="vm.start"),
    ("POST", "reimage"): _power_action("reimage", _reimage, timing="vm.create"),
    ("POST", "reapply"): _power_action("reapply", _reapply),
    ("POST", "generalize"): _generalize,
    ("POST", "capture"): capture,
    ("POST", "runcommand"): _run_command,
}
