"""A machine's own identity and the login of az: a token, and a real request with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from release import doctor
from release.azure.clients import Azure
from release.environments import connect
from release.errors import AzureError
from release.settings import load
from tests.harness.cloud.test_credentials import CLIENT, TENANT, TOML
from tests.harness.entra import Machine, Principal, machine

AZ = """#!{python}
import json, sys, urllib.request
given = sys.argv[1:]
open({log!r}, "a").write(" ".join(given) + "\\n")
if given[:2] == ["account", "show"]:
    print("somebody@example.net")
elif given[:2] == ["account", "get-access-token"]:
    resource = given[given.index("--resource") + 1]
    bearing = {{"X-IDENTITY-HEADER": "of-the-machine"}}
    asked = urllib.request.Request("{url}/az?resource=" + resource, headers=bearing)
    told = json.load(urllib.request.urlopen(asked))
    print(json.dumps({{
        "accessToken": told["access_token"],
        "expires_on": int(told["expires_on"]),
        "tenant": "{tenant}",
        "tokenType": "Bearer",
    }}))
"""
SIGNED_OUT = """#!/bin/sh
echo "ERROR: Please run 'az login' to setup account." >&2
exit 1
"""
IMDS = "AZURE_POD_IDENTITY_AUTHORITY_HOST"
"""Read by Microsoft's clients; elsewhere it is 169.254.169.254."""


@pytest.fixture
def here(
    azure: Azure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Machine]:
    """A machine that has an identity, and no az; it releases to the embedded Azure."""
    endpoint = azure.endpoint
    (tmp_path / "release.toml").write_text(
        TOML.format(
            arm=endpoint.arm_url,
            blob=endpoint.blob_url,
            ca=endpoint.ca,
            subscription=endpoint.subscription,
        )
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    with machine(azure) as made:
        yield made


def listed(folder: Path, variables: dict[str, str]) -> int:
    """Sign in by variables alone, and ask something; return how often, twice."""
    azure = connect(load(folder, "qa", options={}, variables=variables))
    try:
        for _ in range(2):
            assert list(azure.resources.resource_groups.list()) is not None
        assert azure.asked("/subscriptions", api_version="2022-12-01")["value"]
    finally:
        azure.close()
    return 3


def looked(folder: Path, variables: dict[str, str]) -> dict[str, doctor.Check]:
    found = doctor.examine(
        folder, "qa", options={}, variables={"PATH": str(folder), **variables}
    )
    return {each.name: each for each in found if each.topic == "credential"}


def lacks_a_role(azure: Azure, folder: Path, variables: dict[str, str]) -> str:
    """Take all roles away; return what doctor says to do."""
    principal = Principal(azure)
    principal.put(owner=False)
    try:
        return looked(folder, variables)["role Storage Blob Data Contributor"].fix
    finally:
        principal.put(owner=True)


@pytest.mark.parametrize(
    ("endpoint", "asks", "why"),
    [
        pytest.param(
            IMDS, "/metadata/identity/oauth2/token", "ARM_USE_MSI is true", id="vm"
        ),
        pytest.param(
            "IDENTITY_ENDPOINT", "/msi/token", "IDENTITY_ENDPOINT is set", id="app"
        ),
    ],
)
@pytest.mark.parametrize("client", ["", CLIENT], ids=["system", "user"])
def test_a_managed_identity_signs_in(  # noqa: PLR0917 - a table
    here: Machine,
    azure: Azure,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    endpoint: str,
    asks: str,
    why: str,
    client: str,
) -> None:
    is_vm = endpoint == IMDS
    told = {endpoint: here.url if is_vm else f"{here.url}/msi/token"}
    told |= {} if is_vm else {"IDENTITY_HEADER": "of-the-machine"}
    for name, text in told.items():
        monkeypatch.setenv(name, text)
    variables = told | ({"ARM_USE_MSI": "true"} if is_vm else {})
    variables |= {"ARM_CLIENT_ID": client} if client else {}

    listed(tmp_path, variables)

    (path,) = {each.partition("?")[0] for each in here.asked}
    assert path == asks
    assert all((f"client_id={client}" in each) == bool(client) for each in here.asked)
    whose = f"{client}, assigned by a user" if client else "of this machine"
    said = looked(tmp_path, variables)
    assert (
        said["credential"].found.splitlines()[0] == f"managed identity: {whose}; {why}"
    )
    assert said["roles"].found == "all that a release needs"
    assert lacks_a_role(azure, tmp_path, variables).startswith(
        "grant Storage Blob Data Contributor, or a role of your own"
    )


def test_a_machine_without_an_identity_is_told_soon(
    here: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(IMDS, "http://127.0.0.1:9")
    told = load(tmp_path, "qa", options={}, variables={"ARM_USE_MSI": "true"})
    with pytest.raises(AzureError) as caught:
        list_groups(connect(told))
    assert here.asked == []
    assert caught.value.what == (
        "listing resource groups failed: signing in was refused: "
        "ManagedIdentityCredential authentication unavailable, no response from the "
        "IMDS endpoint."
    )


def list_groups(azure: Azure) -> None:
    from release.azure import groups  # noqa: PLC0415 - as a release does

    groups.sweep(azure, NO_JOURNAL)  # type: ignore[arg-type]


class _NoJournal:
    path = Path("/nowhere")


NO_JOURNAL = _NoJournal()


@pytest.fixture
def az(here: Machine, tmp_path: Path) -> Path:
    """Az, as far as a release asks it; return what it was asked."""
    log = tmp_path / "az.log"
    program = tmp_path / "az"
    program.write_text(
        AZ.format(python=sys.executable, log=str(log), url=here.url, tenant=TENANT)
    )
    program.chmod(0o755)
    return log


@pytest.mark.parametrize("tenant", ["", TENANT], ids=["default", "tenant"])
def test_the_login_of_az_signs_in(
    az: Path, azure: Azure, tmp_path: Path, tenant: str
) -> None:
    variables = {"ARM_TENANT_ID": tenant} if tenant else {}

    listed(tmp_path, variables)

    asked = az.read_text().splitlines()
    assert len(asked) < 3, asked
    in_tenant = f" --tenant {tenant}" if tenant else ""
    command = "account get-access-token --output json --resource "
    assert set(asked) == {f"{command}https://management.azure.com{in_tenant}"}
    said = looked(tmp_path, variables)
    assert said["credential"].found.splitlines()[0] == (
        "Azure CLI as somebody@example.net: az is installed, and nothing else is given"
    )
    assert said["roles"].found == "all that a release needs"
    assert lacks_a_role(azure, tmp_path, variables).startswith(
        "grant Storage Blob Data Contributor, or a role of your own"
    )


def test_who_is_not_logged_in_is_told_to(here: Machine, tmp_path: Path) -> None:
    program = tmp_path / "az"
    program.write_text(SIGNED_OUT)
    program.chmod(0o755)
    assert looked(tmp_path, {})["credential"].fix == "run az login"
    told = load(tmp_path, "qa", options={}, variables={})
    with pytest.raises(AzureError) as caught:
        list_groups(connect(told))
    assert here.asked == []
    assert str(caught.value) == (
        "listing resource groups failed: signing in was refused: Please run 'az login' "
        "to set up an account\n  fix: check ARM_TENANT_ID, ARM_CLIENT_ID and "
        "ARM_CLIENT_SECRET, or sign in with az login"
    )
