"""What can be done to a virtual machine: power, generalize, capture."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable

from release.emulator.cloud import Cloud
from release.emulator.errors import bad_request, conflict
from release.emulator.kinds import Accepted, Action, Body, Call, Reply
from release.emulator.resources.compute import power
from release.emulator.resources.compute.actions import begin
from release.emulator.resources.compute.freezing import check_generalized, freeze
from release.emulator.resources.compute.profiles import required
from release.emulator.resources.compute.run_command_action import run_command
from release.emulator.resources.compute.sizes import described
from release.emulator.resources.compute.vm_views import instance_view
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


async def _capture(call: Call) -> Accepted:
    """Copy the disk of a generalized machine as a VHD; the result is a template."""
    body = call.body if isinstance(call.body, dict) else {}
    prefix = required(body, "vhdPrefix")
    container = required(body, "destinationContainerName")
    check_generalized(call.target)
    origin = _vhd_origin(call.target)

    async def work() -> Body:
        return await _captured(call, origin, prefix, container)

    return begin(call.cloud, call.target, "capture", work, show_output=True)


async def _captured(call: Call, origin: str, prefix: str, container: str) -> Body:
    machine = call.target
    name = f"{prefix}-osDisk.{uuid.uuid4()}.vhd"
    uri = f"{origin}/system/Microsoft.Compute/Images/{container}/{name}"
    call.cloud.store.remember(f"vhd:{uri}", await freeze(call.cloud, machine))
    return {
        "$schema": "http://schema.management.azure.com/schemas/2014-04-01-preview/"
        "VM_IP.json",
        "contentVersion": "1.0.0.0",
        "parameters": {
            "vmName": {"type": "string"},
            "vmSize": {
                "type": "string",
                "defaultValue": machine.properties["hardwareProfile"]["vmSize"],
            },
            "adminUserName": {"type": "string"},
            "adminPassword": {"type": "securestring"},
            "networkInterfaceId": {"type": "string"},
        },
        "resources": [_capture_resource(call, uri, prefix)],
    }


def _vhd_origin(machine: Resource) -> str:
    """Return the blob endpoint that the machine's disk is in."""
    uri = (machine.properties["storageProfile"]["osDisk"].get("vhd") or {}).get("uri")
    if not uri:
        raise bad_request(
            "OperationNotAllowed",
            f"VM '{machine.id.name}' was created with managed disks: capture it as an "
            "image or as a version of a gallery image.",
        )
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _capture_resource(call: Call, uri: str, prefix: str) -> Body:
    machine = call.target
    target = f"{uri.rpartition('/')[0]}/{prefix}-osDisk.{uuid.uuid4()}.vhd"
    return {
        "apiVersion": call.api_version,
        "name": "[parameters('vmName')]",
        "type": "Microsoft.Compute/virtualMachines",
        "location": machine.body["location"],
        "properties": {
            "hardwareProfile": {"vmSize": "[parameters('vmSize')]"},
            "storageProfile": {
                "osDisk": {
                    "osType": "Linux",
                    "name": f"{prefix}-osDisk.vhd",
                    "createOption": "FromImage",
                    "image": {"uri": uri},
                    "vhd": {"uri": target},
                    "caching": "ReadWrite",
                }
            },
            "osProfile": {
                "computerName": "[parameters('vmName')]",
                "adminUsername": "[parameters('adminUsername')]",
                "adminPassword": "[parameters('adminPassword')]",
            },
            "networkProfile": {
                "networkInterfaces": [{"id": "[parameters('networkInterfaceId')]"}]
            },
            # A number: clients decode it into one, and find no template otherwise.
            "provisioningState": 0,
        },
    }


async def _instance_view(call: Call) -> Reply:
    await power.look(call.cloud, call.target)
    return Reply(body=instance_view(call.cloud, call.target))


async def _sizes(_call: Call) -> Reply:
    return Reply(body={"value": described()})


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
    ("POST", "capture"): _capture,
    ("POST", "runcommand"): _run_command,
}
