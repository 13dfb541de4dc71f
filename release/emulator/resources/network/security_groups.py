"""Network security groups: kept and checked, not enforced on loopback."""

from __future__ import annotations

import uuid

from release.emulator.cloud import Cloud
from release.emulator.errors import bad_request
from release.emulator.ids import ResourceId
from release.emulator.kinds import Body, Call, Kind, Write
from release.emulator.resources.network.attachments import INTERFACE, key_of
from release.emulator.resources.network.checks import number, one_of
from release.emulator.resources.network.nat_gateways import subnets_of
from release.emulator.resources.network.nested import (
    Element,
    Nested,
    arrange,
    check_name,
    show_arrays,
)
from release.emulator.store import Resource

SECURITY_GROUP = "Microsoft.Network/networkSecurityGroups"
_PROTOCOLS = ("Tcp", "Udp", "Icmp", "Esp", "Ah", "*")
_SINGULAR_OR_PLURAL = (
    ("sourcePortRange", "sourcePortRanges"),
    ("destinationPortRange", "destinationPortRanges"),
    ("sourceAddressPrefix", "sourceAddressPrefixes"),
    ("destinationAddressPrefix", "destinationAddressPrefixes"),
)
_VNET, _PROBES = "VirtualNetwork", "AzureLoadBalancer"
# https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview
_DEFAULTS = (
    ("AllowVnetInBound", 65000, "Inbound", "Allow", _VNET, _VNET),
    ("AllowAzureLoadBalancerInBound", 65001, "Inbound", "Allow", _PROBES, "*"),
    ("DenyAllInBound", 65500, "Inbound", "Deny", "*", "*"),
    ("AllowVnetOutBound", 65000, "Outbound", "Allow", _VNET, _VNET),
    ("AllowInternetOutBound", 65001, "Outbound", "Allow", "*", "Internet"),
    ("DenyAllOutBound", 65500, "Outbound", "Deny", "*", "*"),
)


def _check_rule(rule: Element) -> None:
    properties, name = rule.properties, rule.id
    one_of(properties, "protocol", _PROTOCOLS, of=name)
    one_of(properties, "access", ("Allow", "Deny"), of=name)
    one_of(properties, "direction", ("Inbound", "Outbound"), of=name)
    number(properties, "priority", 100, 4096, of=name, default=None)
    for singular, plural in _SINGULAR_OR_PLURAL:
        properties.setdefault(plural, [])
        groups = f"{plural.removesuffix('AddressPrefixes')}ApplicationSecurityGroups"
        if not (
            properties.get(singular) or properties[plural] or properties.get(groups)
        ):
            raise bad_request(
                "SecurityRuleParameterNotSpecified",
                f"Security rule {name} names neither {singular} nor {plural}.",
                target=singular,
            )


def _check_rules(_cloud: Cloud, group: ResourceId, properties: Body) -> None:
    seen: dict[tuple[str, int], str] = {}
    for rule in properties.get("securityRules") or ():
        place = (rule["properties"]["direction"], rule["properties"]["priority"])
        if place in seen:
            raise bad_request(
                "SecurityRuleConflict",
                f"Security rule {rule['name']} conflicts with rule {seen[place]}. "
                "Rules cannot have the same Priority and Direction.",
                target=str(group),
            )
        seen[place] = rule["name"]


RULES = Nested(
    parent=SECURITY_GROUP,
    name="securityRules",
    check=_check_rule,
    check_all=_check_rules,
)
DEFAULT_RULES = Nested(
    parent=SECURITY_GROUP, name="defaultSecurityRules", writable=False
)


def prepare(write: Write) -> Body:
    """Check a group and its rules; add the rules that every group has."""
    check_name(write.id.name)
    properties: Body = write.body.setdefault("properties", {})
    properties["defaultSecurityRules"] = [_default(rule) for rule in _DEFAULTS]
    arrange(write, (RULES, DEFAULT_RULES))
    before = write.existing.properties if write.existing else {}
    properties["resourceGuid"] = before.get("resourceGuid") or str(uuid.uuid4())
    return write.body


def _default(rule: tuple[str, int, str, str, str, str]) -> Body:
    name, priority, direction, access, source, target = rule
    return {
        "name": name,
        "properties": {
            "description": f"{access} by default",
            "protocol": "*",
            "sourcePortRange": "*",
            "destinationPortRange": "*",
            "sourceAddressPrefix": source,
            "destinationAddressPrefix": target,
            "access": access,
            "priority": priority,
            "direction": direction,
            **{plural: [] for _, plural in _SINGULAR_OR_PLURAL},
        },
    }


def view(cloud: Cloud, resource: Resource, _call: Call) -> Body:
    """Show the rules, and which subnets and interfaces have the group."""
    body = show_arrays(cloud, resource, (RULES, DEFAULT_RULES))
    for name, ids in _users(cloud, resource).items():
        body["properties"].pop(name, None)
        if ids:
            body["properties"][name] = [{"id": i} for i in ids]
    return body


def _users(cloud: Cloud, resource: Resource) -> dict[str, list[str]]:
    key = resource.id.key
    return {
        "subnets": list(subnets_of(cloud, "networkSecurityGroup", key)),
        "networkInterfaces": [
            str(interface.id)
            for interface in cloud.store.of_type(INTERFACE)
            if key_of(interface.properties.get("networkSecurityGroup")) == key
        ],
    }


def refuse_removal(cloud: Cloud, resource: Resource) -> None:
    """Raise the error for a group that something has."""
    users = [i for ids in _users(cloud, resource).values() for i in ids]
    if users:
        raise bad_request(
            "InUseNetworkSecurityGroupCannotBeDeleted",
            f"Network security group {resource.id} cannot be deleted because it is in "
            f"use by the following resources: {', '.join(users)}. In order to delete "
            "the Network security group, remove the association with the resource(s). "
            "To learn how to do this, see aka.ms/deletensg.",
        )


KINDS = (
    Kind(
        type=SECURITY_GROUP,
        prepare=prepare,
        view=view,
        refuse_removal=refuse_removal,
        timing="network",
    ),
    RULES.kind,
    DEFAULT_RULES.kind,
)
