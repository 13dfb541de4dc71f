"""Capture as a VHD, as image builders of old ask for it, and what is made of it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest
from azure.storage.blob import BlobServiceClient

VERSION = "2018-04-01"
STORAGE_API = "2023-05-01"
ACCOUNT = "vhds"


@dataclass(frozen=True)
class Captured:
    """What came of a capture."""

    uri: str
    template: dict[str, Any]
    account_id: str
    blobs: BlobServiceClient


@pytest.fixture(scope="module")
def blobs(estate: Any) -> Iterator[BlobServiceClient]:
    """An account for VHDs."""
    body = {
        "location": "westeurope",
        "sku": {"name": "Standard_LRS"},
        "kind": "StorageV2",
    }
    made = estate.azure.resources.resources.begin_create_or_update_by_id(
        _account_id(estate), body, api_version=STORAGE_API
    ).result()
    keys = estate.azure.resources.send_request(
        HttpRequest("POST", f"{made.id}/listKeys?api-version={STORAGE_API}")
    ).json()["keys"]
    endpoint = made.properties["primaryEndpoints"]["blob"]
    with BlobServiceClient(
        endpoint.rstrip("/"),
        credential=keys[0]["value"],
        connection_verify=estate.azure.endpoint["ca"],
    ) as client:
        yield client


def _account_id(estate: Any) -> str:
    here: str = estate.here.replace("Microsoft.Compute", "Microsoft.Storage")
    return f"{here}/storageAccounts/{ACCOUNT}"


@pytest.fixture(scope="module")
def captured(estate: Any, blobs: BlobServiceClient) -> Captured:
    """A capture of a machine with one data disk, both VHDs in the account."""
    body = estate.vm("vhd")
    folder = f"{blobs.url.rstrip('/')}/images"
    body["properties"]["storageProfile"] |= {
        "osDisk": {
            "name": "disk",
            "createOption": "FromImage",
            "vhd": {"uri": f"{folder}/disk.vhd"},
        },
        "dataDisks": [
            {
                "lun": 0,
                "name": "data",
                "createOption": "Empty",
                "diskSizeGB": 10,
                "vhd": {"uri": f"{folder}/data.vhd"},
            }
        ],
    }
    vms = estate.compute.virtual_machines
    vms.begin_create_or_update(estate.group, "vhd", body).result()
    script = {"commandId": "RunShellScript", "script": ["echo v > /var/captured"]}
    vms.begin_run_command(estate.group, "vhd", script).result()
    vms.begin_deallocate(estate.group, "vhd").result()
    vms.generalize(estate.group, "vhd")
    template = _capture(estate)
    storage = template["resources"][0]["properties"]["storageProfile"]
    uri = storage["osDisk"]["image"]["uri"]
    vms.begin_delete(estate.group, "vhd").result()
    return Captured(uri, template, _account_id(estate), blobs)


def _capture(estate: Any) -> dict[str, Any]:
    """Capture as Packer does: the template is in the status of the operation."""
    client = estate.azure.resources
    machine = f"{estate.here}/virtualMachines/vhd"
    asked = {
        "vhdPrefix": "packer",
        "destinationContainerName": "images",
        "overwriteVhds": False,
    }
    accepted = client.send_request(
        HttpRequest("POST", f"{machine}/capture?api-version={VERSION}", json=asked)
    )
    assert accepted.status_code == 202
    assert accepted.headers["Retry-After"] == "1"
    assert "Location" in accepted.headers
    url = accepted.headers["Azure-AsyncOperation"]
    deadline = time.monotonic() + 20
    while True:
        found: dict[str, Any] = client.send_request(HttpRequest("GET", url)).json()
        if found["status"] != "InProgress":
            break
        assert time.monotonic() < deadline
    assert found["status"] == "Succeeded", found
    template: dict[str, Any] = found["properties"]["output"]
    return template


def test_the_template_names_the_vhds_where_azure_puts_them(captured: Captured) -> None:
    properties = captured.template["resources"][0]["properties"]
    assert properties["provisioningState"] == 0
    folder = re.escape(
        f"{captured.blobs.url.rstrip('/')}/system/Microsoft.Compute/Images/images/"
    )
    unique = r"([-0-9a-f]{36})\.vhd"
    found = re.fullmatch(folder + "packer-osDisk." + unique, captured.uri)
    assert found
    (data,) = properties["storageProfile"]["dataDisks"]
    assert data["image"]["uri"] == captured.uri.replace("osDisk", "dataDisk-0")


def test_the_vhds_and_the_template_are_blobs(captured: Captured) -> None:
    container = captured.blobs.get_container_client("system")
    seen = {blob.name: blob for blob in container.list_blobs()}
    assert sorted(blob.blob_type for blob in seen.values()) == [
        "BlockBlob",
        "PageBlob",
        "PageBlob",
    ]
    name = captured.uri.partition("/system/")[2]
    vhd = container.download_blob(name).readall()
    assert (vhd[-512:-504], len(vhd) % 2**20) == (b"conectix", 512)
    kept = name.replace("osDisk", "vmTemplate").replace(".vhd", ".json")
    assert json.loads(container.download_blob(kept).readall()) == captured.template


def _says(estate: Any, name: str, image: dict[str, Any]) -> str:
    """Return what a machine made of an image has of the capture."""
    vms = estate.compute.virtual_machines
    vms.begin_create_or_update(
        estate.group, name, estate.vm(name, image=image)
    ).result()
    script = {"commandId": "RunShellScript", "script": ["cat /var/captured"]}
    answer = vms.begin_run_command(estate.group, name, script).result()
    vms.begin_delete(estate.group, name).result()
    return str(answer.value[0].message)


def _image(estate: Any, name: str, uri: str) -> Any:
    disk = {"osType": "Linux", "osState": "Generalized", "blobUri": uri}
    return estate.compute.images.begin_create_or_update(
        estate.group,
        name,
        {"location": "westeurope", "properties": {"storageProfile": {"osDisk": disk}}},
    ).result()


def test_a_machine_boots_from_a_vhd_itself(estate: Any, captured: Captured) -> None:
    body = estate.vm("unmanaged")
    body["properties"]["storageProfile"] = {
        "osDisk": {
            "name": "disk",
            "osType": "Linux",
            "createOption": "FromImage",
            "image": {"uri": captured.uri},
            "vhd": {"uri": captured.uri.replace("osDisk", "another")},
        }
    }
    vms = estate.compute.virtual_machines
    vms.begin_create_or_update(estate.group, "unmanaged", body).result()
    script = {"commandId": "RunShellScript", "script": ["cat /var/captured"]}
    answer = vms.begin_run_command(estate.group, "unmanaged", script).result()
    assert "[stdout]\nv\n" in answer.value[0].message
    vms.begin_delete(estate.group, "unmanaged").result()


def test_a_managed_image_of_a_vhd_boots(estate: Any, captured: Captured) -> None:
    image = _image(estate, "of-vhd", captured.uri)
    assert "[stdout]\nv\n" in _says(estate, "from-vhd", {"id": image.id})


def test_a_copy_of_a_vhd_boots_too(estate: Any, captured: Captured) -> None:
    container = captured.blobs.get_container_client("elsewhere")
    container.create_container()
    vhd = captured.blobs.get_container_client("system").download_blob(
        captured.uri.partition("/system/")[2]
    )
    container.upload_blob("mine.vhd", vhd.readall(), blob_type="PageBlob")
    uri = f"{captured.blobs.url.rstrip('/')}/elsewhere/mine.vhd"
    image = _image(estate, "of-copy", uri)
    # An image holds its content: the VHD may go.
    container.delete_blob("mine.vhd")
    assert "[stdout]\nv\n" in _says(estate, "from-copy", {"id": image.id})


def _version(estate: Any, name: str, source: dict[str, str]) -> Any:
    body = {
        "location": "westeurope",
        "properties": {
            "storageProfile": {"osDiskImage": {"source": source}},
            "publishingProfile": {"targetRegions": [{"name": "westeurope"}]},
        },
    }
    return estate.compute.gallery_image_versions.begin_create_or_update(
        estate.group, "shelf", "web", name, body
    ).result()


def test_a_scale_set_boots_a_gallery_version_of_a_vhd(
    estate: Any, captured: Captured
) -> None:
    source = {"uri": captured.uri, "storageAccountId": captured.account_id}
    version = _version(estate, "4.0.0", source)
    estate.deploy("of-vhd", estate.scale_set(version.id))
    instances = estate.compute.virtual_machine_scale_set_vms
    script = {"commandId": "RunShellScript", "script": ["cat /var/captured"]}
    (instance,) = estate.ids("of-vhd")
    answer = instances.begin_run_command(
        estate.group, "of-vhd", instance, script
    ).result()
    assert "[stdout]\nv\n" in answer.value[0].message
    estate.compute.virtual_machine_scale_sets.begin_delete(
        estate.group, "of-vhd"
    ).result()


def test_the_account_may_be_given_as_older_versions_have_it(
    estate: Any, captured: Captured
) -> None:
    source = {"uri": captured.uri, "id": captured.account_id}
    assert _version(estate, "4.0.1", source).provisioning_state == "Succeeded"


def test_a_disk_is_imported_from_a_vhd(estate: Any, captured: Captured) -> None:
    creation = {"createOption": "Import", "sourceUri": captured.uri}
    disk = estate.compute.disks.begin_create_or_update(
        estate.group,
        "imported",
        {"location": "westeurope", "properties": {"creationData": creation}},
    ).result()
    source = {"osType": "Linux", "osState": "Generalized"}
    image = estate.compute.images.begin_create_or_update(
        estate.group,
        "of-imported",
        {
            "location": "westeurope",
            "properties": {
                "storageProfile": {"osDisk": {**source, "managedDisk": {"id": disk.id}}}
            },
        },
    ).result()
    assert "[stdout]\nv\n" in _says(estate, "from-imported", {"id": image.id})


def _message(raised: pytest.ExceptionInfo[HttpResponseError]) -> str:
    assert raised.value.error is not None
    return str(raised.value.error.message)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param(
            ("/vhds/", "/nobody/"),
            "there is no storage account 'nobody'",
            id="other-account",
        ),
        pytest.param((".vhd", ".vh"), "there is no such page blob", id="no-blob"),
        pytest.param(
            ("osDisk", "vmTemplate"), "there is no such page blob", id="not-a-vhd"
        ),
        pytest.param(
            ("/system/Microsoft.Compute/", "/SYSTEM/"),
            "it names no blob",
            id="no-container",
        ),
    ],
)
def test_a_vhd_that_is_not_there_is_named(
    estate: Any, captured: Captured, change: tuple[str, str], why: str
) -> None:
    uri = captured.uri.replace(*change)
    with pytest.raises(HttpResponseError) as raised:
        _image(estate, "of-nothing", uri)
    assert _message(raised) == (
        f"The value '{uri}' of parameter 'osDisk.blobUri' is invalid: {why}."
    )


def test_the_vhd_of_a_data_disk_makes_no_image(estate: Any, captured: Captured) -> None:
    uri = captured.uri.replace("osDisk", "dataDisk-0")
    with pytest.raises(HttpResponseError) as raised:
        _image(estate, "of-data", uri)
    assert "it has no folder etc" in _message(raised)


def test_a_version_of_a_vhd_needs_the_vhds_account(
    estate: Any, captured: Captured
) -> None:
    other = captured.account_id.replace("/vhds", "/others")
    with pytest.raises(HttpResponseError) as raised:
        _version(estate, "4.0.2", {"uri": captured.uri, "storageAccountId": other})
    assert _message(raised) == (
        f"The value '{other}' of parameter 'storageProfile.osDiskImage.source."
        "storageAccountId' is invalid: the VHD is in the account 'vhds'."
    )
    with pytest.raises(HttpResponseError) as raised:
        _version(estate, "4.0.2", {"uri": captured.uri})
    assert _message(raised) == (
        "Required parameter 'storageAccountId' is missing (null)."
    )


@pytest.mark.usefixtures("first")
def test_a_machine_with_managed_disks_has_no_vhd_to_capture(estate: Any) -> None:
    asked = {"vhdPrefix": "p", "destinationContainerName": "c", "overwriteVhds": True}
    with pytest.raises(HttpResponseError) as raised:
        estate.compute.virtual_machines.begin_capture(estate.group, "first", asked)
    assert _message(raised) == (
        "VM 'first' was created with managed disks: capture it as an image or as a "
        "version of a gallery image."
    )
