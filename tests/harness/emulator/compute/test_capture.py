"""Capture as a VHD, as image builders of old ask for it."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest

VERSION = "2018-04-01"
VHDS = "https://vhds.blob.core.windows.net"


@pytest.fixture(scope="module")
def unmanaged(estate: Any) -> str:
    """A generalized machine whose disk is a VHD in a storage account."""
    body = estate.vm("vhd")
    disk = {"uri": f"{VHDS}/images/disk.vhd"}
    body["properties"]["storageProfile"]["osDisk"] = {
        "name": "disk",
        "createOption": "FromImage",
        "vhd": disk,
    }
    vms = estate.compute.virtual_machines
    vms.begin_create_or_update(estate.group, "vhd", body).result()
    script = {"commandId": "RunShellScript", "script": ["echo v > /var/captured"]}
    vms.begin_run_command(estate.group, "vhd", script).result()
    vms.begin_deallocate(estate.group, "vhd").result()
    vms.generalize(estate.group, "vhd")
    return "vhd"


def test_the_template_comes_with_the_status_of_the_operation(
    estate: Any, unmanaged: str
) -> None:
    client = estate.azure.resources
    machine = f"{estate.here}/virtualMachines/{unmanaged}"
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
        found = client.send_request(HttpRequest("GET", url)).json()
        if found["status"] != "InProgress":
            break
        assert time.monotonic() < deadline
    assert found["status"] == "Succeeded"
    resource = found["properties"]["output"]["resources"][0]
    assert resource["properties"]["provisioningState"] == 0
    image = resource["properties"]["storageProfile"]["osDisk"]["image"]["uri"]
    assert re.fullmatch(
        re.escape(f"{VHDS}/system/Microsoft.Compute/Images/images/packer-osDisk.")
        + r"[-0-9a-f]{36}\.vhd",
        image,
    )
    boots_from(estate, image)


def boots_from(estate: Any, uri: str) -> None:
    """A managed image of the VHD boots with what was captured."""
    disk = {"osType": "Linux", "osState": "Generalized", "blobUri": uri}
    image = estate.compute.images.begin_create_or_update(
        estate.group,
        "of-vhd",
        {"location": "westeurope", "properties": {"storageProfile": {"osDisk": disk}}},
    ).result()
    vms = estate.compute.virtual_machines
    vms.begin_create_or_update(
        estate.group, "booted", estate.vm("booted", image={"id": image.id})
    ).result()
    script = {"commandId": "RunShellScript", "script": ["cat /var/captured"]}
    answer = vms.begin_run_command(estate.group, "booted", script).result()
    assert "[stdout]\nv\n" in answer.value[0].message
    vms.begin_delete(estate.group, "booted").result()


@pytest.mark.usefixtures("first")
def test_a_machine_with_managed_disks_has_no_vhd_to_capture(estate: Any) -> None:
    asked = {"vhdPrefix": "p", "destinationContainerName": "c", "overwriteVhds": True}
    with pytest.raises(HttpResponseError) as raised:
        estate.compute.virtual_machines.begin_capture(estate.group, "first", asked)
    assert raised.value.error.message == (
        "VM 'first' was created with managed disks: capture it as an image or as a "
        "version of a gallery image."
    )
