"""What a client sees of an instance, and of the instances of a scale set together."""

from __future__ import annotations

import copy
from collections import Counter

from release.emulator.cloud import Cloud
from release.emulator.kinds import Body, Call
from release.emulator.resources.compute.health import HEALTHY
from release.emulator.resources.compute.instances import instances_of, is_latest
from release.emulator.resources.compute.model import reports_health
from release.emulator.resources.compute.statuses import (
    agent,
    machine_statuses,
    provisioning,
    status,
)
from release.emulator.store import Resource


def shown(cloud: Cloud, instance: Resource, call: Call) -> Body:
    """Return an instance's body; ``$expand=instanceView`` adds the view."""
    body = copy.deepcopy(instance.body)
    scale_set = cloud.get(instance.id.parent)
    body["properties"]["latestModelApplied"] = is_latest(scale_set, instance)
    body["resources"] = [
        {
            "id": f"{instance.id}/extensions/{extension['name']}",
            "name": extension["name"],
            # No "type" here: the command-line client breaks on one beside that in the
            # properties (Azure/azure-cli issue 31910).
            "location": instance.body["location"],
            "properties": {
                **extension.get("properties", {}),
                "provisioningState": "Succeeded",
            },
        }
        for extension in instance.private.get("extensions", [])
    ]
    wanted = call.query.get("$expand", "") + call.query.get("$select", "")
    if "instanceview" in wanted.lower():
        body["properties"]["instanceView"] = instance_view(instance)
    return body


def instance_view(instance: Resource) -> Body:
    """Return the instance view of an instance."""
    storage = instance.properties.get("storageProfile") or {}
    view = {
        "platformUpdateDomain": int(instance.id.name) % 5,
        "platformFaultDomain": int(instance.id.name) % 5,
        "computerName": (instance.properties.get("osProfile") or {}).get(
            "computerName", ""
        ),
        "osName": "debian",
        "osVersion": "12",
        "vmAgent": agent(instance),
        "disks": [
            {
                "name": (storage.get("osDisk") or {}).get("name", ""),
                "statuses": [provisioning("Succeeded")],
            }
        ],
        "extensions": [
            _extension_view(instance, extension)
            for extension in instance.private.get("extensions", [])
        ],
        "statuses": machine_statuses(instance),
    }
    health = instance.private.get("health")
    if health:
        view["vmHealth"] = {"status": _health_status(health)}
    return view


def _health_status(health: Body) -> Body:
    state = health["state"]
    return status(
        f"HealthState/{state.lower()}",
        f"The VM is reporting itself as {state.lower()}",
        level="Info" if state == HEALTHY else "Warning",
        time=health["since"],
    )


def _extension_view(instance: Resource, extension: Body) -> Body:
    properties = extension.get("properties") or {}
    view = {
        "name": extension["name"],
        "type": f"{properties.get('publisher')}.{properties.get('type')}",
        "typeHandlerVersion": properties.get("typeHandlerVersion", "1.0"),
        "statuses": [provisioning("Succeeded")],
    }
    health = instance.private.get("health")
    if health and "ApplicationHealth" in str(properties.get("type")):
        view["substatuses"] = [
            {
                "code": f"ComponentStatus/ApplicationHealth/{_component(health)}",
                "level": "Info",
                "displayStatus": "Provisioning succeeded",
                "message": f"Application found to be {health['state'].lower()}",
            }
        ]
    return view


def _component(health: Body) -> str:
    return "succeeded" if health["state"] == HEALTHY else "failed"


def scale_set_view(cloud: Cloud, scale_set: Resource) -> Body:
    """Return the instance view of a scale set: what its instances sum up to."""
    instances = instances_of(cloud, scale_set.id)
    codes = Counter(
        found["code"] for instance in instances for found in machine_statuses(instance)
    )
    names = Counter(
        extension["name"]
        for instance in instances
        for extension in instance.private.get("extensions", [])
    )
    service = {
        "serviceName": "AutomaticRepairs",
        "serviceState": repairs_state(scale_set),
    }
    return {
        "virtualMachine": {
            "statusesSummary": [
                {"code": code, "count": count} for code, count in codes.items()
            ]
        },
        "extensions": [
            {
                "name": name,
                "statusesSummary": [
                    {"code": "ProvisioningState/succeeded", "count": count}
                ],
            }
            for name, count in names.items()
        ],
        "statuses": [
            provisioning(scale_set.state, time=scale_set.private.get("changed_at", ""))
        ],
        "orchestrationServices": [service],
    }


def repairs_state(scale_set: Resource) -> str:
    """Return the state of automatic repairs: Running, Suspended or NotRunning."""
    policy = scale_set.properties.get("automaticRepairsPolicy") or {}
    if not policy.get("enabled") or not reports_health(scale_set.properties):
        return "NotRunning"
    return str(scale_set.private.get("repairs", "Running"))
