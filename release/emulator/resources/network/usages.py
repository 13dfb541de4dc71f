"""Paths of Microsoft.Network that are no resources: usages and free names."""

from __future__ import annotations

from release.emulator.ids import ResourceId
from release.emulator.kinds import Body, Call, Reply, Route
from release.emulator.resources.network.attachments import INTERFACE
from release.emulator.resources.network.checks import (
    LOAD_BALANCER,
    NAT_GATEWAY,
    PUBLIC_ADDRESS,
)
from release.emulator.resources.network.nat_gateways import VIRTUAL_NETWORK
from release.emulator.resources.network.public_addresses import (
    PUBLIC_ADDRESS_LIMIT,
    PUBLIC_ADDRESSES,
    host_name,
)
from release.emulator.resources.network.route_tables import ROUTE_TABLE
from release.emulator.resources.network.security_groups import SECURITY_GROUP

# Name, text, type, limit: a pay-as-you-go subscription's, as of 2026:
# https://learn.microsoft.com/azure/azure-resource-manager/management/
# azure-subscription-service-limits#azure-networking-limits
_COUNTED = (
    ("VirtualNetworks", "Virtual Networks", VIRTUAL_NETWORK, 1000),
    ("NetworkSecurityGroups", "Network Security Groups", SECURITY_GROUP, 5000),
    (PUBLIC_ADDRESSES, "Public IP Addresses", PUBLIC_ADDRESS, PUBLIC_ADDRESS_LIMIT),
    (
        "IPv4StandardSkuPublicIpAddresses",
        "Public IPv4 Addresses - Standard",
        PUBLIC_ADDRESS,
        PUBLIC_ADDRESS_LIMIT,
    ),
    ("NetworkInterfaces", "Network Interfaces", INTERFACE, 65536),
    ("LoadBalancers", "Load Balancers", LOAD_BALANCER, 1000),
    ("RouteTables", "Route Tables", ROUTE_TABLE, 200),
    ("NatGateways", "NAT Gateways", NAT_GATEWAY, 1000),
)
_OF_SKU = {"IPv4StandardSkuPublicIpAddresses": "Standard"}
"""What counts those of one sku only."""


async def list_usages(call: Call) -> Reply:
    """List what is used of what a subscription may have in a location."""
    base = (
        f"/subscriptions/{call.names['subscription']}/providers/Microsoft.Network"
        f"/locations/{call.names['location']}/usages"
    )
    scope = ResourceId(call.names["subscription"])
    place = _place(call)
    return Reply(
        body={
            "value": [
                _usage(
                    base,
                    name,
                    text,
                    call.cloud.conditions.limit(name, usual),
                    _count(call, kind, scope, place, _OF_SKU.get(name)),
                )
                for name, text, kind, usual in _COUNTED
            ]
        }
    )


def _place(call: Call) -> str:
    """Return the region of a request: ``West Europe`` is ``westeurope``."""
    return call.names["location"].replace(" ", "").lower()


def _count(
    call: Call, kind: str, scope: ResourceId, place: str, sku: str | None
) -> int:
    found = [one.body for one in call.cloud.store.of_type(kind, scope)]
    there = [body for body in found if body.get("location") == place]
    return sum(sku in (None, (body.get("sku") or {}).get("name")) for body in there)


def _usage(base: str, name: str, text: str, limit: int, count: int) -> Body:
    return {
        "id": f"{base}/{name}",
        "currentValue": count,
        "limit": limit,
        "unit": "Count",
        "name": {"value": name, "localizedValue": text},
    }


async def check_dns_name(call: Call) -> Reply:
    """Answer whether a public address may still have a DNS label."""
    label = call.query.get("domainnamelabel", "")
    wanted = host_name(label, _place(call)).lower()
    taken = {
        str((found.properties.get("dnsSettings") or {}).get("fqdn", "")).lower()
        for found in call.cloud.store.of_type(PUBLIC_ADDRESS)
    }
    return Reply(body={"available": wanted not in taken})


ROUTES = (
    Route(
        method="GET",
        pattern="/subscriptions/{subscription}/providers/Microsoft.Network/locations"
        "/{location}/usages",
        answer=list_usages,
    ),
    Route(
        method="GET",
        pattern="/subscriptions/{subscription}/providers/Microsoft.Network/locations"
        "/{location}/CheckDnsNameAvailability",
        answer=check_dns_name,
    ),
)
