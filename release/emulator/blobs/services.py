"""Operations on the service: list containers, user delegation key, properties."""

from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree as ET

from aiohttp import web

from release.emulator.blobs import signature, xml
from release.emulator.blobs.accounts import sign
from release.emulator.blobs.call import Call
from release.emulator.blobs.errors import BlobError
from release.emulator.blobs.listing import page_size
from release.emulator.blobs.times import parse_iso

_LONGEST_KEY = timedelta(days=7)


async def list_containers(call: Call) -> web.Response:
    """Answer List Containers."""
    prefix, marker = call.fields.get("prefix", ""), call.fields.get("marker", "")
    limit = page_size(call.fields)
    echoed = {
        "Prefix": prefix,
        "Marker": marker,
        "MaxResults": call.fields.get("maxresults", ""),
    }
    root = xml.listing(endpoint(call), "", echoed)
    items = ET.SubElement(root, "Containers")
    following = ""
    found = call.store.containers(call.address.account, prefix=prefix, start=marker)
    metadata = "metadata" in call.fields.get("include", "").split(",")
    for container in found:
        if len(items) == limit:
            following = container.name
            break
        xml.add_container(items, container, metadata=metadata, now=call.now)
    ET.SubElement(root, "NextMarker").text = following
    return call.answer(200, body=xml.render(root))


def endpoint(call: Call) -> str:
    """Return the service's URL as the client wrote it."""
    host = call.request.host
    named = host.startswith(f"{call.address.account}.")
    return f"https://{host}/" if named else f"https://{host}/{call.address.account}/"


async def get_user_delegation_key(call: Call) -> web.Response:
    """Answer Get User Delegation Key.

    Raises:
        BlobError: The caller has no token, or the times are out of bounds.
    """
    identity = call.grant.identity
    if identity is None:
        raise BlobError(
            "AuthenticationFailed",
            fields={"AuthenticationErrorDetail": "Only a bearer token can do this."},
        )
    info = xml.parse_key_info(await call.document())
    start = parse_iso(info.get("Start", "")) or call.now
    expiry = parse_iso(info.get("Expiry", ""))
    if expiry is None or expiry <= max(start, call.now):
        raise BlobError("InvalidXmlDocument", f"Expiry: {info.get('Expiry', '')}")
    if expiry - call.now > _LONGEST_KEY:
        raise BlobError("OutOfRangeInput", "Expiry is more than 7 days from now.")
    values = {
        "skoid": identity.object_id,
        "sktid": identity.tenant_id,
        "skt": f"{start:%FT%TZ}",
        "ske": f"{expiry:%FT%TZ}",
        "sks": "b",
        "skv": call.header("x-ms-version") or "",
        "skdutid": info.get("DelegatedUserTid", ""),
    }
    shown = {
        "SignedOid": values["skoid"],
        "SignedTid": values["sktid"],
        "SignedStart": values["skt"],
        "SignedExpiry": values["ske"],
        "SignedService": values["sks"],
        "SignedVersion": values["skv"],
    }
    if values["skdutid"]:
        shown["SignedDelegatedUserTid"] = values["skdutid"]
    shown["Value"] = sign(call.account.keys[0], signature.delegation_key(values))
    return call.answer(200, body=xml.user_delegation_key(shown))


async def get_properties(call: Call) -> web.Response:
    """Answer Get Blob Service Properties: those of a new account."""
    return call.answer(200, body=xml.service_properties())


async def get_account_information(call: Call) -> web.Response:
    """Answer Get Account Information."""
    return call.answer(
        200,
        headers={
            "x-ms-sku-name": "Standard_LRS",
            "x-ms-account-kind": "StorageV2",
            "x-ms-is-hns-enabled": "false",
        },
    )
