"""What Packer 1.6.6 sends for each kind of build, and what it reads in the answers.

The recordings in ``packer/`` are what the unmodified Packer of Debian 12 asked of this
embedded Azure. Between its requests it works over SSH, and so do these tests. What it
reads was found by leaving it out; a member that is missing crashes it, or makes it wait
a minute.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from release.emulator.ids import parse
from tests.harness.emulator.clients.conftest import (
    HOST,
    PASSWORD,
    Answer,
    Client,
    recorded,
)

GROUP = "/subscriptions/{subscription}/resourceGroups/images-rg"
LOCATION = "westus2"


def _put(azure: Any, path: str, body: Any, version: str) -> None:
    azure.resources.resources.begin_create_or_update_by_id(
        path, body, api_version=version
    ).result()


@pytest.fixture(scope="module")
def images(azure: Any) -> str:
    """What the recordings find: groups, a gallery, a network and an account."""
    for name in ("images-rg", "Other-RG"):
        azure.resources.resource_groups.create_or_update(name, {"location": LOCATION})
    group = GROUP.format(subscription=azure.endpoint["subscription"])
    here = {"location": LOCATION}
    gallery = f"{group}/providers/Microsoft.Compute/galleries/shelf"
    _put(azure, gallery, here, "2019-03-01")
    definition = {
        "osType": "Linux",
        "osState": "Generalized",
        "identifier": {"publisher": "a", "offer": "b", "sku": "c"},
    }
    body = {**here, "properties": definition}
    _put(azure, f"{gallery}/images/web", body, "2019-03-01")
    _put(
        azure,
        f"{group}/providers/Microsoft.Storage/storageAccounts/stubvhds",
        {**here, "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"},
        "2021-04-01",
    )
    subnet = {"name": "default", "properties": {"addressPrefix": "10.0.0.0/24"}}
    space = {"addressPrefixes": ["10.0.0.0/16"]}
    _put(
        azure,
        f"{group}/providers/Microsoft.Network/virtualNetworks/build-net",
        {**here, "properties": {"addressSpace": space, "subnets": [subnet]}},
        "2021-04-01",
    )
    return group


def _provision(client: Client, address: str, script: str) -> None:
    """Do over SSH what Packer's provisioners do."""

    async def over() -> None:
        async with asyncssh.connect(
            address,
            client.azure.endpoint["ssh_port"],
            username="packer",
            client_keys=[client.key],
            known_hosts=None,
            config=None,
            agent_path=None,
        ) as connection:
            await connection.run(script, check=True)

    asyncio.run(over())


def _build(client: Client, name: str) -> list[Answer]:
    """Replay a build, with its provisioning; check what Packer reads."""
    answers: list[Answer] = []
    address = ""
    for answer in client.replay(f"packer/{name}"):
        _check(answer)
        answers.append(answer)
        body = answer.body
        if answer.asked["path"].endswith("/oauth2/token"):
            client.token = client.token or body["access_token"]
        if "/publicIPAddresses/" in answer.asked["path"] and body:
            address = body["properties"]["ipAddress"]
        if "/networkInterfaces/" in answer.asked["path"] and body:
            (only,) = body["properties"]["ipConfigurations"]
            address = only["properties"]["privateIPAddress"]
        if "/virtualMachines/" in answer.asked["path"] and address:
            script = f"echo {name} | sudo tee /srv/built >/dev/null;"
            _provision(
                client, address, f"{script} sudo waagent -force -deprovision+user"
            )
            address = ""
    return answers


# --- what Packer reads --------------------------------------------------------


def _token(answer: Answer) -> None:
    body = answer.body
    assert body["token_type"] == "Bearer"
    assert int(body["expires_in"]) > 600
    assert int(body["expires_on"]) > 0
    assert body["resource"] == answer.asked["body"]["resource"]


def _tenant(answer: Answer) -> None:
    challenge = answer.headers["WWW-Authenticate"]
    assert re.search(r'authorization_uri=".*/([0-9a-f\-]+)"', challenge)


def _asynchronous(answer: Answer) -> None:
    assert answer.headers["Retry-After"] == "1"
    # The temporary parts are deleted with Location only.
    url = answer.headers.get("Azure-AsyncOperation") or answer.headers["Location"]
    assert url.startswith(f"https://{HOST}/")


def _machine(answer: Answer) -> None:
    storage = answer.body["properties"]["storageProfile"]
    for disk in (storage["osDisk"], *storage["dataDisks"]):
        assert (disk.get("managedDisk") or {}).get("id") or disk["vhd"]["uri"]


def _ended(answer: Answer) -> None:
    assert answer.body is None or answer.body["status"] == "Succeeded"
    output = ((answer.body or {}).get("properties") or {}).get("output")
    if output:
        properties = output["resources"][0]["properties"]
        assert type(properties["provisioningState"]) is int
        uri = properties["storageProfile"]["osDisk"]["image"]["uri"]
        assert re.fullmatch(
            r"https://stubvhds\.blob\.core\.windows\.net/system/Microsoft\.Compute/"
            r"Images/images/packer-osDisk\.[0-9a-f-]{36}\.vhd",
            uri,
        )


def _no_body(answer: Answer) -> None:
    assert answer.text == ""


def _existing(answer: Answer) -> None:
    assert answer.body["id"]
    assert answer.body["properties"]["provisioningState"] == "Succeeded"


def _keys(answer: Answer) -> None:
    assert base64.b64decode(answer.body["keys"][0]["value"], validate=True)


def _account(answer: Answer) -> None:
    assert answer.body["location"] == LOCATION
    blob = answer.body["properties"]["primaryEndpoints"]["blob"]
    assert blob == "https://stubvhds.blob.core.windows.net/"


def _operations(answer: Answer) -> None:
    """Newest first: Packer deletes in this order, and tries nothing twice."""
    kinds = [
        operation["properties"]["targetResource"]["resourceType"].rpartition("/")[2]
        for operation in answer.body["value"]
        if operation["properties"].get("targetResource")
    ]
    assert kinds.index("virtualMachines") < kinds.index("networkInterfaces")
    assert kinds.index("networkInterfaces") < kinds.index("virtualNetworks")
    assert kinds.index("networkInterfaces") < kinds.index("publicIPAddresses")


def _listed(answer: Answer) -> None:
    for entry in answer.body["value"]:
        assert entry["id"]
        assert entry["name"]


CHECKS: dict[str, Callable[[Answer], None]] = {
    r"POST \S+/oauth2/token": _token,
    r"GET /subscriptions/\{subscription\}": _tenant,
    r"HEAD \S+": _no_body,
    r"POST \S+/generalize": _no_body,
    r"PUT \S+/deployments/\w+": _asynchronous,
    r"PUT \S+/Microsoft.Compute/\S+": _asynchronous,
    r"POST \S+/(deallocate|capture)": _asynchronous,
    r"DELETE \S+": _asynchronous,
    r"GET \S+/\{operation\}": _ended,
    r"GET \S+/virtualMachines/\w+": _machine,
    r"GET \S+/(snapshots|versions)/[\w.]+": _existing,
    r"POST \S+/listKeys": _keys,
    r"GET \S+/storageAccounts/\w+": _account,
    r"GET \S+/deployments/\w+/operations": _operations,
    r"GET \S+/(virtualNetworks|subnets|images)": _listed,
}


def _check(answer: Answer) -> None:
    what = f"{answer.asked['method']} {answer.asked['path']}"
    for pattern, check in CHECKS.items():
        if re.fullmatch(pattern, what):
            check(answer)


# --- the builds ---------------------------------------------------------------

RECORDINGS = (
    "managed-image",
    "gallery-version",
    "vhd",
    "existing-group",
    "private-network",
)


def test_every_check_is_for_a_request_that_was_recorded() -> None:
    asked = {
        f"{one['method']} {one['path']}"
        for name in RECORDINGS
        for one in recorded(f"packer/{name}")
    }
    for pattern in CHECKS:
        assert any(re.fullmatch(pattern, one) for one in asked), pattern


def _built(client: Client, path: str) -> str:
    """Return what is in an image, from the disk that it froze."""
    cloud = client.azure.server.cloud
    frozen = cloud.get(parse(path)).private["image"]
    file: Path = cloud.machines.folder / "images" / frozen / "srv/built"
    return file.read_text()


@pytest.fixture
def temporary(azure: Any) -> Iterator[None]:
    """See that nothing of a build stays but its image."""
    groups = {group.name for group in azure.resources.resource_groups.list()}
    yield
    assert {g.name for g in azure.resources.resource_groups.list()} == groups


@pytest.mark.usefixtures("temporary")
def test_a_managed_image(client: Client, images: str) -> None:
    _build(client, "managed-image")
    image = f"{images}/providers/Microsoft.Compute/images/web-1"
    assert _built(client, image) == "managed-image\n"


@pytest.mark.matrix
@pytest.mark.usefixtures("temporary")
def test_a_gallery_version_with_snapshots_of_two_disks(
    client: Client, images: str
) -> None:
    _build(client, "gallery-version")
    here = f"{images}/providers/Microsoft.Compute"
    version = f"{here}/galleries/shelf/images/web/versions/1.0.3"
    for path in (version, f"{here}/images/web-2", f"{here}/snapshots/snap1"):
        assert _built(client, path) == "gallery-version\n"


@pytest.mark.matrix
@pytest.mark.usefixtures("temporary")
def test_a_vhd_that_becomes_an_image(client: Client, images: str) -> None:
    answers = _build(client, "vhd")
    template = next(
        answer.body["properties"]["output"]
        for answer in answers
        if ((answer.body or {}).get("properties") or {}).get("output")
    )
    storage = template["resources"][0]["properties"]["storageProfile"]
    disk = {
        "osType": "Linux",
        "osState": "Generalized",
        "blobUri": storage["osDisk"]["image"]["uri"],
    }
    path = f"{images}/providers/Microsoft.Compute/images/of-vhd"
    body = {"location": LOCATION, "properties": {"storageProfile": {"osDisk": disk}}}
    _put(client.azure, path, body, "2018-04-01")
    assert _built(client, path) == "vhd\n"


@pytest.mark.matrix
@pytest.mark.usefixtures("temporary", "images")
def test_an_existing_group_keeps_all_but_what_was_built(client: Client) -> None:
    _build(client, "existing-group")
    left = client.azure.resources.resources.list_by_resource_group("Other-RG")
    # Packer 1.6.6 leaves the OS disk behind in a group that is not its own.
    assert [one.type for one in left] == ["Microsoft.Compute/disks"]


@pytest.mark.matrix
@pytest.mark.usefixtures("temporary")
def test_a_custom_image_in_a_private_network_in_place_of_another(
    client: Client, images: str
) -> None:
    here = f"{images}/providers/Microsoft.Compute"
    disk = {"creationData": {"createOption": "Empty"}, "diskSizeGB": 4}
    body: Any = {"location": LOCATION, "properties": disk}
    _put(client.azure, f"{here}/disks/empty", body, "2018-04-01")
    source = {
        "osType": "Linux",
        "osState": "Generalized",
        "managedDisk": {"id": f"{here}/disks/empty"},
    }
    body = {"location": LOCATION, "properties": {"storageProfile": {"osDisk": source}}}
    for name in ("web-1", "web-5"):
        if name not in {i.name for i in client.azure.compute.images.list()}:
            _put(client.azure, f"{here}/images/{name}", body, "2018-04-01")
    _build(client, "private-network")
    assert _built(client, f"{here}/images/web-5") == "private-network\n"


def test_what_was_asked_keeps_no_password(client: Client, images: str) -> None:
    del images
    asked = json.dumps(client.azure.requests())
    assert "adminPassword" in asked
    assert PASSWORD not in asked
