"""How many addresses of a subnet are in use, and whether one is free.

https://learn.microsoft.com/rest/api/virtualnetwork/virtual-networks/list-usage
"""

from __future__ import annotations

import ipaddress
from collections import Counter

from release.emulator.cloud import Cloud
from release.emulator.errors import bad_request
from release.emulator.kinds import Body, Call, Reply
from release.emulator.resources.network.attachments import attachments, key_of
from release.emulator.resources.network.checks import LOAD_BALANCER

RESERVED = 5
"""Of each subnet: the first four addresses and the last one (source: "Azure Virtual
Network frequently asked questions")."""


def prefixes(properties: Body) -> list[str]:
    """Return a subnet's prefixes: it tells of one alone, or of a list."""
    found = list(properties.get("addressPrefixes") or ())
    single = properties.get("addressPrefix")
    return found or ([single] if single else [])


def used_addresses(cloud: Cloud) -> Counter[str]:
    """Return how many addresses are in use, by subnet's id in lower case."""
    used = Counter(one.subnet for one in attachments(cloud) if one.subnet)
    for balancer in cloud.store.of_type(LOAD_BALANCER):
        for frontend in balancer.properties.get("frontendIPConfigurations") or ():
            used[key_of(frontend["properties"].get("subnet"))] += 1
    return used


async def list_usages(call: Call) -> Reply:
    """Answer ``usages``: an entry for each subnet."""
    used = used_addresses(call.cloud)
    subnets = call.target.properties.get("subnets") or ()
    return Reply(body={"value": [_usage(subnet, used) for subnet in subnets]})


def _usage(subnet: Body, used: Counter[str]) -> Body:
    return {
        "id": subnet["id"],
        "currentValue": used[subnet["id"].lower()],
        "limit": _size(subnet["properties"]),
        "name": {"localizedValue": "Subnet size and usage", "value": "SubnetSpace"},
        "unit": "Count",
    }


def _size(properties: Body) -> int:
    networks = [ipaddress.ip_network(text) for text in prefixes(properties)]
    return sum(max(0, one.num_addresses - RESERVED) for one in networks)


async def check_address(call: Call) -> Reply:
    """Answer ``CheckIPAddressAvailability``.

    Machines here have loopback addresses, so any of the network's own is free but
    for those that Azure keeps.
    """
    text = call.query.get("ipaddress", "")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise bad_request(
            "InvalidIPAddressFormat", f"The IP address '{text}' is not valid."
        ) from None
    networks = [
        ipaddress.ip_network(prefix)
        for subnet in call.target.properties.get("subnets") or ()
        for prefix in prefixes(subnet["properties"])
    ]
    inside = next((one for one in networks if address in one), None)
    if inside is None:
        raise bad_request(
            "PrivateIPAddressNotInAnySubnet",
            f"The address {text} is in no subnet of {call.target.id.name}.",
        )
    places = range(RESERVED - 1, inside.num_addresses - 1)
    free = int(address) - int(inside.network_address) in places
    others = [] if free else [str(inside.network_address + at) for at in places[:5]]
    return Reply(body={"available": free, "availableIPAddresses": others})
