"""Public addresses of the instances of a scale set.

A scale set's model asks for one with ``publicIPAddressConfiguration``, and nothing of
its own stands for it: it is read through the instance. As with a machine's interface,
the public address is the one that the instance listens at.
https://learn.microsoft.com/azure/virtual-machine-scale-sets/virtual-machine-scale-sets-networking
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from release.emulator.cloud import Cloud
from release.emulator.ids import ResourceId
from release.emulator.kinds import Body, Kind
from release.emulator.resources.network.attachments import (
    INSTANCE,
    SCALE_SET,
    interface_configurations,
)
from release.emulator.resources.network.public_addresses import host_name
from release.emulator.store import Resource

CONFIGURATION = f"{INSTANCE}/networkInterfaces/ipConfigurations"
NAME = "publicIPAddressConfiguration"


def address_id(configuration: ResourceId, given: Body) -> ResourceId:
    """Return the id of the address that an IP configuration of an instance has."""
    return configuration.child("publicIPAddresses", given[NAME]["name"])


def _of_instance(instance: Resource) -> Iterator[Resource]:
    for interface in interface_configurations(instance):
        own = instance.id.child("networkInterfaces", interface["name"])
        for configuration in interface["properties"]["ipConfigurations"]:
            properties = configuration.get("properties") or {}
            if properties.get(NAME):
                at = own.child("ipConfigurations", configuration["name"])
                yield _shown(instance, at, properties)


def _shown(instance: Resource, at: ResourceId, properties: Body) -> Resource:
    made = address_id(at, properties)
    given = properties[NAME].get("properties") or {}
    location = instance.body["location"]
    body: Body = {
        "id": str(made),
        "name": made.name,
        "location": location,
        "sku": properties[NAME].get("sku") or {"name": "Basic", "tier": "Regional"},
        "properties": {
            "provisioningState": instance.state,
            "resourceGuid": str(uuid.uuid5(uuid.NAMESPACE_URL, made.key)),
            "ipAddress": instance.private.get("address", ""),
            "publicIPAddressVersion": given.get("publicIPAddressVersion", "IPv4"),
            "publicIPAllocationMethod": "Dynamic",
            "idleTimeoutInMinutes": given.get("idleTimeoutInMinutes", 4),
            "ipTags": given.get("ipTags", []),
            "ipConfiguration": {"id": str(at)},
        },
    }
    label = (given.get("dnsSettings") or {}).get("domainNameLabel")
    if label:
        own = f"vm{instance.id.name}.{label}"
        body["properties"]["dnsSettings"] = {
            "domainNameLabel": own,
            "fqdn": host_name(own, location),
        }
    return Resource(id=made, body=body, version=instance.version)


def _enumerate(cloud: Cloud, scope: ResourceId) -> list[Resource]:
    found = [
        address
        for instance in cloud.store.of_type(INSTANCE)
        if instance.id.key == scope.key
        or instance.id.under(scope)
        or scope.under(instance.id)
        for address in _of_instance(instance)
    ]
    if len(scope.pairs) > 2:  # noqa: PLR2004 - within one instance
        return [address for address in found if address.id.under(scope)]
    return found


def _find(cloud: Cloud, resource_id: ResourceId) -> Resource | None:
    found = _enumerate(cloud, resource_id.parent)
    return next((one for one in found if one.id.key == resource_id.key), None)


KINDS = tuple(
    Kind(
        type=f"{parent}/publicIPAddresses",
        find=_find,
        enumerate=_enumerate,
        writable=False,
    )
    for parent in (CONFIGURATION, SCALE_SET)
)
