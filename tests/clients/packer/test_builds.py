"""Images by the unmodified Packer, in all of its outputs; scale sets boot them."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.core.rest import HttpRequest

from tests.clients.packer.conftest import Body, Ended, Packer

PAGE = "Baked by Packer."
AS_ROOT = "chmod +x '{{ .Path }}'; {{ .Vars }} sudo -E sh -eu '{{ .Path }}'"
BIG_BYTES = 50_000_000
INSTALL = """\
[ "$(sha256sum </home/packer/big)" = "%s  -" ]
mkdir -p /srv/web
mv /home/packer/page.html /srv/web/index.html
echo '{"ApplicationHealthState": "Healthy"}' >/srv/web/healthz
cat >/etc/systemd/system/web.service <<'UNIT'
[Service]
ExecStart=/usr/bin/python3 -m http.server 8080 --bind ${BIND_ADDRESS} -d /srv/web
[Install]
WantedBy=multi-user.target
UNIT
systemctl enable web
"""
DEPROVISION = "waagent -force -deprovision+user && export HISTSIZE=0 && sync"


@pytest.fixture(scope="module")
def account(packer: Packer) -> str:
    """Id of a storage account for VHDs."""
    estate = packer.estate
    here = estate.here.replace("Microsoft.Compute", "Microsoft.Storage")
    body = {
        "location": "westeurope",
        "sku": {"name": "Standard_LRS"},
        "kind": "StorageV2",
    }
    made = estate.azure.resources.resources.begin_create_or_update_by_id(
        f"{here}/storageAccounts/packervhds", body, api_version="2023-05-01"
    ).result()
    return str(made.id)


def _provisioners(folder: Path) -> list[Body]:
    page, big = folder / "page.html", folder / "big"
    page.write_text(PAGE)
    big.write_bytes(os.urandom(BIG_BYTES))
    digest = hashlib.sha256(big.read_bytes()).hexdigest()
    script = folder / "install.sh"
    script.write_text(INSTALL % digest)
    return [
        {"type": "file", "source": str(page), "destination": "/home/packer/page.html"},
        {"type": "file", "source": str(big), "destination": "/home/packer/big"},
        {"type": "shell", "execute_command": AS_ROOT, "script": str(script)},
        {"type": "shell", "execute_command": AS_ROOT, "inline": [DEPROVISION]},
    ]


@pytest.fixture(scope="module")
def built(
    packer: Packer, account: str, tmp_path_factory: pytest.TempPathFactory
) -> Ended:
    """Three builds at once; each gets 50 MB, by scp or by sftp."""
    group = packer.estate.group
    gallery = {
        "resource_group": group,
        "gallery_name": "shelf",
        "image_name": "web",
        "image_version": "7.0.0",
        "replication_regions": ["westeurope"],
    }
    builders = [
        packer.managed("managed"),
        packer.managed(
            "gallery",
            shared_image_gallery_destination=gallery,
            managed_image_os_disk_snapshot_name="os_snapshot",
            managed_image_data_disk_snapshot_prefix="data_snapshot",
            disk_additional_size=[10],
        ),
        packer.builder(
            "vhd",
            storage_account=account.rpartition("/")[2],
            resource_group_name=group,
            capture_container_name="images",
            capture_name_prefix="packer",
            ssh_file_transfer_method="sftp",
        ),
    ]
    ended = packer.build(builders, _provisioners(tmp_path_factory.mktemp("files")))
    assert ended.status == 0, ended.said()
    return ended


@pytest.fixture(autouse=True)
def _nothing_left(packer: Packer, built: Ended) -> Iterator[None]:
    """See that no test leaves a temporary group."""
    yield
    groups = packer.estate.azure.resources.resource_groups.list()
    assert [g.name for g in groups if g.name.startswith("pkr-")] == []
    del built


def _served(packer: Packer, name: str, image_id: str) -> str:
    """Boot a scale set of an image; return the page of its instance."""
    estate = packer.estate
    estate.deploy(name, estate.scale_set(image_id))
    estate.all_become(name, "healthy")
    (number,) = estate.ids(name)
    interfaces = (
        f"{estate.here}/virtualMachineScaleSets/{name}/virtualMachines/{number}"
        "/networkInterfaces?api-version=2024-05-01"
    )
    (interface,) = estate.azure.resources.send_request(
        HttpRequest("GET", interfaces)
    ).json()["value"]
    (only,) = interface["properties"]["ipConfigurations"]
    address = only["properties"]["privateIPAddress"]
    with urllib.request.urlopen(f"http://{address}:8080/", timeout=10) as answer:
        page: str = answer.read().decode()
    estate.compute.virtual_machine_scale_sets.begin_delete(estate.group, name).result()
    return page


def test_a_scale_set_serves_the_managed_image(packer: Packer, built: Ended) -> None:
    image = built.artifact("managed")["id"]
    assert image.endswith("/providers/Microsoft.Compute/images/managed")
    assert _served(packer, "of-managed", image) == PAGE


def test_a_scale_set_serves_the_gallery_version(packer: Packer, built: Ended) -> None:
    artifact = built.artifact("gallery")
    # The id is that of the managed image that was on the way.
    assert artifact["id"].endswith("/providers/Microsoft.Compute/images/gallery")
    version = artifact["ManagedImageSharedImageGalleryId"]
    assert version.endswith("/galleries/shelf/images/web/versions/7.0.0")
    assert _served(packer, "of-gallery", version) == PAGE
    names = {s.name for s in packer.estate.compute.snapshots.list()}
    assert {"os_snapshot", "data_snapshot0"} <= names


def test_a_scale_set_serves_an_image_of_the_vhd(packer: Packer, built: Ended) -> None:
    uri = built.artifact("vhd")["OSDiskUri"]
    disk = {"osType": "Linux", "osState": "Generalized", "blobUri": uri}
    image = packer.estate.compute.images.begin_create_or_update(
        packer.estate.group,
        "of-vhd",
        {"location": "westeurope", "properties": {"storageProfile": {"osDisk": disk}}},
    ).result()
    assert _served(packer, "of-vhd", image.id) == PAGE


def test_a_scale_set_serves_a_gallery_version_of_the_vhd(
    packer: Packer, built: Ended, account: str
) -> None:
    source = {"uri": built.artifact("vhd")["OSDiskUri"], "storageAccountId": account}
    version = packer.estate.compute.gallery_image_versions.begin_create_or_update(
        packer.estate.group,
        "shelf",
        "web",
        "7.0.1",
        {
            "location": "westeurope",
            "properties": {
                "storageProfile": {"osDiskImage": {"source": source}},
                "publishingProfile": {"targetRegions": [{"name": "westeurope"}]},
            },
        },
    ).result()
    assert _served(packer, "of-vhd-version", version.id) == PAGE


def test_a_step_that_fails_fails_the_build_with_its_code(packer: Packer) -> None:
    step = {"type": "shell", "inline": ["exit 3"]}
    ended = packer.build([packer.managed("failing")], [step])
    assert ended.status == 1
    assert ended.errors() == [
        "Script exited with non-zero exit status: 3.Allowed exit codes are: [0]"
    ]


def test_an_image_that_is_there_is_not_overwritten(packer: Packer) -> None:
    ended = packer.build([packer.managed("managed")], [])
    assert ended.status == 1
    (error,) = ended.errors()
    assert error == (
        "the managed image named managed already exists in the resource group "
        f"{packer.estate.group}, use the -force option to automatically delete it."
    )


def _begun(process: subprocess.Popen[str]) -> list[str]:
    """Read what Packer says until its step has begun."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if "begun" in line:
            return seen
    raise AssertionError("".join(seen))


LONG = [{"type": "shell", "inline": ["echo begun", "sleep 60"]}]


def test_an_interrupted_build_ends_and_cleans_up(packer: Packer) -> None:
    with packer.building([packer.managed("interrupted")], LONG) as process:
        _begun(process)
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Cleanly cancelled builds after being interrupted." in output


def test_a_machine_that_is_deleted_ends_its_build(packer: Packer) -> None:
    with packer.building([packer.managed("deleted")], LONG) as process:
        _begun(process)
        compute = packer.estate.compute
        (machine,) = [
            found
            for found in compute.virtual_machines.list_all()
            if found.name.startswith("pkrvm")
        ]
        group = machine.id.split("/")[4]
        compute.virtual_machines.begin_delete(group, machine.name).result()
        output, _ = process.communicate(timeout=60)
    ended = packer.ended(process, output)
    assert ended.status == 1
    (error,) = ended.errors()
    assert error.startswith("Script disconnected unexpectedly.")
