"""Virtual networks and their subnets.

Prefixes are checked and shown as on Azure; the addresses that machines get are
loopback ones, whatever the prefix says, because processes here have no other.
"""

from __future__ import annotations

import copy
import ipaddress
import uuid
from collections.abc import Iterator

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError, bad_request
from release.emulator.ids import ResourceId
from release.emulator.kinds import Body, Call, Kind, Write
from release.emulator.resources.network.attachments import (
    attachments,
    key_of,
    model_configurations,
)
from release.emulator.resources.network.checks import LOAD_BALANCER, referenced
from release.emulator.resources.network.nat_gateways import VIRTUAL_NETWORK
from release.emulator.resources.network.nested import (
    Element,
    Nested,
    arrange,
    check_name,
    show_arrays,
)
from release.emulator.resources.network.subnet_space import (
    check_address,
    list_usages,
    prefixes,
)
from release.emulator.store import Resource

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_REFERENCES = ("networkSecurityGroup", "natGateway", "routeTable")
_SUBNETS_STAY = "2023-09-01"
"""From this API version on, a PUT that does not tell of subnets leaves them alone:
https://techcommunity.microsoft.com/blog/azurenetworkingblog/azure-virtual-network-now-supports-updates-without-subnet-property/4067952
"""


def _network(text: str, of: ResourceId) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise bad_request(
            "InvalidCIDRNotation",
            f"The address prefix {text} in resource {of} has an invalid CIDR notation. "
            "For the given prefix length, the address prefix should be the first "
            "address of its range.",
        ) from None


def _check_subnet(subnet: Element) -> None:
    properties = subnet.properties
    if not prefixes(properties):
        raise bad_request(
            "InvalidRequestFormat",
            f"Cannot parse the request: {subnet.id} has no addressPrefix.",
            target="addressPrefix",
        )
    for name in _REFERENCES:
        if properties.get(name):
            referenced(subnet.cloud, properties[name], by=subnet.id)
    properties.setdefault("delegations", [])
    properties.setdefault("privateEndpointNetworkPolicies", "Disabled")
    properties.setdefault("privateLinkServiceNetworkPolicies", "Enabled")


def _check_subnets(cloud: Cloud, owner: ResourceId, properties: Body) -> None:
    space = [
        _network(text, owner)
        for text in (properties.get("addressSpace") or {}).get("addressPrefixes") or ()
    ]
    seen: list[Network] = []
    for subnet in properties.get("subnets") or ():
        for text in prefixes(subnet["properties"]):
            network = _network(text, owner.child("subnets", subnet["name"]))
            if not any(_within(network, whole) for whole in space):
                raise bad_request(
                    "NetcfgInvalidSubnet",
                    f"Subnet '{subnet['name']}' is not valid in virtual network "
                    f"'{owner.name}'.",
                )
            if any(network.overlaps(other) for other in seen):
                raise bad_request(
                    "NetcfgSubnetRangesOverlap",
                    f"Subnet '{subnet['name']}' is not valid because its IP address "
                    "range overlaps with that of an existing subnet in virtual network "
                    f"'{owner.name}'.",
                )
            seen.append(network)
    _check_none_lost(cloud, owner, properties)


def _within(network: Network, whole: Network) -> bool:
    if network.version == 4 and whole.version == 4:  # noqa: PLR2004 - IPv4
        return ipaddress.IPv4Network(network).subnet_of(ipaddress.IPv4Network(whole))
    return network.version == whole.version


def _check_none_lost(cloud: Cloud, owner: ResourceId, properties: Body) -> None:
    stored = cloud.store.get(owner)
    kept = {subnet["name"].lower() for subnet in properties.get("subnets") or ()}
    for subnet in SUBNETS.elements(stored) if stored else ():
        if subnet["name"].lower() not in kept:
            _refuse_in_use(cloud, subnet)


def _refuse_in_use(cloud: Cloud, subnet: Body) -> None:
    users = list(_users(cloud, subnet["id"].lower()))
    if users:
        raise ArmError(
            400,
            "InUseSubnetCannotBeDeleted",
            f"Subnet {subnet['name']} is in use by {' and '.join(users)} and cannot be "
            "deleted. In order to delete the subnet, delete all the resources within "
            "the subnet. See aka.ms/deletesubnet.",
        )


def _users(cloud: Cloud, key: str) -> Iterator[str]:
    for attachment in attachments(cloud):
        if attachment.subnet == key:
            yield attachment.id
    for balancer in cloud.store.of_type(LOAD_BALANCER):
        for frontend in balancer.properties.get("frontendIPConfigurations") or ():
            if key_of(frontend["properties"].get("subnet")) == key:
                yield frontend["id"]


def _show_subnet(cloud: Cloud, subnet: Body) -> Body:
    properties = subnet["properties"]
    properties.pop("ipConfigurations", None)
    users = [{"id": user} for user in _users(cloud, subnet["id"].lower())]
    if users:
        properties["ipConfigurations"] = users
    return subnet


def _refuse_subnet(cloud: Cloud, resource: Resource) -> None:
    _refuse_in_use(cloud, resource.body)
    for scale_set, properties in model_configurations(cloud):
        if key_of(properties.get("subnet")) == resource.id.key:
            raise bad_request(
                "InUseSubnetCannotBeDeleted",
                f"Subnet {resource.id.name} is in use by {scale_set.id} and cannot be "
                "deleted. In order to delete the subnet, delete all the resources "
                "within the subnet. See aka.ms/deletesubnet.",
            )


SUBNETS = Nested(
    parent=VIRTUAL_NETWORK,
    name="subnets",
    check=_check_subnet,
    check_all=_check_subnets,
    show=_show_subnet,
    refuse_removal=_refuse_subnet,
)


def prepare(write: Write) -> Body:
    """Check a network and its subnets."""
    check_name(write.id.name)
    properties: Body = write.body.setdefault("properties", {})
    if not (properties.get("addressSpace") or {}).get("addressPrefixes"):
        raise bad_request(
            "InvalidRequestFormat",
            f"Cannot parse the request: {write.id} has no "
            "addressSpace.addressPrefixes.",
            target="addressSpace",
        )
    if write.existing and write.api_version >= _SUBNETS_STAY:
        kept = copy.deepcopy(SUBNETS.elements(write.existing))
        properties.setdefault("subnets", kept)
    arrange(write, (SUBNETS,))
    properties.setdefault("virtualNetworkPeerings", [])
    properties.setdefault("enableDdosProtection", False)
    before = write.existing.properties if write.existing else {}
    properties["resourceGuid"] = before.get("resourceGuid") or str(uuid.uuid4())
    return write.body


def view(cloud: Cloud, resource: Resource, _call: Call) -> Body:
    """Show the subnets, and what is in them."""
    return show_arrays(cloud, resource, (SUBNETS,))


def refuse_removal(cloud: Cloud, resource: Resource) -> None:
    """Raise the error for a network with a subnet that is in use."""
    for subnet in SUBNETS.all_in(cloud, resource.id):
        _refuse_subnet(cloud, subnet)


KINDS = (
    Kind(
        type=VIRTUAL_NETWORK,
        prepare=prepare,
        view=view,
        refuse_removal=refuse_removal,
        actions={
            ("GET", "usages"): list_usages,
            ("GET", "checkipaddressavailability"): check_address,
        },
        timing="network",
    ),
    SUBNETS.kind,
)
