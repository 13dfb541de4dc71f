"""Functions for IP address ranges.

https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-cidr
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from release.emulator.template.errors import Refused
from release.emulator.template.functions.arguments import (
    SEE,
    Function,
    integer,
    string,
)
from release.emulator.template.values import Json


def _network(name: str, value: Json) -> IPv4Network | IPv6Network:
    text = string(name, value)
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise Refused(
            f"Unable to evaluate template language function '{name}': '{text}' is not "
            f"an address range such as 10.0.0.0/16. {SEE}"
        ) from None


def _has_ends(network: IPv4Network | IPv6Network) -> bool:
    """Tell whether its first and last addresses are not for hosts."""
    return network.num_addresses > 2  # noqa: PLR2004


def parse_cidr(value: Json) -> dict[str, Json]:
    """Describe an address range; in one of IPv6 every address is usable."""
    network = _network("parseCidr", value)
    ends = isinstance(network, IPv4Network) and _has_ends(network)
    described = {
        "network": str(network.network_address),
        "netmask": str(network.netmask),
        "firstUsable": str(network[1 if ends else 0]),
        "lastUsable": str(network[-2 if ends else -1]),
        "cidr": network.prefixlen,
    }
    if isinstance(network, IPv4Network):
        described["broadcast"] = str(network.broadcast_address)
    return described


def cidr_subnet(value: Json, prefix: Json, at: Json) -> str:
    """Return one of the equal parts of an address range."""
    network = _network("cidrSubnet", value)
    length, place = integer("cidrSubnet", prefix), integer("cidrSubnet", at)
    if not network.prefixlen <= length <= network.max_prefixlen or not (
        0 <= place < 2 ** (length - network.prefixlen)
    ):
        raise Refused(
            f"Unable to evaluate template language function 'cidrSubnet': '{value}' "
            f"has no part /{length} with the index {place}. {SEE}"
        )
    start = int(network.network_address) + place * 2 ** (network.max_prefixlen - length)
    return str(type(network)((start, length)))


def cidr_host(value: Json, at: Json) -> str:
    """Return a usable address of a range, counted from zero."""
    network, place = _network("cidrHost", value), integer("cidrHost", at)
    if not 0 <= place < max(network.num_addresses - 2, 1):
        raise Refused(
            f"Unable to evaluate template language function 'cidrHost': '{value}' has "
            f"no usable address with the index {place}. {SEE}"
        )
    return str(network[place + (1 if _has_ends(network) else 0)])


FUNCTIONS: Final = (
    Function("parseCidr", parse_cidr, 1, 1),
    Function("cidrSubnet", cidr_subnet, 3, 3),
    Function("cidrHost", cidr_host, 2, 2),
)
