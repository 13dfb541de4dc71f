"""Network interfaces of machines; those of scale-set instances are only shown.

A private address is a loopback one. An interface that is made with a public address
gets that as its private one too: so a machine answers at its public address without
anything between.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterator

from release.emulator.cloud import Cloud
from release.emulator.errors import bad_request
from release.emulator.ids import ResourceId, parse
from release.emulator.kinds import Body, Call, Kind, Reply, Write
from release.emulator.resources.network.attachments import (
    INSTANCE,
    INTERFACE,
    SCALE_SET,
    interface_configurations,
    key_of,
)
from release.emulator.resources.network.checks import (
    check_public_address_free,
    one_of,
    private_addresses,
    referenced,
)
from release.emulator.resources.network.instance_addresses import (
    CONFIGURATION,
    NAME,
    address_id,
)
from release.emulator.resources.network.nat_ports import rule_of_pool
from release.emulator.resources.network.nested import (
    Element,
    Nested,
    arrange,
    check_name,
    show_arrays,
)
from release.emulator.store import Resource

_POOLS = ("loadBalancerBackendAddressPools", "loadBalancerInboundNatRules")


def _check_configuration(configuration: Element) -> None:
    properties, cloud, name = (
        configuration.properties,
        configuration.cloud,
        configuration.id,
    )
    if not (properties.get("subnet") or {}).get("id"):
        raise bad_request(
            "SubnetRequired",
            f"Subnet reference is required for ipconfiguration {name}.",
        )
    referenced(cloud, properties["subnet"], by=name.parent)
    properties.setdefault("privateIPAllocationMethod", "Dynamic")
    one_of(properties, "privateIPAllocationMethod", ("Dynamic", "Static"), of=name)
    properties.setdefault("privateIPAddressVersion", "IPv4")
    for array in _POOLS:
        for reference in properties.get(array) or ():
            referenced(cloud, reference, by=name.parent)
    address = referenced(cloud, properties.get("publicIPAddress"), by=name)
    if address:
        check_public_address_free(cloud, address, by=name)
    properties["privateIPAddress"] = _private_address(configuration, address)


def _private_address(configuration: Element, public: Resource | None) -> str:
    kept = (configuration.before or {}).get("privateIPAddress")
    if kept:
        return str(kept)
    taken = private_addresses(configuration.cloud)
    if public and public.private["address"] not in taken:
        return str(public.private["address"])
    others = configuration.parent["ipConfigurations"]
    taken |= {o["properties"].get("privateIPAddress", "") for o in others}
    return configuration.cloud.addresses.private(taken)


CONFIGURATIONS = Nested(
    parent=INTERFACE,
    name="ipConfigurations",
    check=_check_configuration,
    writable=False,
)


def prepare(write: Write) -> Body:
    """Check an interface and give its configurations their addresses."""
    check_name(write.id.name)
    properties: Body = write.body.setdefault("properties", {})
    given = properties.get("ipConfigurations")
    if not given:
        raise bad_request(
            "NetworkInterfaceMustHaveAtLeastOneIpConfiguration",
            f"Network interface {write.id} must have one or more IP configurations.",
        )
    for configuration in given:
        # Nobody may choose: an address sent along is one that was shown before, or
        # one from a prefix that loopback does not have.
        (configuration.get("properties") or {}).pop("privateIPAddress", None)
    referenced(write.cloud, properties.get("networkSecurityGroup"), by=write.id)
    arrange(write, (CONFIGURATIONS,))
    configurations = properties["ipConfigurations"]
    if not any(c["properties"].get("primary") for c in configurations):
        configurations[0]["properties"]["primary"] = True
    before = write.existing.properties if write.existing else {}
    properties.pop("virtualMachine", None)
    if before.get("virtualMachine"):
        properties["virtualMachine"] = before["virtualMachine"]
    properties["resourceGuid"] = before.get("resourceGuid") or str(uuid.uuid4())
    properties["macAddress"] = before.get("macAddress") or _mac_address(
        properties["resourceGuid"]
    )
    _fill_in(properties)
    return write.body


def _fill_in(properties: Body) -> None:
    settings = properties.setdefault("dnsSettings", {})
    settings.setdefault("dnsServers", [])
    settings.setdefault("appliedDnsServers", [])
    properties.setdefault("enableAcceleratedNetworking", False)
    properties.setdefault("enableIPForwarding", False)
    properties.setdefault("vnetEncryptionSupported", False)
    properties.setdefault("nicType", "Standard")
    properties.setdefault("tapConfigurations", [])
    properties.setdefault("hostedWorkloads", [])


def _mac_address(guid: str) -> str:
    return "-".join(("00", "0D", "3A", guid[:2], guid[2:4], guid[4:6])).upper()


def view(cloud: Cloud, resource: Resource, _call: Call) -> Body:
    """Show an interface; it is primary when a machine has it."""
    body = show_arrays(cloud, resource, (CONFIGURATIONS,))
    body["properties"].pop("primary", None)
    owner = body["properties"].get("virtualMachine")
    if owner:
        machine = cloud.store.get(parse(owner["id"]))
        body["properties"]["primary"] = _is_primary(machine, resource)
    return body


def _is_primary(machine: Resource | None, interface: Resource) -> bool:
    if machine is None:
        return True
    profile = machine.properties.get("networkProfile") or {}
    references = profile.get("networkInterfaces") or []
    marked = [r for r in references if (r.get("properties") or {}).get("primary")]
    first = (marked or references or [{"id": str(interface.id)}])[0]
    return str(first["id"]).lower() == interface.id.key


def refuse_removal(_cloud: Cloud, resource: Resource) -> None:
    """Raise the error for an interface that a machine has."""
    owner = resource.properties.get("virtualMachine")
    if owner:
        raise bad_request(
            "NicInUse",
            f"Network Interface {resource.id} is used by existing resource "
            f"{owner['id']}. In order to delete the network interface, it must be "
            "dissociated from the resource. To learn more, see aka.ms/deletenic.",
        )


async def apply(cloud: Cloud, _resource: Resource, _before: Body | None) -> None:
    """Let the balancer know: a pool may have been joined or left."""
    await cloud.refresh_network()


def leave_lost(cloud: Cloud, balancer: ResourceId, there: set[str]) -> None:
    """Take what a load balancer no longer has out of the interfaces behind it.

    Args:
        cloud: The cloud.
        balancer: Id of the load balancer.
        there: Ids in lower case of the pools and NAT rules that it has.
    """

    def lost(reference: Body) -> bool:
        key = key_of(reference)
        return key.startswith(f"{balancer.key}/") and key not in there

    for interface in cloud.store.of_type(INTERFACE):
        shrunk = False
        for configuration in interface.properties["ipConfigurations"]:
            properties = configuration["properties"]
            for array in _POOLS:
                if any(lost(one) for one in properties.get(array) or ()):
                    kept = [one for one in properties[array] if not lost(one)]
                    properties[array] = kept
                    shrunk = True
        if shrunk:
            cloud.store.save(interface)


async def list_balancers(call: Call) -> Reply:
    """List the load balancers that an interface is behind."""
    found = dict.fromkeys(
        parse(reference["id"]).parent
        for configuration in call.target.properties["ipConfigurations"]
        for array in _POOLS
        for reference in configuration["properties"].get(array) or ()
    )
    cloud = call.cloud
    return Reply(body={"value": [cloud.show(cloud.get(one), call) for one in found]})


# --- of instances of scale sets ------------------------------------------------


def _of_instance(instance: Resource) -> Iterator[Resource]:
    for given in interface_configurations(instance):
        own = instance.id.child("networkInterfaces", given["name"])
        properties = copy.deepcopy(given["properties"])
        configurations = [
            _shown_configuration(own, instance, configuration)
            for configuration in properties["ipConfigurations"]
        ]
        guid = str(uuid.uuid5(uuid.NAMESPACE_URL, own.key))
        properties.update(
            provisioningState=instance.state,
            resourceGuid=guid,
            macAddress=_mac_address(guid),
            virtualMachine={"id": str(instance.id)},
            ipConfigurations=configurations,
        )
        _fill_in(properties)
        body = {
            "id": str(own),
            "name": given["name"],
            "location": instance.body.get("location", ""),
            "properties": properties,
        }
        yield Resource(id=own, body=body, version=instance.version)


def _shown_configuration(own: ResourceId, instance: Resource, given: Body) -> Body:
    properties = copy.deepcopy(given.get("properties") or {})
    properties.setdefault("primary", True)
    properties.setdefault("privateIPAllocationMethod", "Dynamic")
    properties.setdefault("privateIPAddressVersion", "IPv4")
    properties["privateIPAddress"] = instance.private.get("address", "")
    properties["provisioningState"] = instance.state
    pools = properties.pop("loadBalancerInboundNatPools", ())
    if pools:
        properties["loadBalancerInboundNatRules"] = [
            {"id": rule_of_pool(parse(pool["id"]), instance.id.name)} for pool in pools
        ]
    at = own.child("ipConfigurations", given["name"])
    if properties.get(NAME):
        properties["publicIPAddress"] = {"id": str(address_id(at, properties))}
        del properties[NAME]
    return {
        "id": str(at),
        "name": given["name"],
        "etag": instance.etag,
        "properties": properties,
    }


def _instance_interfaces(cloud: Cloud, scope: ResourceId) -> list[Resource]:
    return [
        interface
        for instance in cloud.store.of_type(INSTANCE)
        if instance.id.key == scope.key or instance.id.under(scope)
        for interface in _of_instance(instance)
    ]


def _instance_interface(cloud: Cloud, resource_id: ResourceId) -> Resource | None:
    found = _instance_interfaces(cloud, resource_id.parent)
    return next((i for i in found if i.id.key == resource_id.key), None)


def _instance_configurations(cloud: Cloud, scope: ResourceId) -> list[Resource]:
    interface = _instance_interface(cloud, scope)
    if interface is None:
        return []
    return [
        Resource(id=parse(shown["id"]), body=shown, version=interface.version)
        for shown in interface.properties["ipConfigurations"]
    ]


def _instance_configuration(cloud: Cloud, resource_id: ResourceId) -> Resource | None:
    found = _instance_configurations(cloud, resource_id.parent)
    return next((c for c in found if c.id.key == resource_id.key), None)


KINDS = (
    Kind(
        type=INTERFACE,
        read_only=(
            "properties.defaultOutboundConnectivityEnabled",
            "properties.dnsSettings.appliedDnsServers",
            "properties.dnsSettings.internalDomainNameSuffix",
            "properties.dnsSettings.internalFqdn",
            "properties.hostedWorkloads",
            "properties.vnetEncryptionSupported",
        ),
        prepare=prepare,
        apply=apply,
        view=view,
        refuse_removal=refuse_removal,
        actions={("GET", "loadbalancers"): list_balancers},
        timing="network",
    ),
    CONFIGURATIONS.kind,
    Kind(
        type=f"{INSTANCE}/networkInterfaces",
        find=_instance_interface,
        enumerate=_instance_interfaces,
        writable=False,
    ),
    Kind(
        type=CONFIGURATION,
        find=_instance_configuration,
        enumerate=_instance_configurations,
        writable=False,
    ),
    Kind(
        type=f"{SCALE_SET}/networkInterfaces",
        find=lambda _cloud, _id: None,
        enumerate=_instance_interfaces,
        writable=False,
    ),
)
