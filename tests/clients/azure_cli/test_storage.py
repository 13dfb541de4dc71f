"""Storage accounts, and blobs at the data plane's own address."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.usefixtures("connected")
NAME = "clistore"


@pytest.fixture(scope="module")
def connected(az, group) -> str:
    """The connection string of an account."""
    made = az(f"storage account create -g {group} -n {NAME} --sku Standard_LRS")
    assert (made["name"], made["provisioningState"]) == (NAME, "Succeeded")
    of = f"storage account show-connection-string -g {group} -n {NAME}"
    return str(az(of)["connectionString"])


def test_an_account_is_shown_listed_and_changed(az, embedded) -> None:
    az(f"storage account update -n {NAME} --tags a=b")
    shown = az(f"storage account show -n {NAME}")
    assert shown["tags"] == {"a": "b"}
    assert shown["primaryEndpoints"]["blob"] == f"{embedded.blob}/{NAME}/"
    assert az("storage account list --query [].name") == [NAME]
    usage = az("storage account show-usage -l westus2")
    assert usage["currentValue"] == 1


def test_keys_are_listed_and_renewed(az, group) -> None:
    of = f"-g {group} -n {NAME}"
    columns = az.columns(f"storage account keys list {of}")
    assert columns == ["CreationTime", "KeyName", "Permissions", "Value"]
    before = az(f"storage account keys list {of} --query [].value")
    after = az(f"storage account keys renew {of} --key key2 --query [].value")
    assert (before[0], before[1] != after[1]) == (after[0], True)


def test_names_are_checked(az) -> None:
    taken = az(f"storage account check-name -n {NAME}")
    assert (taken["nameAvailable"], taken["reason"]) == (False, "AlreadyExists")
    assert az("storage account check-name -n nobodysstore")["nameAvailable"] is True


def test_containers_and_blobs_by_connection_string(az, connected) -> None:
    with_it = f"--connection-string '{connected}'"
    assert az(f"storage container create -n things {with_it}") == {"created": True}
    columns = az.columns(f"storage container list {with_it}")
    assert columns == ["Name", "Lease", "Status", "Last", "Modified"]
    sent = az.write("sent.txt", "hello")
    of = f"-c things -n note.txt {with_it}"
    az(f"storage blob upload {of} -f {sent}")
    assert az(f"storage blob exists {of}") == {"exists": True}
    assert az(f"storage blob list -c things {with_it} --query [].name") == ["note.txt"]
    assert az(f"storage blob show {of} --query properties.contentLength") == 5
    az(f"storage blob download {of} -f {sent}.back")
    assert (az.folder / "sent.txt.back").read_text() == "hello"
    az(f"storage blob delete {of}")
    az(f"storage container delete -n things {with_it}")


def test_containers_as_resources_and_blobs_by_token(az, embedded) -> None:
    az(f"storage container-rm create --storage-account {NAME} -n kept")
    where = f"--blob-endpoint {embedded.blob}/{NAME} --auth-mode login"
    assert az(f"storage container exists -n kept {where}") == {"exists": True}
    listed = f"storage container-rm list --storage-account {NAME}"
    assert az(f"{listed} --query [].name") == ["kept"]
    az(f"storage container-rm delete --storage-account {NAME} -n kept -y")


def test_an_account_is_deleted(az, group) -> None:
    az(f"storage account create -g {group} -n briefstore --sku Standard_LRS")
    az(f"storage account delete -g {group} -n briefstore -y")
    assert az("storage account check-name -n briefstore")["nameAvailable"] is True
