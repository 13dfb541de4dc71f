"""Microsoft Graph, as far as the command-line client asks it for principals."""

from __future__ import annotations

import pytest

PRINCIPALS = "/v1.0/servicePrincipals"


@pytest.fixture
def identity(azure):
    """Ids of a managed identity."""
    azure.resources.resource_groups.create_or_update("graph", {"location": "westus2"})
    of = "providers/Microsoft.ManagedIdentity/userAssignedIdentities/somebody"
    path = f"{azure.scope}/resourceGroups/graph/{of}"
    yield azure.ask("PUT", path, {"location": "westus2"})[2]["properties"]
    azure.resources.resource_groups.begin_delete("graph").result()


def found(azure, wanted: str) -> list[str]:
    path = f"{PRINCIPALS}?$filter={wanted}"
    return [one["displayName"] for one in azure.ask("GET", path)[2]["value"]]


def test_the_one_principal_is_found_by_its_client_id(azure) -> None:
    own = azure.endpoint["client_id"]
    by_name = f"servicePrincipalNames/any(c:c eq '{own}')"
    assert found(azure, by_name) == ["Embedded Azure"]
    assert found(azure, "appId eq '00000000-0000-0000-0000-000000000000'") == []


def test_a_managed_identity_is_a_principal_as_well(azure, identity) -> None:
    assert found(azure, "displayName eq 'somebody'") == ["somebody"]
    path = f"{PRINCIPALS}/{identity['principalId']}"
    assert azure.ask("GET", path)[2]["appId"] == identity["clientId"]
    asked = {"ids": [identity["principalId"], "nobody"]}
    listed = azure.ask("POST", "/v1.0/directoryObjects/getByIds", asked)[2]["value"]
    assert [one["id"] for one in listed] == [identity["principalId"]]


@pytest.mark.parametrize("body", [["a"], {}, {"ids": 5}])
def test_a_list_of_ids_is_expected(azure, body) -> None:
    status, _, answer = azure.ask("POST", "/v1.0/directoryObjects/getByIds", body)
    assert (status, answer["error"]["code"]) == (400, "Request_BadRequest")


def test_what_is_not_served_names_what_is(azure) -> None:
    status, _, answer = azure.ask("GET", "/v1.0/devices")
    assert (status, answer["error"]["message"]) == (
        404,
        (
            "'GET /v1.0/devices' is not served: of Microsoft Graph this embedded Azure "
            "has GET servicePrincipals, GET servicePrincipals/{id} and POST "
            "directoryObjects/getByIds."
        ),
    )


def test_a_service_principal_is_nobodys_me(azure) -> None:
    status, _, answer = azure.ask("GET", "/v1.0/me")
    assert (status, answer["error"]) == (
        400,
        {
            "code": "BadRequest",
            "message": "/me request is only valid with delegated authentication flow.",
        },
    )
