"""The Azure CLI comes in: clouds, accounts, tokens."""

from __future__ import annotations


def test_a_wrong_secret_is_refused_in_entras_words(make_stranger, embedded) -> None:
    status, told = make_stranger().refused(
        f"login --service-principal -u {embedded.client_id} -p wrong "
        f"--tenant {embedded.tenant}"
    )
    assert status == 1
    assert told.startswith("AADSTS7000215: Invalid client secret provided.")


def test_the_account_is_a_subscription(az, embedded) -> None:
    shown = az("account show")
    assert (shown["id"], shown["state"], shown["environmentName"]) == (
        embedded.subscription,
        "Enabled",
        "embedded",
    )
    assert az.columns("account list") == [
        "Name",
        "CloudName",
        "SubscriptionId",
        "TenantId",
        "State",
        "IsDefault",
    ]
    assert shown["id"] in [one["id"] for one in az("account list --refresh")]


def test_tokens_are_given_for_any_audience(az) -> None:
    for more in ("", "--resource https://storage.azure.com"):
        token = az(f"account get-access-token {more}")
        assert token["tokenType"] == "Bearer"


def test_locations_have_their_names(az) -> None:
    assert az.columns("account list-locations") == [
        "DisplayName",
        "Name",
        "RegionalDisplayName",
    ]
    where = "account list-locations --query \"[?name=='westus2'].displayName\""
    assert az(where) == ["West US 2"]


def test_a_request_of_ones_own_is_answered(az) -> None:
    url = "/subscriptions/{subscriptionId}?api-version=2022-12-01"
    assert az(f"rest --url {url}")["displayName"] == "Embedded Azure"


def test_providers_are_listed_shown_and_registered(az) -> None:
    listed = az("provider list --query [].namespace")
    assert {"Microsoft.Compute", "Microsoft.Network"} <= set(listed)
    az("provider register -n Microsoft.Compute --wait")
    shown = az("provider show -n Microsoft.Compute")
    assert shown["registrationState"] == "Registered"
    assert "virtualMachineScaleSets" in [
        one["resourceType"] for one in shown["resourceTypes"]
    ]
    status, said = az.refused("provider show -n Microsoft.KeyVault")
    assert (status, said.partition(" This embedded Azure has ")[0]) == (
        3,
        (
            "(InvalidResourceNamespace) The resource namespace 'Microsoft.KeyVault' is "
            "invalid."
        ),
    )


def test_a_role_is_given_looked_up_and_taken(az, embedded) -> None:
    who = f"--assignee {embedded.client_id}"
    scope = f"/subscriptions/{embedded.subscription}"
    az(f"role assignment create {who} --role Reader --scope {scope}")
    found = az(f"role assignment list {who} --all --query [].roleDefinitionName")
    assert found == ["Reader"]
    columns = az.columns(f"role assignment list --scope {scope}")
    assert columns == ["Principal", "Role", "Scope"]
    az(f"role assignment delete {who} --role Reader --scope {scope}")
    assert az(f"role assignment list {who} --all") == []
    assert az("role definition list --name Reader --query [].roleName") == ["Reader"]
