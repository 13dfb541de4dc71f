"""What a client sees of a virtual machine."""

from __future__ import annotations

from release.emulator.cloud import Cloud
from release.emulator.kinds import Body, Call
from release.emulator.resources.compute.statuses import (
    agent,
    machine_statuses,
    provisioning,
)
from release.emulator.store import Resource

EXTENSION = "Microsoft.Compute/virtualMachines/extensions"


def shown(cloud: Cloud, resource: Resource, body: Body, call: Call) -> Body:
    """Add to a body what is kept elsewhere.

    Args:
        cloud: The cloud.
        resource: The virtual machine.
        body: Its own copy of the body; changed.
        call: Its ``$expand`` may ask for instanceView or userData.
    """
    extensions = cloud.store.of_type(EXTENSION, resource.id)
    if extensions:
        body["resources"] = [
            {"id": str(e.id), **{k: v for k, v in e.body.items() if k != "etag"}}
            for e in extensions
        ]
    expand = call.query.get("$expand", "").lower()
    if "instanceview" in expand:
        body["properties"]["instanceView"] = instance_view(cloud, resource)
    if "userdata" not in expand:
        body["properties"].pop("userData", None)
    return body


def instance_view(cloud: Cloud, resource: Resource) -> Body:
    """Return the instance view of a virtual machine."""
    storage = resource.properties["storageProfile"]
    os_profile = resource.properties.get("osProfile") or {}
    disks = (storage["osDisk"], *storage["dataDisks"])
    diagnostics = (resource.properties.get("diagnosticsProfile") or {}).get(
        "bootDiagnostics"
    ) or {}
    return {
        "computerName": os_profile.get("computerName", resource.id.name),
        "osName": "debian",
        "osVersion": "12",
        "vmAgent": agent(resource),
        "hyperVGeneration": "V2",
        "disks": [
            {"name": disk.get("name", ""), "statuses": [provisioning("Succeeded")]}
            for disk in disks
        ],
        "extensions": [
            extension_view(extension)
            for extension in cloud.store.of_type(EXTENSION, resource.id)
        ],
        # No addresses: Azure tells none where it keeps screenshot and log itself
        # (BootDiagnosticsInstanceView in its specification).
        **({"bootDiagnostics": {}} if diagnostics.get("enabled") else {}),
        "statuses": machine_statuses(resource),
    }


def extension_view(extension: Resource) -> Body:
    """Return the instance view of an extension."""
    properties = extension.properties
    return {
        "name": extension.id.name,
        "type": f"{properties.get('publisher')}.{properties.get('type')}",
        "typeHandlerVersion": properties.get("typeHandlerVersion", "1.0"),
        "statuses": [provisioning(extension.state)],
        **extension.private.get("view", {}),
    }
