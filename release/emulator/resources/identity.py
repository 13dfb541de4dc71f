"""Microsoft.ManagedIdentity and Microsoft.Authorization, as far as templates need.

What they grant is `release.emulator.roles`.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError, bad_request, conflict
from release.emulator.ids import ResourceId, parse, resource_id
from release.emulator.kinds import Body, Call, Kind, Reply, Route, Write
from release.emulator.resources.scopes import scope_of
from release.emulator.roles import ASSIGNMENT, BUILT_IN, DEFINITION, covers
from release.emulator.store import Resource

USER_IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"


def prepare_identity(write: Write) -> Body:
    """Give an identity its ids, once."""
    before = write.existing.properties if write.existing else {}
    write.body["properties"] = {
        "tenantId": write.cloud.identity.tenant,
        "principalId": before.get("principalId") or str(uuid.uuid4()),
        "clientId": before.get("clientId") or str(uuid.uuid4()),
        "isolationScope": "None",
    }
    return write.body


# --- role assignments -----------------------------------------------------------


def prepare_assignment(write: Write) -> Body:
    """Check a role assignment; what it says cannot be changed."""
    _check_guid(write, "assignment")
    if write.id.scope:
        write.cloud.get(write.id.scope)
    sent: Body = write.body.get("properties") or {}
    for name in ("roleDefinitionId", "principalId"):
        if not sent.get(name):
            raise bad_request(
                "BadRequestFormat",
                f"The role assignment {write.id} has no {name}.",
                target=name,
            )
    role = _check_role(write.cloud, sent["roleDefinitionId"])
    if write.existing:
        _check_unchanged(write, sent)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
    before = write.existing.properties if write.existing else {}
    properties = {
        "roleDefinitionId": role,
        "principalId": sent["principalId"],
        "principalType": sent.get("principalType") or "ServicePrincipal",
        "scope": str(write.id.parent),
        "condition": sent.get("condition"),
        "conditionVersion": sent.get("conditionVersion"),
        "description": sent.get("description"),
        "createdOn": before.get("createdOn", now),
        "updatedOn": now,
    }
    _check_only_one(write, properties)
    return {"properties": properties}


def _check_role(cloud: Cloud, text: str) -> str:
    """Return the role's id below the subscription; it may be sent without one."""
    if text.lower().startswith("/providers/"):
        text = f"/subscriptions/{cloud.identity.subscription}{text}"
    wanted = parse(text)
    if find_definition(cloud, wanted) is None:
        raise ArmError(
            404,
            "RoleDefinitionDoesNotExist",
            f"The specified role definition with ID '{wanted.name}' does not exist.",
        )
    return text


def _check_guid(write: Write, what: str) -> None:
    try:
        uuid.UUID(write.id.name)
    except ValueError:
        raise bad_request(
            f"InvalidRole{what.capitalize()}Id",
            f"The role {what} ID '{write.id.name}' is not valid. The role {what} ID "
            "must be a GUID.",
        ) from None


def _check_unchanged(write: Write, sent: Body) -> None:
    assert write.existing is not None  # noqa: S101 - asked of an existing one
    before = write.existing.properties
    for name in ("roleDefinitionId", "principalId"):
        if str(before[name]).lower() != str(sent[name]).lower():
            raise bad_request(
                "RoleAssignmentUpdateNotPermitted",
                "Tenant ID, application ID, principal ID, and scope are not allowed to "
                "be updated.",
                target=name,
            )


def _check_only_one(write: Write, properties: Body) -> None:
    same = ("roleDefinitionId", "principalId", "scope")
    wanted = [str(properties[name]).lower() for name in same]
    for other in write.cloud.store.of_type(ASSIGNMENT):
        there = [str(other.properties[name]).lower() for name in same]
        if there == wanted and other.id.key != write.id.key:
            raise conflict(
                "RoleAssignmentExists",
                "The role assignment already exists. The ID of the conflicting role "
                f"assignment is {other.id.name.replace('-', '')}.",
            )


_ASKED = re.compile(
    r"(?P<at_scope>atScope\(\))"
    r"|assignedTo\('(?P<assigned>[-\w]+)'\)"
    r"|principalId\s+eq\s+'?(?P<principal>[-\w]+)'?",
    re.IGNORECASE,
)
_TOGETHER = ({"at_scope", "assigned"}, {"at_scope"}, {"assigned"}, {"principal"})


def _asked(text: str) -> dict[str, str]:
    """Return what a filter asks for, by its group in `_ASKED`; nothing for no filter.

    Raises:
        ArmError: 400 ``InvalidFilterInQueryString``.
    """
    parts = re.split(r"\s+and\s+", text, flags=re.IGNORECASE) if text else []
    found = [(m.lastgroup or "", m) for m in map(_ASKED.fullmatch, parts) if m]
    asked = {name: match[name] for name, match in found}
    if len(asked) != len(parts) or (asked and set(asked) not in _TOGETHER):
        raise bad_request(
            "InvalidFilterInQueryString",
            f"Invalid $filter '{text}' specified in the query string. This embedded "
            "Azure reads atScope(), principalId eq '...', assignedTo('...') and "
            "atScope() and assignedTo('...') of role assignments.",
        )
    return asked


async def list_assignments(call: Call) -> Reply:
    """List the role assignments at, above and below a scope; $filter as Azure's.

    ``atScope()`` and ``principalId`` do not go together.
    https://learn.microsoft.com/rest/api/authorization/role-assignments/list-for-scope
    https://github.com/Azure/azure-cli, ``_search_role_assignments``
    """
    scope = scope_of(call.cloud, call.names["scope"])
    call.cloud.roles.check(f"{ASSIGNMENT}/read", scope)
    asked = _asked(call.query.get("$filter", "").strip())
    principal = asked.get("assigned") or asked.get("principal")
    value = [
        call.cloud.show(assignment, call)
        for assignment in call.cloud.store.of_type(ASSIGNMENT)
        if covers(assignment.properties["scope"], scope)
        or ("at_scope" not in asked and assignment.id.under(scope))
        if not principal
        or assignment.properties["principalId"].lower() == principal.lower()
    ]
    return Reply(body={"value": value})


# --- role definitions -----------------------------------------------------------


def _built_in(subscription: str, name: str) -> Resource | None:
    found = BUILT_IN.get(name.lower())
    if found is None:
        return None
    role, permission = found
    own = ResourceId(
        subscription,
        namespace="Microsoft.Authorization",
        pairs=(("roleDefinitions", name.lower()),),
    )
    properties = {
        "roleName": role,
        "type": "BuiltInRole",
        "description": f"Azure's built-in role {role}.",
        "assignableScopes": ["/"],
        "permissions": [permission],
    }
    body = {
        "id": str(own),
        "name": name.lower(),
        "type": DEFINITION,
        "properties": properties,
    }
    return Resource(id=own, body=body, version=1)


def find_definition(cloud: Cloud, wanted: ResourceId) -> Resource | None:
    """Find a role, a built-in one or one that was written, from any scope."""
    subscription = wanted.subscription or cloud.identity.subscription
    return cloud.store.get(wanted) or _built_in(subscription, wanted.name)


_NONE_PERMITTED: Body = {
    "actions": [],
    "notActions": [],
    "dataActions": [],
    "notDataActions": [],
}


def prepare_definition(write: Write) -> Body:
    """Check a role of one's own."""
    _check_guid(write, "definition")
    properties: Body = write.body.setdefault("properties", {})
    if write.id.name.lower() in BUILT_IN or not properties.get("roleName"):
        raise bad_request(
            "InvalidRoleDefinition",
            f"The role definition {write.id} must have a roleName and must not be a "
            "built-in one.",
        )
    properties["type"] = "CustomRole"
    properties.setdefault("assignableScopes", [str(write.id.parent)])
    properties["permissions"] = [
        {**_NONE_PERMITTED, **given} for given in properties.get("permissions") or ()
    ]
    return write.body


_NAMED = re.compile(r"roleName\s+eq\s+'([^']*)'", re.IGNORECASE)


async def list_definitions(call: Call) -> Reply:
    """List the roles; $filter by roleName."""
    subscription = call.names["subscription"]
    found = [
        role for name in BUILT_IN if (role := _built_in(subscription, name)) is not None
    ]
    found += call.cloud.store.of_type(DEFINITION)
    named = _NAMED.search(call.query.get("$filter", ""))
    if named:
        wanted = named[1].lower()
        found = [r for r in found if r.properties["roleName"].lower() == wanted]
    return Reply(body={"value": [call.cloud.show(role, call) for role in found]})


async def show_definition(call: Call) -> Reply:
    """Show a built-in role by its id without a subscription."""
    role = _built_in(call.cloud.identity.subscription, call.names["name"])
    if role is None:
        raise ArmError(
            404,
            "RoleDefinitionDoesNotExist",
            f"The specified role definition with ID '{call.names['name']}' does not "
            "exist.",
        )
    return Reply(body=role.body)


async def list_permissions(call: Call) -> Reply:
    """List what the caller may do at a subscription, a group or a resource."""
    names = call.names
    scope = ResourceId(names["subscription"], names.get("group", ""))
    if "type" in names:
        kind = f"{names['namespace']}/{names['type']}"
        scope = resource_id(scope.subscription, scope.group, kind, names["name"])
    if scope.group:
        call.cloud.get(scope)
    return Reply(body={"value": call.cloud.roles.permissions(scope)})


KINDS = (
    Kind(type=USER_IDENTITY, prepare=prepare_identity, removes_at_once=True),
    Kind(
        type=ASSIGNMENT,
        needs_location=False,
        prepare=prepare_assignment,
        removes_at_once=True,
        shows_removed=True,
    ),
    Kind(
        type=DEFINITION,
        needs_location=False,
        prepare=prepare_definition,
        removes_at_once=True,
        shows_removed=True,
        find=find_definition,
    ),
)
_LISTED = "providers/Microsoft.Authorization/roleDefinitions"
_PERMISSIONS = "/providers/Microsoft.Authorization/permissions"
_SUBSCRIPTION = "/subscriptions/{subscription}"
_GROUP = _SUBSCRIPTION + "/resourceGroups/{group}"
_RESOURCE = _GROUP + "/providers/{namespace}/{type}/{name}"
ROUTES = (
    Route(
        method="GET",
        pattern=f"{{scope*}}/providers/{ASSIGNMENT}",
        answer=list_assignments,
    ),
    Route(
        method="GET",
        pattern=f"/subscriptions/{{subscription}}/{_LISTED}",
        answer=list_definitions,
    ),
    Route(
        method="GET",
        pattern=f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/{_LISTED}",
        answer=list_definitions,
    ),
    Route(method="GET", pattern=f"/{_LISTED}/{{name}}", answer=show_definition),
    *(
        Route(method="GET", pattern=f"{scope}{_PERMISSIONS}", answer=list_permissions)
        for scope in (_SUBSCRIPTION, _GROUP, _RESOURCE)
    ),
)
