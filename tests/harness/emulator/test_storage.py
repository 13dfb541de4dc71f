"""Storage accounts through the Resource Manager, and their blobs, with real SDKs."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.rest import HttpRequest
from azure.storage.blob import BlobServiceClient, generate_blob_sas

from release.emulator.blobs import signature
from release.emulator.blobs.accounts import sign
from release.emulator.faults import read
from release.emulator.resources.storage import sas
from tests.harness.emulator.conftest import Running

VERSION = "2023-05-01"


def request(
    azure: Running, method: str, path: str, body: object = None
) -> dict[str, Any]:
    """Ask the Resource Manager as any client may."""
    separator = "&" if "?" in path else "?"
    answer = azure.resources.send_request(
        HttpRequest(method, f"{path}{separator}api-version={VERSION}", json=body)
    )
    answer.raise_for_status()
    found: dict[str, Any] = answer.json() if answer.text().strip() else {}
    return found


@pytest.fixture(scope="module")
def group(azure: Running) -> Iterator[str]:
    azure.resources.resource_groups.create_or_update(
        "stores", {"location": "westeurope"}
    )
    yield f"/subscriptions/{azure.endpoint['subscription']}/resourceGroups/stores"
    azure.resources.resource_groups.begin_delete("stores").result()


@pytest.fixture
def account(azure: Running, group: str) -> Iterator[str]:
    made = f"{group}/providers/Microsoft.Storage/storageAccounts/shopdata"
    azure.resources.resources.begin_create_or_update_by_id(
        made,
        {
            "location": "West Europe",
            "sku": {"name": "Standard_LRS"},
            "kind": "StorageV2",
        },
        api_version=VERSION,
    ).result()
    yield made
    request(azure, "DELETE", made)


def client(azure: Running, account: str, credential: object) -> BlobServiceClient:
    found = request(azure, "GET", account)
    return BlobServiceClient(
        found["properties"]["primaryEndpoints"]["blob"],
        credential=credential,
        connection_verify=azure.endpoint["ca"],
        retry_total=0,
    )


def test_an_account_shows_what_azure_shows(azure: Running, account: str) -> None:
    found = request(azure, "GET", account)

    assert found["name"] == "shopdata"
    assert found["location"] == "westeurope"
    assert found["sku"] == {"name": "Standard_LRS", "tier": "Standard"}
    assert found["properties"]["primaryEndpoints"] == {
        "blob": f"{azure.endpoint['blob']}/shopdata/"
    }
    assert found["properties"]["provisioningState"] == "Succeeded"
    assert "keys" not in str(found)


def test_a_change_of_it_has_ended_when_it_is_answered(
    azure: Running, account: str
) -> None:
    """The SDKs until 2021 know no state Updating of an account."""
    status, headers, body = azure.ask(
        "PATCH", account, {"properties": {"accessTier": "Cool"}}
    )
    assert (status, "Azure-AsyncOperation" in headers) == (200, False)
    told = body["properties"]
    assert (told["provisioningState"], told["accessTier"]) == ("Succeeded", "Cool")


def test_it_may_have_an_identity(azure: Running, account: str) -> None:
    body = {"identity": {"type": "SystemAssigned"}}
    shown = request(azure, "PATCH", account, body)["identity"]
    assert (shown["type"], shown["tenantId"]) == (
        "SystemAssigned",
        azure.endpoint["tenant"],
    )
    assert shown["principalId"]


def test_its_keys_open_its_blobs_until_regenerated(
    azure: Running, account: str
) -> None:
    keys = request(azure, "POST", f"{account}/listKeys")["keys"]
    assert [key["keyName"] for key in keys] == ["key1", "key2"]
    with client(azure, account, keys[0]["value"]) as service:
        service.create_container("pictures")

        request(azure, "POST", f"{account}/regenerateKey", {"keyName": "key1"})

        with pytest.raises(HttpResponseError) as caught:
            service.create_container("more")
        assert caught.value.error_code == "AuthenticationFailed"


def test_a_service_principal_works_with_blobs_and_hands_out_access(
    azure: Running, account: str
) -> None:
    now = datetime.now(UTC)
    with client(azure, account, azure.credential) as service:
        container = service.create_container("payload")
        container.upload_blob("recipe.tar", b"files")
        key = service.get_user_delegation_key(now, now + timedelta(hours=1))
    sas = generate_blob_sas(
        "shopdata",
        "payload",
        "recipe.tar",
        user_delegation_key=key,
        permission="r",
        expiry=now + timedelta(minutes=5),
    )
    with client(azure, account, sas) as service:
        blob = service.get_blob_client("payload", "recipe.tar")
        assert blob.download_blob().readall() == b"files"


def test_a_token_for_another_service_opens_nothing(
    azure: Running, account: str
) -> None:
    class Manager:
        def get_token(self, *_scopes: str, **_options: object) -> object:
            return azure.token()

    with client(azure, account, Manager()) as service:
        with pytest.raises(HttpResponseError) as caught:
            list(service.list_containers())
        assert caught.value.error_code == "InvalidAuthenticationInfo"


def test_containers_are_the_same_from_both_sides(azure: Running, account: str) -> None:
    below = f"{account}/blobServices/default/containers"
    made = request(azure, "PUT", f"{below}/logs", {"properties": {}})
    assert made["properties"]["publicAccess"] == "None"
    with client(azure, account, azure.credential) as service:
        service.create_container("pictures")
        listed = request(azure, "GET", below)["value"]
        assert [one["name"] for one in listed] == ["logs", "pictures"]
        assert [one.name for one in service.list_containers()] == ["logs", "pictures"]

        service.delete_container("logs")
        request(azure, "DELETE", f"{below}/pictures")

        with pytest.raises(HttpResponseError, match="NotFound"):
            request(azure, "GET", f"{below}/logs")
        assert list(service.list_containers()) == []


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ({"1st": "x"}, "InvalidMetadata"),
        ({"a": 1}, "InvalidMetadata"),
        (["a"], "InvalidRequestContent"),
    ],
)
def test_metadata_of_a_container_is_checked(
    azure: Running, account: str, metadata: object, code: str
) -> None:
    path = f"{account}/blobServices/default/containers/logs"
    status, _, body = azure.ask("PUT", path, {"properties": {"metadata": metadata}})
    assert (status, body["error"]["code"]) == (400, code)


def test_a_deleted_account_takes_its_blobs_along(azure: Running, group: str) -> None:
    path = f"{group}/providers/Microsoft.Storage/storageAccounts/shortlived"
    body = {
        "location": "westeurope",
        "sku": {"name": "Standard_LRS"},
        "kind": "StorageV2",
    }
    begin = azure.resources.resources.begin_create_or_update_by_id
    begin(path, body, api_version=VERSION).result()
    with client(azure, path, azure.credential) as service:
        service.create_container("pictures").upload_blob("a", b"1")
        request(azure, "DELETE", path)
        with pytest.raises(ResourceNotFoundError, match="no storage account"):
            service.create_container("pictures")

        begin(path, body, api_version=VERSION).result()
        assert list(service.list_containers()) == []
        request(azure, "DELETE", path)


@pytest.mark.parametrize(
    ("name", "changes", "code"),
    [
        pytest.param("Not-A-Name", {}, "AccountNameInvalid", id="name"),
        pytest.param(
            "other",
            {"sku": {"name": "Standard_XRS"}},
            "InvalidValuesForRequestParameters",
            id="sku",
        ),
        pytest.param(
            "other", {"kind": None}, "InvalidValuesForRequestParameters", id="kind"
        ),
    ],
)
def test_a_bad_account_is_refused(
    azure: Running, group: str, name: str, changes: dict[str, Any], code: str
) -> None:
    body = {
        "location": "westeurope",
        "sku": {"name": "Standard_LRS"},
        "kind": "StorageV2",
    }

    with pytest.raises(HttpResponseError) as caught:
        azure.resources.resources.begin_create_or_update_by_id(
            f"{group}/providers/Microsoft.Storage/storageAccounts/{name}",
            body | changes,
            api_version=VERSION,
        )

    assert caught.value.error is not None
    assert caught.value.error.code == code


@pytest.mark.usefixtures("account")
def test_the_accounts_of_a_subscription_are_counted(azure: Running) -> None:
    others = azure.server.cloud.identity.others
    path = "providers/Microsoft.Storage/locations/westeurope/usages"
    own, other = (
        request(azure, "GET", f"/subscriptions/{one}/{path}")["value"][0]
        for one in (azure.endpoint["subscription"], others[0])
    )
    # Other tests' accounts are in the first subscription as well.
    assert own["currentValue"] > other["currentValue"] == 0


def test_a_name_is_taken_everywhere(azure: Running, account: str) -> None:
    path = account.rpartition("/providers")[0].rpartition("/resourceGroups")[0]

    found = request(
        azure,
        "POST",
        f"{path}/providers/Microsoft.Storage/checkNameAvailability",
        {"name": "shopdata", "type": "Microsoft.Storage/storageAccounts"},
    )

    assert found == {
        "nameAvailable": False,
        "reason": "AlreadyExists",
        "message": "The storage account named shopdata is already taken.",
    }


def test_a_signature_made_by_the_manager_works(azure: Running, account: str) -> None:
    token = request(
        azure,
        "POST",
        f"{account}/ListAccountSas",
        {
            "signedServices": "b",
            "signedResourceTypes": "sco",
            "signedPermission": "rwlc",
            "signedExpiry": "2099-01-01T00:00:00Z",
        },
    )["accountSasToken"]
    with client(azure, account, token) as service:
        service.create_container("signed")
        assert [one.name for one in service.list_containers()] == ["signed"]


def test_a_signature_is_made_with_the_key_that_is_named(
    azure: Running, account: str
) -> None:
    rights = {
        "signedServices": "b",
        "signedResourceTypes": "sco",
        "signedPermission": "rwlc",
        "signedExpiry": "2099-01-01T00:00:00Z",
        "keyToSign": "key2",
    }
    asked = f"{account}/ListAccountSas"
    token = request(azure, "POST", asked, rights)["accountSasToken"]
    request(azure, "POST", f"{account}/regenerateKey", {"keyName": "key1"})
    with client(azure, account, token) as service:
        service.create_container("signed")
        request(azure, "POST", f"{account}/regenerateKey", {"keyName": "key2"})
        with pytest.raises(HttpResponseError) as caught:
            service.create_container("more")
        assert caught.value.error_code == "AuthenticationFailed"
    status, _, told = azure.ask("POST", asked, rights | {"keyToSign": "key3"})
    assert status == 400
    assert told["error"]["message"] == (
        "Values for request parameters are invalid: keyToSign. Given 'key3', this "
        "account has key1, key2."
    )


@pytest.mark.parametrize("named", ["/blobstore/c", "/blob/blobstore/c"])
def test_a_signature_is_of_the_account_that_is_named(named: str) -> None:
    body = {"canonicalizedResource": named, "signedResource": "c"}
    signed = signature.service_sas("/blobstore/c", {"sv": sas.VERSION, "sr": "c"})
    token = sas.service_token("a2V5", body)
    assert dict(urllib.parse.parse_qsl(token))["sig"] == sign("a2V5", signed)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        pytest.param("a-b", 201, id="shortest"),
        pytest.param("ab", 400, id="too-short"),
        pytest.param("a-" * 31 + "b", 201, id="longest"),
        pytest.param("a-" * 31 + "bc", 400, id="too-long"),
        pytest.param("a--b", 400, id="two-hyphens"),
    ],
)
def test_a_container_has_a_name_as_azure_allows(
    azure: Running, account: str, name: str, status: int
) -> None:
    path = f"{account}/blobServices/default/containers/{name}"
    assert azure.ask("PUT", path, {})[0] == status


def test_what_clients_ask_of_blobs_is_listed_without_signatures(
    azure: Running, account: str
) -> None:
    sas = "sv=2024-11-04&sr=c&sp=l&se=2099-01-01T00%3A00%3A00Z&sig=c2VjcmV0"
    with client(azure, account, sas) as service, pytest.raises(HttpResponseError):
        list(service.get_container_client("pictures").list_blobs())

    asked = azure.requests()[-1]

    assert asked["path"] == f"{azure.endpoint['blob']}/shopdata/pictures"
    assert re.search(r"&sig=\*\*\*", asked["query"])
    assert "c2VjcmV0" not in asked["query"]


def test_a_busy_service_is_asked_again(azure: Running, account: str) -> None:
    cloud = azure.server.cloud
    cloud.faults.put(read({"faults": [{"kind": "throttled", "path": "/shopdata/*"}]}))

    with BlobServiceClient(
        f"{azure.endpoint['blob']}/shopdata",
        credential=azure.credential,
        connection_verify=azure.endpoint["ca"],
        initial_backoff=0,
        increment_base=0,
        random_jitter_range=0,
    ) as service:
        service.create_container("busy")

    asked = azure.requests()[-2:]
    assert [one["status"] for one in asked] == [503, 201]
    assert account.endswith("shopdata")


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({}, 400, "BadRequest"),
        ({"status": 403, "code": "AuthorizationFailed"}, 403, "AuthorizationFailed"),
        ({"status": 400, "code": "LeaseLost"}, 412, "LeaseLost"),
    ],
)
def test_a_refusal_may_have_any_code(
    azure: Running, account: str, fault: dict[str, Any], status: int, code: str
) -> None:
    refused = {"kind": "refused", "path": "/shopdata/*", **fault}
    azure.server.cloud.faults.put(read({"faults": [refused]}))
    with (
        client(azure, account, azure.credential) as service,
        pytest.raises(HttpResponseError) as caught,
    ):
        service.get_container_client("pictures").get_container_properties()
    assert caught.value.status_code == status
    assert caught.value.response is not None
    assert caught.value.response.headers["x-ms-error-code"] == code


def test_what_came_of_a_write_is_told_as_a_read_shows_it(
    azure: Running, group: str
) -> None:
    path = f"{group}/providers/Microsoft.Storage/storageAccounts/followed"
    body = {
        "location": "westeurope",
        "sku": {"name": "Standard_LRS"},
        "kind": "StorageV2",
    }
    by_name = {"Host": "management.azure.com"}
    _, headers, _ = azure.ask("PUT", path, body, **by_name)
    where = headers["Location"].removeprefix("https://management.azure.com")

    status, _, told = azure.ask("GET", where, **by_name)

    assert (status, told) == (200, azure.ask("GET", path, **by_name)[2])
    assert told["properties"]["primaryEndpoints"] == {
        "blob": "https://followed.blob.core.windows.net/"
    }


def test_a_template_makes_an_account_and_reads_its_keys(
    azure: Running, group: str
) -> None:
    kind = "Microsoft.Storage/storageAccounts"
    id_ = f"resourceId('{kind}', 'templated')"
    template = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/"
        "deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [
            {
                "type": kind,
                "apiVersion": VERSION,
                "name": "templated",
                "location": "[resourceGroup().location]",
                "sku": {"name": "Standard_LRS"},
                "kind": "StorageV2",
            },
            {
                "type": f"{kind}/blobServices/containers",
                "apiVersion": VERSION,
                "name": "templated/default/logs",
                "dependsOn": [f"[{id_}]"],
                "properties": {},
            },
        ],
        "outputs": {
            "blob": {
                "type": "string",
                "value": f"[reference({id_}, '{VERSION}').primaryEndpoints.blob]",
            },
            "key": {
                "type": "string",
                "value": f"[listKeys({id_}, '{VERSION}').keys[0].value]",
            },
        },
    }

    done = azure.deployments.deployments.begin_create_or_update(
        "stores",
        "accounts",
        {"properties": {"mode": "Incremental", "template": template}},
    ).result()

    outputs = done.properties.outputs
    with BlobServiceClient(
        outputs["blob"]["value"],
        credential=outputs["key"]["value"],
        connection_verify=azure.endpoint["ca"],
    ) as service:
        assert [one.name for one in service.list_containers()] == ["logs"]
    request(azure, "DELETE", f"{group}/providers/{kind}/templated")
