"""Managed identities that a resource has: whose they are, by which ids.

https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/overview
"""

from __future__ import annotations

import uuid

from release.emulator.errors import bad_request
from release.emulator.ids import parse
from release.emulator.kinds import Body, Write

_SYSTEM, _USER = "SystemAssigned", "UserAssigned"


def check_identity(write: Write) -> None:
    """Check a body's ``identity`` and fill in the ids of its principals."""
    given = write.body.get("identity")
    if not given:
        return
    kinds = {word.strip().lower() for word in str(given.get("type", "")).split(",")}
    if kinds == {"none"}:
        write.body["identity"] = {"type": "None"}
        return
    known = [name for name in (_SYSTEM, _USER) if name.lower() in kinds]
    if not known or len(known) != len(kinds):
        raise bad_request(
            "InvalidParameter",
            f"The value '{given.get('type', '')}' of parameter 'identity.type' is "
            f"invalid: expected None, {_SYSTEM}, {_USER} or '{_SYSTEM}, {_USER}'.",
            target="identity.type",
        )
    filled: Body = {"type": ", ".join(known)}
    if _SYSTEM in known:
        filled["principalId"] = str(uuid.uuid5(uuid.NAMESPACE_URL, write.id.key))
        filled["tenantId"] = write.cloud.identity.tenant
    if _USER in known:
        filled["userAssignedIdentities"] = _user_assigned(write, given)
    write.body["identity"] = filled


def _user_assigned(write: Write, given: Body) -> Body:
    wanted = given.get("userAssignedIdentities") or {}
    if not wanted:
        raise bad_request(
            "InvalidIdentityValues",
            "Invalid value for the identities '': the 'UserAssigned' identity type "
            "needs the id of at least one identity.",
            target="identity.userAssignedIdentities",
        )
    found = {}
    for text in wanted:
        identity = write.cloud.find(parse(text))
        if identity is None:
            raise bad_request(
                "FailedIdentityOperation",
                f"Identity operation for resource '{write.id}' failed with error "
                f"'The resource {text} was not found.'.",
                target="identity.userAssignedIdentities",
            )
        ids = ("principalId", "clientId")
        found[text] = {name: identity.properties[name] for name in ids}
    return found
