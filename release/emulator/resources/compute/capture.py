"""Capture: the disks of a generalized machine as VHDs, and a template that boots them.

https://learn.microsoft.com/rest/api/compute/virtual-machines/capture. It is for
machines with unmanaged disks: the VHDs go to the account of the machine's own disk,
into the container ``system``.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from release.emulator.blobs.address import parse
from release.emulator.errors import bad_request
from release.emulator.kinds import Accepted, Body, Call
from release.emulator.resources.compute import vhds
from release.emulator.resources.compute.actions import begin
from release.emulator.resources.compute.freezing import check_generalized, freeze
from release.emulator.resources.compute.profiles import required
from release.emulator.store import Resource


async def capture(call: Call) -> Accepted:
    """Copy the disks of a generalized machine; the result is a template."""
    body = call.body if isinstance(call.body, dict) else {}
    prefix = required(body, "vhdPrefix")
    container = required(body, "destinationContainerName")
    check_generalized(call.target)
    folder = f"{_endpoint(call.target)}/system/Microsoft.Compute/Images/{container}"
    names = _Names(folder=folder, prefix=prefix, unique=str(uuid.uuid4()))
    vhds.address_of(call.cloud, names.os_disk, "osDisk.vhd.uri")

    async def work() -> Body:
        return await _captured(call, names)

    return begin(call.cloud, call.target, "capture", work, show_output=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Names:
    """Where a capture goes."""

    folder: str
    prefix: str
    unique: str

    @property
    def os_disk(self) -> str:
        return f"{self.folder}/{self.prefix}-osDisk.{self.unique}.vhd"

    @property
    def template(self) -> str:
        return f"{self.folder}/{self.prefix}-vmTemplate.{self.unique}.json"

    def data_disk(self, lun: int) -> str:
        return f"{self.folder}/{self.prefix}-dataDisk-{lun}.{self.unique}.vhd"

    def target(self, what: str) -> str:
        """Return where the template's machine is to have a disk."""
        return f"{self.folder}/{self.prefix}-{what}.{uuid.uuid4()}.vhd"


async def _captured(call: Call, names: _Names) -> Body:
    cloud, machine = call.cloud, call.target
    image = await freeze(cloud, machine)
    try:
        await vhds.write(cloud, image, names.os_disk)
    finally:
        await cloud.machines.delete_image(image)
    for disk in machine.properties["storageProfile"]["dataDisks"]:
        # Data disks are not in the sandbox: there is nothing on them.
        await vhds.write(cloud, None, names.data_disk(disk["lun"]))
    template = _template(call, names)
    vhds.write_json(cloud, template, names.template)
    return template


def _endpoint(machine: Resource) -> str:
    """Return the blob endpoint of the account that the machine's disk is in."""
    uri = (machine.properties["storageProfile"]["osDisk"].get("vhd") or {}).get("uri")
    if not uri:
        raise bad_request(
            "OperationNotAllowed",
            f"VM '{machine.id.name}' was created with managed disks: capture it as an "
            "image or as a version of a gallery image.",
        )
    scheme, _, rest = uri.partition("://")
    host, _, path = rest.partition("/")
    address = parse(host=host, raw_path=f"/{path}", is_container=False)
    inside = path.startswith(f"{address.account}/")
    return f"{scheme}://{host}/{address.account}" if inside else f"{scheme}://{host}"


def _template(call: Call, names: _Names) -> Body:
    size = call.target.properties["hardwareProfile"]["vmSize"]
    return {
        "$schema": "http://schema.management.azure.com/schemas/2014-04-01-preview/"
        "VM_IP.json",
        "contentVersion": "1.0.0.0",
        "parameters": {
            "vmName": {"type": "string"},
            "vmSize": {"type": "string", "defaultValue": size},
            "adminUserName": {"type": "string"},
            "adminPassword": {"type": "securestring"},
            "networkInterfaceId": {"type": "string"},
        },
        "resources": [_machine(call, names)],
    }


def _machine(call: Call, names: _Names) -> Body:
    return {
        "apiVersion": call.api_version,
        "name": "[parameters('vmName')]",
        "type": "Microsoft.Compute/virtualMachines",
        "location": call.target.body["location"],
        "properties": {
            "hardwareProfile": {"vmSize": "[parameters('vmSize')]"},
            "storageProfile": {
                "osDisk": {
                    "osType": "Linux",
                    "name": f"{names.prefix}-osDisk.{names.unique}.vhd",
                    "createOption": "FromImage",
                    "image": {"uri": names.os_disk},
                    "vhd": {"uri": names.target("osDisk")},
                    "caching": "ReadWrite",
                },
                "dataDisks": list(_data_disks(call.target, names)),
            },
            "osProfile": {
                "computerName": "[parameters('vmName')]",
                "adminUsername": "[parameters('adminUserName')]",
                "adminPassword": "[parameters('adminPassword')]",
            },
            "networkProfile": {
                "networkInterfaces": [{"id": "[parameters('networkInterfaceId')]"}]
            },
            # A number: clients decode it into one, and find no template otherwise.
            "provisioningState": 0,
        },
    }


def _data_disks(machine: Resource, names: _Names) -> Iterator[Body]:
    for disk in machine.properties["storageProfile"]["dataDisks"]:
        lun = disk["lun"]
        yield {
            "lun": lun,
            "name": f"{names.prefix}-dataDisk-{lun}.{names.unique}.vhd",
            "createOption": "FromImage",
            "image": {"uri": names.data_disk(lun)},
            "vhd": {"uri": names.target(f"dataDisk-{lun}")},
            "caching": disk.get("caching", "None"),
        }
