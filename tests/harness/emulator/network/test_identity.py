"""Identities, roles and autoscale settings, as far as templates need them."""

from __future__ import annotations

import urllib.parse
import uuid

import pytest

ASSIGNMENTS = "providers/Microsoft.Authorization/roleAssignments"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
PROFILE = {"name": "p", "capacity": {"minimum": "1", "maximum": "3", "default": "2"}}


def at(group, path: str) -> str:
    return f"{group.id}/providers/{path}"


def test_an_identity_keeps_its_ids(group) -> None:
    path = at(group, "Microsoft.ManagedIdentity/userAssignedIdentities/web")
    made = group.ask("PUT", path, {"location": "westeurope"})
    again = group.ask("PUT", path, {"location": "westeurope", "tags": {"a": "b"}})
    assert again["properties"]["principalId"] == made["properties"]["principalId"]
    assert uuid.UUID(made["properties"]["clientId"])


def test_a_role_is_assigned_once(group, refused) -> None:
    scope = "/subscriptions/" + group.id.split("/")[2]
    role = f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{READER}"
    body = {"properties": {"roleDefinitionId": role, "principalId": str(uuid.uuid4())}}
    name = str(uuid.uuid4())
    path = at(group, f"Microsoft.Authorization/roleAssignments/{name}")
    made = group.ask("PUT", path, body)
    assert made["properties"]["scope"] == group.id
    assert made["properties"]["principalType"] == "ServicePrincipal"
    assert made["name"] == name
    other = at(group, f"Microsoft.Authorization/roleAssignments/{uuid.uuid4()}")
    status, code, _ = refused(lambda: group.ask("PUT", other, body))
    assert (status, code) == (409, "RoleAssignmentExists")
    listed = group.ask("GET", at(group, "Microsoft.Authorization/roleAssignments"))
    assert [one["name"] for one in listed["value"]] == [name]


@pytest.mark.parametrize(
    ("name", "role", "code"),
    [
        pytest.param("web", READER, "InvalidRoleAssignmentId", id="no-guid"),
        pytest.param(
            str(uuid.UUID(int=1)),
            str(uuid.UUID(int=2)),
            "RoleDefinitionDoesNotExist",
            id="no-such-role",
        ),
    ],
)
def test_a_wrong_assignment_is_refused(group, refused, name, role, code) -> None:
    path = at(group, f"Microsoft.Authorization/roleAssignments/{name}")
    roles = "/providers/Microsoft.Authorization/roleDefinitions"
    body = {
        "properties": {
            "roleDefinitionId": f"{roles}/{role}",
            "principalId": str(uuid.uuid4()),
        }
    }
    assert refused(lambda: group.ask("PUT", path, body))[1] == code


@pytest.fixture
def assigned(group):
    """A role of somebody at a group, and one of somebody else at what is in it."""
    identity = at(group, "Microsoft.ManagedIdentity/userAssignedIdentities/web")
    group.ask("PUT", identity, {"location": "westeurope"})
    somebody, else_ = (str(uuid.uuid4()) for _ in range(2))
    for scope, principal in ((group.id, somebody), (identity, else_)):
        role = f"/providers/Microsoft.Authorization/roleDefinitions/{READER}"
        body = {"properties": {"roleDefinitionId": role, "principalId": principal}}
        group.ask("PUT", f"{scope}/{ASSIGNMENTS}/{uuid.uuid4()}", body)
    return {"group": group.id, "web": identity}, {"x": somebody, "y": else_}


@pytest.mark.parametrize(
    ("scope", "wanted", "listed"),
    [
        pytest.param("group", "", "xy", id="at-and-below"),
        pytest.param("group", "atScope()", "x", id="at"),
        pytest.param("group", "principalId eq '{y}'", "y", id="principal-below"),
        pytest.param("group", "atScope() and assignedTo('{y}')", "", id="both"),
        pytest.param("group", "assignedTo('{x}') AND atScope()", "x", id="turned"),
        pytest.param("web", "", "xy", id="above-and-at"),
        pytest.param("web", "principalId eq {x}", "x", id="above"),
        pytest.param("web", "assignedTo('{y}')", "y", id="of-somebody"),
    ],
)
def test_role_assignments_are_listed_as_the_filter_says(
    group, assigned, scope, wanted, listed
) -> None:
    scopes, principals = assigned
    asked = urllib.parse.quote(wanted.format(**principals))
    found = group.ask("GET", f"{scopes[scope]}/{ASSIGNMENTS}?$filter={asked}")["value"]
    names = {principal: name for name, principal in principals.items()}
    told = [names.get(one["properties"]["principalId"], "") for one in found]
    assert "".join(told) == listed


@pytest.mark.parametrize(
    "asked", ["atScope() and principalId eq 'x'", "atScope() and atScope()"]
)
def test_a_filter_of_role_assignments_that_is_none_is_refused(
    group, refused, asked
) -> None:
    path = f"{group.id}/{ASSIGNMENTS}?$filter={urllib.parse.quote(asked)}"
    status, code, message = refused(lambda: group.ask("GET", path))
    assert (status, code) == (400, "InvalidFilterInQueryString")
    assert message == (
        f"Invalid $filter '{asked}' specified in the query string. This embedded Azure "
        "reads atScope(), principalId eq '...', assignedTo('...') and atScope() and "
        "assignedTo('...') of role assignments."
    )


def test_roles_are_listed_by_name(group) -> None:
    scope = "/subscriptions/" + group.id.split("/")[2]
    path = f"{scope}/providers/Microsoft.Authorization/roleDefinitions"
    found = group.ask("GET", f"{path}?$filter=roleName%20eq%20'Reader'")["value"]
    assert [one["name"] for one in found] == [READER]
    assert group.ask("GET", f"{path}/{READER}")["properties"]["roleName"] == "Reader"


def test_a_role_of_ones_own_shows_all_kinds_of_permissions(group) -> None:
    path = at(group, f"Microsoft.Authorization/roleDefinitions/{uuid.uuid4()}")
    permission = {"actions": ["Microsoft.Compute/virtualMachines/restart/action"]}
    properties = {"roleName": "Restarter", "permissions": [permission]}
    made = group.ask("PUT", path, {"properties": properties})
    assert made["properties"]["permissions"] == [
        permission | {"notActions": [], "dataActions": [], "notDataActions": []}
    ]


def test_an_autoscale_setting_is_checked_and_kept(group, refused) -> None:
    path = at(group, "Microsoft.Insights/autoscaleSettings/web")
    body = {"location": "westeurope", "properties": {"profiles": [PROFILE]}}
    made = group.ask("PUT", path, body)
    assert made["properties"]["enabled"] is True
    body["properties"]["profiles"] = []
    assert refused(lambda: group.ask("PUT", path, body)) == (
        400,
        "InvalidAutoscaleSetting",
        f"{path} has 0 profiles; it must have from 1 to 20.",
    )
