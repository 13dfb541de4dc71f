"""What is checked of a load balancer's parts."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from release.emulator.cloud import Cloud
from release.emulator.errors import bad_request
from release.emulator.ids import ResourceId
from release.emulator.kinds import Body
from release.emulator.resources.network.attachments import key_of
from release.emulator.resources.network.checks import (
    MAX_PORT,
    check_public_address_free,
    not_referable,
    number,
    one_of,
    private_addresses,
    referenced,
)
from release.emulator.resources.network.nested import Element
from release.emulator.store import Resource

_PROTOCOLS = ("Tcp", "Udp", "All")
_DISTRIBUTIONS = ("Default", "SourceIP", "SourceIPProtocol")


def check_frontend(frontend: Element) -> None:
    """Check where a frontend listens; give it a private address when it has one."""
    properties, cloud = frontend.properties, frontend.cloud
    address = referenced(cloud, properties.get("publicIPAddress"), by=frontend.id)
    subnet = referenced(cloud, properties.get("subnet"), by=frontend.id)
    if not (address or subnet or properties.get("publicIPPrefix")):
        raise bad_request(
            "LoadBalancerFrontendIPConfigurationMustHaveSubnetOrPublicIP",
            f"Frontend IP configuration {frontend.id} must reference either a subnet "
            "or a public IP address.",
        )
    properties.setdefault("privateIPAllocationMethod", "Dynamic")
    siblings = [
        one["properties"] for one in frontend.parent["frontendIPConfigurations"]
    ]
    if address:
        check_public_address_free(cloud, address, by=frontend.id)
        _check_not_shared(frontend, address, siblings)
        properties.pop("privateIPAddress", None)
    else:
        kept = (frontend.before or {}).get("privateIPAddress")
        taken = private_addresses(cloud)
        taken |= {one.get("privateIPAddress", "") for one in siblings}
        properties["privateIPAddress"] = kept or cloud.addresses.private(taken)


def _check_not_shared(
    frontend: Element, address: Resource, siblings: Iterable[Body]
) -> None:
    users = [
        one for one in siblings if key_of(one.get("publicIPAddress")) == address.id.key
    ]
    if len(users) > 1:
        raise bad_request(
            "PublicIPReferencedByMultipleIPConfigs",
            f"Public ip address {address.id} is referenced by multiple ipconfigs in "
            f"resource {frontend.id.parent}.",
        )


def check_pool(pool: Element) -> None:
    """Check the addresses that a pool has by itself, of no network interface."""
    seen: set[str] = set()
    for one in pool.properties.get("loadBalancerBackendAddresses") or ():
        address = (one.get("properties") or {}).get("ipAddress")
        if not address:
            continue
        name = one["name"].lower()
        if name in seen:
            raise bad_request(
                "InvalidRequestFormat",
                "Cannot parse the request: loadBalancerBackendAddresses of "
                f"{pool.id} has two elements of the name '{one['name']}'.",
                target="loadBalancerBackendAddresses",
            )
        seen.add(name)
        if not _is_ipv4(address):
            raise bad_request(
                "InvalidRequestFormat",
                f"Cannot parse the request: 'ipAddress' of {one['name']} in {pool.id} "
                f"is '{address}'; it must be an IPv4 address.",
                target="ipAddress",
            )


def _is_ipv4(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(ipaddress.IPv4Address(value))
    except ValueError:
        return False


def check_probe(probe: Element) -> None:
    """Check a probe."""
    properties, name = probe.properties, probe.id
    protocol = one_of(properties, "protocol", ("Tcp", "Http", "Https"), of=name)
    number(properties, "port", 1, MAX_PORT, of=name, default=None)
    # https://learn.microsoft.com/rest/api/load-balancer/load-balancers/create-or-update
    number(properties, "intervalInSeconds", 5, 2**31 - 1, of=name, default=15)
    number(properties, "numberOfProbes", 1, 2**31 - 1, of=name, default=1)
    number(properties, "probeThreshold", 1, 100, of=name, default=1)
    path = properties.get("requestPath")
    if protocol == "Tcp" and path:
        raise bad_request(
            "RequestPathNotAllowedForTcpProbe",
            f"Probe {name} has the protocol Tcp and the requestPath '{path}': a path "
            "is for Http and Https.",
        )
    if protocol != "Tcp" and not path:
        raise bad_request(
            "RequestPathRequiredForHttpProbe",
            f"Probe {name} has the protocol {protocol} and no requestPath.",
        )
    if path and not (path.isascii() and path.isprintable()):
        raise bad_request(
            "InvalidRequestFormat",
            f"Cannot parse the request: 'requestPath' of {name} is {path!a}; other "
            "characters than printable ASCII are written with %.",
            target="requestPath",
        )


def _check_traffic(rule: Element) -> None:
    properties, name = rule.properties, rule.id
    one_of(properties, "protocol", _PROTOCOLS, of=name)
    if properties["protocol"] != "Tcp":
        raise bad_request(
            "OperationNotSupported",
            f"{name} has the protocol {properties['protocol']}: the embedded Azure "
            "balances Tcp only.",
        )
    number(properties, "idleTimeoutInMinutes", 4, 100, of=name, default=4)
    for option in ("enableFloatingIP", "enableTcpReset"):
        properties.setdefault(option, False)
    # Port 0, for all ports, goes with the protocol All only:
    # https://learn.microsoft.com/azure/load-balancer/load-balancer-ha-ports-overview
    number(properties, "backendPort", 1, MAX_PORT, of=name, default=None)
    _check_sibling(rule, "frontendIPConfiguration", "frontendIPConfigurations")


def check_rule(rule: Element) -> None:
    """Check a load-balancing rule and what it refers to."""
    _check_traffic(rule)
    properties = rule.properties
    number(properties, "frontendPort", 1, MAX_PORT - 1, of=rule.id, default=None)
    properties.setdefault("loadDistribution", "Default")
    one_of(properties, "loadDistribution", _DISTRIBUTIONS, of=rule.id)
    properties.setdefault("disableOutboundSnat", False)
    if properties.get("probe"):
        _check_sibling(rule, "probe", "probes")
    pool = properties.get("backendAddressPool")
    pools = properties.get("backendAddressPools") or ([pool] if pool else [])
    for reference in pools:
        _check_reference(rule, reference, "backendAddressPools")
    if pools:
        properties["backendAddressPools"] = pools
        properties["backendAddressPool"] = pools[0]


def check_nat_rule(rule: Element) -> None:
    """Check a NAT rule: of one port, or of a range and a pool."""
    _check_traffic(rule)
    properties, name = rule.properties, rule.id
    ranged = [properties.get(f"frontendPortRange{end}") for end in ("Start", "End")]
    if properties.get("backendAddressPool"):
        _check_sibling(rule, "backendAddressPool", "backendAddressPools")
        if None in ranged:
            raise bad_request(
                "MissedInboundNatRuleV2Properties",
                "For inbound Nat rule V2 properties FrontendPortRangeStart, "
                "FrontendPortRangeEnd should not be null.",
                target=str(name),
            )
        _check_range(rule)
        properties.setdefault("frontendPort", 0)
        return
    if ranged != [None, None] and properties.get("frontendPort"):
        raise bad_request(
            "UnsupportedSetOfInboundNatRulePropertiesWhenFrontendPortIsSpecified",
            f"If FrontendPort {properties['frontendPort']} is set, properties "
            "FrontendPortRangeStart, FrontendPortRangeEnd should be null.",
            target=str(name),
        )
    number(properties, "frontendPort", 1, MAX_PORT - 1, of=name, default=None)


def _check_range(rule: Element) -> None:
    start = number(
        rule.properties,
        "frontendPortRangeStart",
        1,
        MAX_PORT - 1,
        of=rule.id,
        default=None,
    )
    number(
        rule.properties,
        "frontendPortRangeEnd",
        start,
        MAX_PORT - 1,
        of=rule.id,
        default=None,
    )


def check_nat_pool(pool: Element) -> None:
    """Check a NAT pool of a scale set."""
    _check_traffic(pool)
    _check_range(pool)


def check_outbound(rule: Element) -> None:
    """Check an outbound rule, which has no effect here."""
    one_of(rule.properties, "protocol", _PROTOCOLS, of=rule.id)
    for reference in rule.properties.get("frontendIPConfigurations") or ():
        _check_reference(rule, reference, "frontendIPConfigurations")
    _check_sibling(rule, "backendAddressPool", "backendAddressPools")


def _check_sibling(element: Element, name: str, array: str) -> None:
    _check_reference(element, element.properties.get(name) or {}, array)


def _check_reference(element: Element, reference: Body, array: str) -> None:
    there = {str(one["id"]).lower() for one in element.parent.get(array) or ()}
    if key_of(reference) not in there:
        raise not_referable(reference.get("id", f"(no {array})"), by=element.id)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Claim:
    name: str
    frontend: str
    first: int
    last: int

    def meets(self, other: _Claim) -> bool:
        return (
            self.frontend == other.frontend
            and self.first <= other.last
            and other.first <= self.last
        )


def _claims(properties: Body) -> Iterator[_Claim]:
    for array in ("loadBalancingRules", "inboundNatRules", "inboundNatPools"):
        for rule in properties.get(array) or ():
            values = rule["properties"]
            single = values.get("frontendPort", 0)
            yield _Claim(
                name=rule["id"],
                frontend=key_of(values.get("frontendIPConfiguration")),
                first=values.get("frontendPortRangeStart") or single,
                last=values.get("frontendPortRangeEnd") or single,
            )


def check_claims(_cloud: Cloud, _owner: ResourceId, properties: Body) -> None:
    """Check that no two rules want one port of one frontend."""
    seen: list[_Claim] = []
    for claim in _claims(properties):
        for other in seen:
            if claim.meets(other):
                raise bad_request(
                    "RulesUseSameFrontendPortProtocolAndFrontendIPConfig",
                    f"{claim.name} and {other.name} use the same frontend port "
                    f"{max(claim.first, other.first)} of one frontend IP "
                    "configuration.",
                )
        seen.append(claim)
