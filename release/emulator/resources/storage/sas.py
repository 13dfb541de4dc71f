"""Shared access signatures that the Resource Manager makes for a caller. Pure."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from typing import Any

from release.emulator.blobs import signature
from release.emulator.blobs.accounts import sign
from release.emulator.errors import bad_request

VERSION = "2024-11-04"
_ACCOUNT = {
    "signedServices": "ss",
    "signedResourceTypes": "srt",
    "signedPermission": "sp",
    "signedExpiry": "se",
    "signedStart": "st",
    "signedIp": "sip",
    "signedProtocol": "spr",
}
_SERVICE = {
    "signedResource": "sr",
    "signedPermission": "sp",
    "signedExpiry": "se",
    "signedStart": "st",
    "signedIp": "sip",
    "signedProtocol": "spr",
    "signedIdentifier": "si",
    "rscc": "rscc",
    "rscd": "rscd",
    "rsce": "rsce",
    "rscl": "rscl",
    "rsct": "rsct",
}


def account_token(account: str, key: str, body: Mapping[str, Any]) -> str:
    """Return an account SAS.

    Raises:
        ArmError: 400, something mandatory is missing.
    """
    mandatory = (
        "signedServices",
        "signedResourceTypes",
        "signedPermission",
        "signedExpiry",
    )
    fields = _fields(body, _ACCOUNT, mandatory)
    return _joined(fields, sign(key, signature.account_sas(account, fields)))


def service_token(key: str, body: Mapping[str, Any]) -> str:
    """Return a SAS of a container or blob; `canonicalizedResource` names it.

    Raises:
        ArmError: 400, something mandatory is missing.
    """
    fields = _fields(body, _SERVICE, ("canonicalizedResource", "signedResource"))
    named = str(body["canonicalizedResource"])
    resource = "/" + named.removeprefix("/blob/").removeprefix("/")
    return _joined(fields, sign(key, signature.service_sas(resource, fields)))


def _fields(
    body: Mapping[str, Any], names: Mapping[str, str], mandatory: tuple[str, ...]
) -> dict[str, str]:
    missing = [name for name in mandatory if not body.get(name)]
    if missing:
        raise bad_request(
            "InvalidValuesForRequestParameters",
            f"Values for request parameters are invalid: {', '.join(missing)}.",
        )
    given = {short: str(body[name]) for name, short in names.items() if body.get(name)}
    return {"sv": VERSION, **given}


def _joined(fields: Mapping[str, str], sig: str) -> str:
    return urllib.parse.urlencode({**fields, "sig": sig}, quote_via=urllib.parse.quote)
