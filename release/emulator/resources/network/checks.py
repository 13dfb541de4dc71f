"""What many resources of Microsoft.Network check alike, and their addresses."""

from __future__ import annotations

from collections.abc import Iterable

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError, bad_request
from release.emulator.ids import parse
from release.emulator.kinds import Body
from release.emulator.resources.network.attachments import (
    INSTANCE,
    INTERFACE,
    attachments,
    key_of,
)
from release.emulator.store import Resource

PUBLIC_ADDRESS = "Microsoft.Network/publicIPAddresses"
LOAD_BALANCER = "Microsoft.Network/loadBalancers"
NAT_GATEWAY = "Microsoft.Network/natGateways"
MAX_PORT = 65535


def referenced(cloud: Cloud, reference: Body | None, *, by: object) -> Resource | None:
    """Return the resource of a ``{"id": ...}``; None when there is no reference.

    Raises:
        ArmError: 400 ``InvalidResourceReference``: it is not there.
    """
    text = (reference or {}).get("id")
    if not text:
        return None
    found = cloud.find(parse(text))
    if found is None:
        raise not_referable(text, by=by)
    return found


def not_referable(text: str, *, by: object) -> ArmError:
    """Return Azure's error for a reference to what is not there."""
    return bad_request(
        "InvalidResourceReference",
        f"Resource {text} referenced by resource {by} was not found. Please make sure "
        "that the referenced resource exists, and that both resources are in the same "
        "region.",
    )


def one_of(properties: Body, name: str, allowed: Iterable[str], *, of: object) -> str:
    """Return a property's value as Azure spells it; case does not matter.

    Raises:
        ArmError: 400: the value is missing or another.
    """
    value = properties.get(name)
    spelled = {word.lower(): word for word in allowed}
    found = spelled.get(str(value).lower())
    if found is None:
        raise bad_request(
            "InvalidRequestFormat",
            f"Cannot parse the request: '{name}' of {of} is '{value}'; it must be one "
            f"of {', '.join(spelled.values())}.",
            target=name,
        )
    properties[name] = found
    return found


def number(
    properties: Body, name: str, low: int, high: int, *, of: object, default: int | None
) -> int:
    """Return a whole number from low to high; clients write some as texts.

    Raises:
        ArmError: 400: it is missing, no number, or out of range.
    """
    value = properties.get(name)
    if value is None and default is not None:
        properties[name] = value = default
    if isinstance(value, str) and value.isdecimal():
        properties[name] = value = int(value)
    sound = isinstance(value, int) and not isinstance(value, bool)
    if not sound or not low <= int(str(value)) <= high:
        raise bad_request(
            "InvalidRequestFormat",
            f"Cannot parse the request: '{name}' of {of} is '{value}'; it must be a "
            f"whole number from {low} to {high}.",
            target=name,
        )
    return int(str(value))


def private_addresses(cloud: Cloud) -> set[str]:
    """Return the private addresses that are taken."""
    found = {i.private.get("address", "") for i in cloud.store.of_type(INSTANCE)}
    for kind, name in (
        (INTERFACE, "ipConfigurations"),
        (LOAD_BALANCER, "frontendIPConfigurations"),
    ):
        for resource in cloud.store.of_type(kind):
            for configuration in resource.properties.get(name) or ():
                found.add(configuration["properties"].get("privateIPAddress", ""))
    return found


def public_addresses(cloud: Cloud) -> set[str]:
    """Return the public addresses that are taken."""
    return {
        found.private.get("address", "")
        for found in cloud.store.of_type(PUBLIC_ADDRESS)
    }


def user_of_public_address(cloud: Cloud, key: str) -> str:
    """Return the id of what has a public address, or "".

    Args:
        cloud: The cloud.
        key: Id of the public address, in lower case.
    """
    for attachment in attachments(cloud):
        if attachment.public_address == key:
            return attachment.id
    for balancer in cloud.store.of_type(LOAD_BALANCER):
        for frontend in balancer.properties.get("frontendIPConfigurations") or ():
            if key_of(frontend["properties"].get("publicIPAddress")) == key:
                return str(frontend["id"])
    for gateway in cloud.store.of_type(NAT_GATEWAY):
        for reference in gateway.properties.get("publicIpAddresses") or ():
            if key_of(reference) == key:
                return str(gateway.id)
    return ""


def check_public_address_free(cloud: Cloud, address: Resource, *, by: object) -> None:
    """Raise the error for what is no public address, or has a user already."""
    if address.id.type != PUBLIC_ADDRESS:
        raise not_referable(str(address.id), by=by)
    user = user_of_public_address(cloud, address.id.key)
    if user and user.lower() != str(by).lower():
        raise bad_request(
            "PublicIPAddressInUse",
            f"Resource {by} is referencing public IP address {address.id} that is "
            f"already allocated to resource {user}.",
        )
