"""Microsoft Graph, as far as role assignments need it: the service principals.

The command-line client looks up there whom a role is given to. There are the one
principal's own and those of managed identities.
https://learn.microsoft.com/graph/api/resources/serviceprincipal
"""

from __future__ import annotations

import re
from typing import Any

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError, bad_request
from release.emulator.kinds import Reply

_IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
_EQUALS = re.compile(r"(?P<what>\w+)(?:/any\(\w+:\w+)?\s+eq\s+'(?P<value>[^']*)'")
PREFIX = "/v1.0/"


def answer(cloud: Cloud, method: str, path: str, wanted: str, body: Any) -> Reply:
    """Answer a request below ``/v1.0/``.

    Args:
        cloud: Who is there.
        method: The method.
        path: The whole path.
        wanted: The ``$filter``.
        body: The request's body.

    Raises:
        ArmError: 404 for all else that Graph has.
    """
    words = [word.lower() for word in path.removeprefix(PREFIX).split("/") if word]
    there = _principals(cloud)
    if method == "POST" and words == ["directoryobjects", "getbyids"]:
        wanted_ids = body.get("ids") if isinstance(body, dict) else None
        if not isinstance(wanted_ids, list):
            raise bad_request("Request_BadRequest", "ids: expected a list of ids.")
        ids = {str(one).lower() for one in wanted_ids}
        return Reply(body={"value": [one for one in there if one["id"] in ids]})
    if method == "GET" and words == ["serviceprincipals"]:
        return Reply(body={"value": [one for one in there if _kept(one, wanted)]})
    if method == "GET" and len(words) == 2 and words[0] == "serviceprincipals":  # noqa: PLR2004
        for one in there:
            if one["id"] == words[1]:
                return Reply(body=one)
        raise ArmError(
            404,
            "Request_ResourceNotFound",
            f"Resource '{words[1]}' does not exist or one of its queried "
            "reference-property objects are not present.",
        )
    if method == "GET" and words in (["users"], ["groups"], ["applications"]):
        return Reply(body={"value": []})
    if words == ["me"]:
        raise bad_request(
            "BadRequest",
            "/me request is only valid with delegated authentication flow.",
        )
    raise ArmError(
        404,
        "Request_ResourceNotFound",
        f"'{method} {path}' is not served: of Microsoft Graph this embedded Azure has "
        "GET servicePrincipals, GET servicePrincipals/{id} and POST "
        "directoryObjects/getByIds.",
    )


def _principals(cloud: Cloud) -> list[dict[str, Any]]:
    own = cloud.identity
    found = [_principal(own.object_id, own.client_id, "Embedded Azure", "Application")]
    for identity in cloud.store.of_type(_IDENTITY):
        ids = identity.properties
        name, kind = identity.id.name, "ManagedIdentity"
        found.append(_principal(ids["principalId"], ids["clientId"], name, kind))
    return found


def _principal(object_id: str, client_id: str, name: str, kind: str) -> dict[str, Any]:
    return {
        "@odata.type": "#microsoft.graph.servicePrincipal",
        "id": object_id,
        "appId": client_id,
        "displayName": name,
        "servicePrincipalType": kind,
        "servicePrincipalNames": [client_id],
    }


def _kept(principal: dict[str, Any], wanted: str) -> bool:
    for clause in _EQUALS.finditer(wanted):
        what, value = clause["what"], clause["value"].lower()
        names = {
            "serviceprincipalnames": principal["appId"],
            "appid": principal["appId"],
            "displayname": principal["displayName"].lower(),
            "id": principal["id"],
        }
        if names.get(what.lower()) == value:
            return True
    return not wanted
