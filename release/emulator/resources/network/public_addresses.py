"""Public IP addresses, from the part of the loopback slice that stands for them."""

from __future__ import annotations

import copy
import uuid

from release.emulator.cloud import Cloud
from release.emulator.errors import bad_request
from release.emulator.ids import ResourceId
from release.emulator.kinds import Body, Call, Kind, Write
from release.emulator.resources.network.checks import (
    NAT_GATEWAY,
    PUBLIC_ADDRESS,
    number,
    one_of,
    private_addresses,
    public_addresses,
    user_of_public_address,
)
from release.emulator.resources.network.nested import check_name
from release.emulator.store import Resource

PUBLIC_ADDRESSES = "PublicIPAddresses"
PUBLIC_ADDRESS_LIMIT = 1000


def prepare(write: Write) -> Body:
    """Check a public address and choose it when it is new."""
    check_name(write.id.name)
    if write.existing is None:
        _check_count(write)
    sku = write.body.setdefault("sku", {"name": "Basic"}) or {}
    one_of(sku, "name", ("Basic", "Standard", "StandardV2"), of=write.id)
    sku.setdefault("tier", "Regional")
    write.body["sku"] = sku
    properties: Body = write.body.setdefault("properties", {})
    properties.setdefault("publicIPAllocationMethod", "Dynamic")
    properties.setdefault("publicIPAddressVersion", "IPv4")
    one_of(properties, "publicIPAllocationMethod", ("Static", "Dynamic"), of=write.id)
    one_of(properties, "publicIPAddressVersion", ("IPv4", "IPv6"), of=write.id)
    if properties["publicIPAddressVersion"] == "IPv6":
        raise bad_request(
            "OperationNotSupported",
            f"{write.id} asks for IPv6: the embedded Azure has IPv4 addresses only.",
        )
    if sku["name"] != "Basic" and properties["publicIPAllocationMethod"] != "Static":
        raise bad_request(
            "StandardSkuPublicIPAddressMustBeStatic",
            f"Standard sku publicIp {write.id} must have AllocationMethod set to "
            "Static.",
        )
    number(properties, "idleTimeoutInMinutes", 4, 30, of=write.id, default=4)
    properties.setdefault("ipTags", [])
    before = write.existing.properties if write.existing else {}
    properties["resourceGuid"] = before.get("resourceGuid") or str(uuid.uuid4())
    _name_host(write, properties)
    if not write.private.get("address"):
        # An interface keeps as its own what a public address that is gone gave it.
        taken = public_addresses(write.cloud) | private_addresses(write.cloud)
        write.private["address"] = write.cloud.addresses.public(taken)
    return write.body


def _check_count(write: Write) -> None:
    limit = write.cloud.conditions.limit(PUBLIC_ADDRESSES, PUBLIC_ADDRESS_LIMIT)
    there = [
        found
        for found in write.cloud.store.of_type(
            PUBLIC_ADDRESS, ResourceId(write.id.subscription)
        )
        if found.body["location"] == write.body["location"]
    ]
    if len(there) >= limit:
        raise bad_request(
            "PublicIPCountLimitReached",
            f"Cannot create more than {limit} public IP addresses for this "
            "subscription in this region.",
        )


def _name_host(write: Write, properties: Body) -> None:
    settings = properties.get("dnsSettings")
    label = (settings or {}).get("domainNameLabel")
    if not settings or not label:
        return
    for other in write.cloud.store.of_type(PUBLIC_ADDRESS):
        taken = (other.properties.get("dnsSettings") or {}).get("domainNameLabel", "")
        same_place = other.body.get("location") == write.body["location"]
        if same_place and taken.lower() == label.lower() and other.id != write.id:
            raise bad_request(
                "DnsRecordInUse",
                f"DNS record {host_name(label, write.body['location'])} is already "
                "used by another public IP.",
            )
    settings["fqdn"] = host_name(label, write.body["location"])


def host_name(label: str, location: str) -> str:
    """Return the name that Azure's DNS would have; nothing here resolves it."""
    return f"{label}.{location}.cloudapp.azure.com"


def view(cloud: Cloud, resource: Resource, _call: Call) -> Body:
    """Show the address as soon as Azure would, and what uses it."""
    body = copy.deepcopy(resource.body)
    properties = body["properties"]
    for name in ("ipAddress", "ipConfiguration", "natGateway"):
        properties.pop(name, None)
    user = user_of_public_address(cloud, resource.id.key)
    if user and f"/{NAT_GATEWAY.lower()}/" in user.lower():
        properties["natGateway"] = {"id": user}
    elif user:
        properties["ipConfiguration"] = {"id": user}
    if user or properties["publicIPAllocationMethod"] == "Static":
        properties["ipAddress"] = resource.private["address"]
    return body


def refuse_removal(cloud: Cloud, resource: Resource) -> None:
    """Raise the error for an address that is in use."""
    user = user_of_public_address(cloud, resource.id.key)
    if user:
        raise bad_request(
            "PublicIPAddressCannotBeDeleted",
            f"Public IP address {resource.id} can not be deleted since it is still "
            f"allocated to resource {user}. In order to delete the public IP, "
            "disassociate/detach the Public IP address from the resource.  To learn "
            "how to do this, see aka.ms/deletepublicip.",
        )


KINDS = (
    Kind(
        type=PUBLIC_ADDRESS,
        prepare=prepare,
        view=view,
        refuse_removal=refuse_removal,
        timing="network",
    ),
)
