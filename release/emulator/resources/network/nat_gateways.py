"""NAT gateways: kept and checked; instances have the host's own way out."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterator

from release.emulator.cloud import Cloud
from release.emulator.errors import bad_request
from release.emulator.kinds import Body, Call, Kind, Write
from release.emulator.resources.network.attachments import key_of
from release.emulator.resources.network.checks import (
    NAT_GATEWAY,
    check_public_address_free,
    number,
    one_of,
    referenced,
)
from release.emulator.resources.network.nested import check_name
from release.emulator.store import Resource

VIRTUAL_NETWORK = "Microsoft.Network/virtualNetworks"


def prepare(write: Write) -> Body:
    """Check a NAT gateway and its addresses."""
    check_name(write.id.name)
    sku = write.body.setdefault("sku", {"name": "Standard"}) or {}
    one_of(sku, "name", ("Standard", "StandardV2"), of=write.id)
    sku.setdefault("tier", "Regional")
    properties: Body = write.body.setdefault("properties", {})
    number(properties, "idleTimeoutInMinutes", 4, 120, of=write.id, default=4)
    for reference in properties.get("publicIpAddresses") or ():
        address = referenced(write.cloud, reference, by=write.id)
        if address:
            _check_sku(write, address)
            check_public_address_free(write.cloud, address, by=write.id)
    before = write.existing.properties if write.existing else {}
    properties["resourceGuid"] = before.get("resourceGuid") or str(uuid.uuid4())
    return write.body


def _check_sku(write: Write, address: Resource) -> None:
    if address.body["sku"]["name"] == "Basic":
        raise bad_request(
            "NatGatewayCannotUseBasicSkuPublicIpAddress",
            f"NAT Gateway {write.id} cannot use the Basic sku public IP address "
            f"{address.id}: it takes Standard ones.",
        )


def subnets_of(cloud: Cloud, name: str, key: str) -> Iterator[str]:
    """Yield the ids of subnets that refer to a resource.

    Args:
        cloud: The cloud.
        name: The subnet's property, such as ``natGateway``.
        key: The resource's id in lower case.
    """
    for network in cloud.store.of_type(VIRTUAL_NETWORK):
        for subnet in network.properties.get("subnets") or ():
            if key_of(subnet["properties"].get(name)) == key:
                yield subnet["id"]


def view(cloud: Cloud, resource: Resource, _call: Call) -> Body:
    """Show the subnets that go out through it."""
    body = copy.deepcopy(resource.body)
    body["properties"].pop("subnets", None)
    found = [{"id": i} for i in subnets_of(cloud, "natGateway", resource.id.key)]
    if found:
        body["properties"]["subnets"] = found
    return body


def refuse_removal(cloud: Cloud, resource: Resource) -> None:
    """Raise the error for a gateway that subnets refer to."""
    count = len(list(subnets_of(cloud, "natGateway", resource.id.key)))
    if count:
        raise bad_request(
            "CannotDeleteNatGatewayAssociatedToSubnet",
            f"NAT Gateway {resource.id} is still configured on {count} subnets. Remove "
            "NAT Gateway from all referenced subnets and then delete NAT Gateway.",
        )


KINDS = (
    Kind(
        type=NAT_GATEWAY,
        prepare=prepare,
        view=view,
        refuse_removal=refuse_removal,
        timing="network",
    ),
)
