"""Managed identities of machines and scale sets."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError


@pytest.fixture
def identity(estate: Any) -> Any:
    """A user-assigned identity."""
    kind = "Microsoft.ManagedIdentity/userAssignedIdentities"
    path = f"{estate.here.rpartition('/')[0]}/{kind}/own"
    return estate.azure.ask("PUT", path, {"location": "westeurope"})[2]


def test_a_scale_set_has_the_identities_that_it_is_given(
    estate: Any, first: str, identity: Any
) -> None:
    given = {
        "type": "systemassigned,UserAssigned",
        "userAssignedIdentities": {identity["id"]: {}},
    }
    body = estate.scale_set(first, capacity=0) | {"identity": given}
    shown = estate.deploy("known", body).identity
    assert shown.type == "SystemAssigned, UserAssigned"
    assert shown.tenant_id == estate.azure.endpoint["tenant"]
    assert len(shown.principal_id) == 36
    (own,) = shown.user_assigned_identities.values()
    assert own.client_id == identity["properties"]["clientId"]
    again = estate.deploy("known", body).identity
    assert again.principal_id == shown.principal_id
    estate.compute.virtual_machine_scale_sets.begin_delete(
        estate.group, "known"
    ).result()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param(
            {"type": "Mine"},
            "(InvalidParameter) The value 'Mine' of parameter 'identity.type' is "
            "invalid: expected None, SystemAssigned, UserAssigned or 'SystemAssigned, "
            "UserAssigned'.",
            id="no-such-type",
        ),
        pytest.param(
            {"type": "UserAssigned"},
            "(InvalidIdentityValues) Invalid value for the identities '': the "
            "'UserAssigned' identity type needs the id of at least one identity.",
            id="none-named",
        ),
    ],
)
def test_an_identity_that_cannot_be_is_refused(
    estate: Any, first: str, given: Any, message: str
) -> None:
    with pytest.raises(HttpResponseError) as caught:
        estate.deploy("unknown", estate.scale_set(first) | {"identity": given})
    assert str(caught.value).splitlines()[0] == message


def test_a_null_is_a_property_that_is_not_there(estate: Any, first: str) -> None:
    body = estate.scale_set(first, capacity=0, singlePlacementGroup=None)
    body["tags"] = None
    estate.deploy("sparse", body)
    path = f"{estate.here}/virtualMachineScaleSets/sparse"
    shown = estate.azure.ask("GET", path)[2]
    assert shown["properties"]["singlePlacementGroup"] is True
    assert "tags" not in shown
    estate.compute.virtual_machine_scale_sets.begin_delete(
        estate.group, "sparse"
    ).result()
