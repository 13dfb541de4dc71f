"""Whole releases of the tiny service with the unmodified Packer of the system."""

from __future__ import annotations

from contextlib import contextmanager

import psutil
import pytest

from release import environments
from release.azure.ids import group_id
from release.coordination.interruption import MARK
from release.settings import load

GALLERY = "/providers/Microsoft.Compute/galleries/tiny/images/tiny/versions/"
VHDS = "tinyvhds"
BAKING = "Connected to SSH"


def template(name):
    return ("--set", f"image.packer.template=image/{name}")


@contextmanager
def asking(project):
    settings = load(project.root, "local", options={}, variables={})
    azure = environments.connect(settings)
    try:
        yield azure
    finally:
        azure.close()


def managed_images(project):
    with asking(project) as azure:
        return {image.name for image in azure.compute.images.list()}


def vhds(project):
    with asking(project) as azure:
        system = azure.blobs(VHDS).get_container_client("system")
        return set(system.list_blob_names()) if system.exists() else set()


def with_account_for_vhds(project):
    """Make an account whose keys may be used, as Packer's captures need."""
    with asking(project) as azure:
        group = group_id(azure.subscription, "tiny-images")
        azure.resources.resources.begin_create_or_update_by_id(
            f"{group}/providers/Microsoft.Storage/storageAccounts/{VHDS}",
            api_version="2023-05-01",
            parameters={
                "location": "westeurope",
                "kind": "StorageV2",
                "sku": {"name": "Standard_LRS"},
            },
        ).result()


def lasting_groups(project):
    """Names of the groups that are no temporary ones."""
    return {
        name
        for name in project.groups()
        if not name.startswith(("release-local-", "pkr-Resource-Group-"))
    }


def temporary_groups(project):
    return set(project.groups()) - lasting_groups(project)


def journal(project, record):
    folder = project.root / "reports" / "local" / record["build"]
    return (folder / "journal.jsonl").read_text()


def is_packer_of(process, project):
    try:
        folder = process.environ().get(MARK, "")
    except (psutil.Error, OSError):
        return False
    is_packer = process.info["name"].startswith("packer")
    return is_packer and folder.startswith(str(project.root))


def with_lasting_group(project):
    with asking(project) as azure:
        azure.resources.resource_groups.create_or_update(
            "lasting", {"location": "westeurope"}
        )


def test_a_gallery_version_is_taken_over_and_proved(project):
    record = project.records()[0]
    assert record["verdict"] == "passed"
    assert record["image"]["id"].endswith(GALLERY + record["build"])
    assert record["image"]["build"] == record["build"]
    proved = {instance["build"] for instance in record["deployment"]["instances"]}
    assert proved == {record["build"]}
    assert "Provisioning with shell script: ./provision.sh" in journal(project, record)
    # The managed image bore the name that was given, so it was on its way only.
    assert f"release-{record['build']}" not in managed_images(project)
    assert temporary_groups(project) == set()


def test_an_unchanged_template_reuses_the_image(project):
    before = project.live()
    project.restore()
    ended = project.release()
    assert ended.status == 0, ended.output
    assert project.last()["image"] == before["image"] | {"reused": True}


@pytest.mark.parametrize("name", ["image.json", "vhd.json"])
def test_what_is_no_gallery_version_becomes_one(project, name):
    with_account_for_vhds(project)
    project.set(title=f"Of {name}")
    ended = project.release(*template(name))
    assert ended.status == 0, ended.output
    record = project.last()
    assert record["image"]["id"].endswith(GALLERY + record["build"])
    proved = {instance["build"] for instance in record["deployment"]["instances"]}
    assert proved == {record["build"]}
    assert managed_images(project) == set()
    assert vhds(project) == set()
    assert temporary_groups(project) == set()


def test_a_broken_service_is_rolled_back(project):
    before = project.live()
    project.set(delay_s=0.4)
    ended = project.release()
    assert ended.status == 1, ended.output
    assert f"The previous build {before['image']['build']} is back" in ended.output
    project.restore()


def test_a_failed_step_is_told_once_with_its_last_lines(project):
    project.set(bake="broken")
    ended = project.release()
    project.restore()
    assert ended.status == 1, ended.output
    reason = "Script exited with non-zero exit status: 3.Allowed exit codes are: [0]"
    assert (
        "Packer: step Provisioning with shell script: ./provision.sh failed: "
        f"{reason}\n" in ended.output
    )
    assert "  | no such package: left-pad\n" in ended.output
    assert "mend that step of image/gallery.pkr.hcl, or what it runs" in ended.output
    assert journal(project, project.last()).count("Build 'azure-arm.tiny' errored") == 0
    assert temporary_groups(project) == set()


def test_a_template_that_packer_refuses_is_told_in_its_words(project):
    wrong = project.root / "image" / "wrong.pkr.hcl"
    wrong.write_text(
        'variable "release_build" {}\n'
        'source "azure-arm" "x" { bogus = 1 }\n'
        'build {\n  sources = ["source.azure-arm.x"]\n}\n'
    )
    ended = project.release(*template("wrong.pkr.hcl"))
    wrong.unlink()
    assert ended.status == 1, ended.output
    assert 'An argument named "bogus" is not expected here.' in ended.output
    assert "mend image/wrong.pkr.hcl, or act on the message" in ended.output


@pytest.mark.parametrize(
    ("name", "end", "at"),
    [
        ("gallery.pkr.hcl", "interrupted", BAKING),
        ("image.json", "interrupted", BAKING),
        ("gallery.pkr.hcl", "killed", "Creating resource group"),
        ("image.json", "killed", BAKING),
        ("gallery.pkr.hcl", "killed", "Publishing to Shared Image Gallery"),
    ],
)
def test_a_bake_cut_short_leaves_nothing_after_the_next_run(project, name, end, at):
    project.set(title=f"{end} at {at} of {name}")
    told = project.root / "release.toml"
    before = told.read_text()
    told.write_text(before.replace("image/gallery.pkr.hcl", f"image/{name}"))
    cut = getattr(project, end)(at)
    assert cut.status != 0, cut.output
    if end == "interrupted":
        assert cut.took_s < 25, cut.output

    ended = project.release()

    told.write_text(before)
    assert ended.status == 0, ended.output
    assert temporary_groups(project) == set()
    assert managed_images(project) == set()
    assert not [p for p in psutil.process_iter(["name"]) if is_packer_of(p, project)]


def test_a_group_that_was_there_and_an_image_of_the_templates_own_are_kept(project):
    with_lasting_group(project)
    project.set(title="Kept")
    cut = project.interrupted(BAKING, *template("kept.json"))
    assert cut.status != 0, cut.output
    assert "lasting" in project.groups()

    ended = project.release(*template("kept.json"))

    assert ended.status == 0, ended.output
    assert "lasting" in project.groups()
    (kept,) = managed_images(project)
    assert kept.startswith("kept-")


def test_no_secret_is_written(project):
    secret = project.embedded().client_secret
    written = [
        path
        for path in project.root.rglob("*")
        if path.is_file() and ".release/emulator" not in path.as_posix()
    ]
    assert not [path for path in written if secret.encode() in path.read_bytes()]
