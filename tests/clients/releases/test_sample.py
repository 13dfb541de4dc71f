"""The sample service, released from each of the three things that Packer can make."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from release import environments
from release.azure.ids import group_id
from release.settings import load
from tests.harness.releases.project import ROOT, Project

NEEDED = ("app", "tests/smoke", "tests/load")
GALLERY = re.compile(r"\n  shared_image_gallery_destination \{.*?\n  \}\n", re.DOTALL)
MANAGED = re.compile(
    r"  managed_image_resource_group_name .*\n  managed_image_name .*\n"
)
VHD = """\
  storage_account        = "rocdashvhds"
  resource_group_name    = var.release_image_group
  capture_container_name = "images"
  capture_name_prefix    = var.release_image_name
"""


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A checkout of this project, with its template once more for each output."""
    subprocess.run(["make", "-C", "app", "dist"], cwd=ROOT, check=True)
    root = tmp_path_factory.mktemp("sample")
    for name in NEEDED:
        shutil.copytree(ROOT / name, root / name)
    for name in ("conftest.py", "pyproject.toml", "release.toml"):
        shutil.copy(ROOT / name, root)
    image = root / "app" / "image"
    template = (image / "rocdash.pkr.hcl").read_text()
    without_gallery, found = GALLERY.subn("\n", template)
    as_vhd, found_too = MANAGED.subn(VHD, without_gallery)
    assert (found, found_too) == (1, 1)
    (image / "image.pkr.hcl").write_text(without_gallery)
    (image / "vhd.pkr.hcl").write_text(as_vhd)
    try:
        yield Project(root=root)
    finally:
        environments.down(root, forget=True)


def make_account_for_vhds(sample: Project) -> None:
    """Make an account whose keys may be used, as Packer's captures need."""
    settings = load(sample.root, "local", options={}, variables={})
    azure = environments.connect(settings)
    group = settings.env.image_resource_group
    where = {"location": settings.env.location}
    azure.resources.resource_groups.create_or_update(group, where)
    azure.resources.resources.begin_create_or_update_by_id(
        f"{group_id(azure.subscription, group)}/providers/Microsoft.Storage/"
        "storageAccounts/rocdashvhds",
        api_version="2023-05-01",
        parameters={**where, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}},
    ).result()
    azure.close()


@pytest.mark.parametrize("output", ["rocdash", "image", "vhd"])
def test_the_sample_service_is_released(sample: Project, output: str) -> None:
    make_account_for_vhds(sample)

    ended = sample.pytest(
        *("--set", "image.builder=packer", "--set", "image.build=[]"),
        *("--set", f"image.packer.template=app/image/{output}.pkr.hcl"),
    )

    assert ended.status == 0, ended.output
    record = sample.last()
    assert record["image"]["reused"] is False
    proved = {instance["build"] for instance in record["deployment"]["instances"]}
    assert proved == {record["build"]}
