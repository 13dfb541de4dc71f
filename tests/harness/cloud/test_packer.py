"""What becomes of Packer's output; a program prints here what Packer 1.6.6 printed.

The real Packer runs in tests/clients.
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

import pytest

from release.azure import tags
from release.azure.clients import Azure
from release.azure.ids import resource_id
from release.azure.surroundings import Surroundings
from release.bake import packer
from release.errors import BakeFailed
from release.settings import Packer

COUNT = itertools.count(1)
GROUP = "pkr-Resource-Group-4x7k2m9a1b"
PROGRAM = """\
#!{python}
import json, os, sys
file = sys.argv[-2].partition("=")[2]
told = {{
    "arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ),
    "file": json.load(open(file)), "mode": oct(os.stat(file).st_mode & 0o777),
}}
json.dump(told, open({told!r}, "w"))
sys.stdout.write(open({log!r}).read())
sys.exit({status})
"""
BEGINS = f"""\
1795601470,,ui,say,==> azure-arm.web: Running builder ...
1795601470,,ui,say,==> azure-arm.web: Creating resource group ...
1795601470,,ui,say,==> azure-arm.web:  -> ResourceGroupName : '{GROUP}'
1795601470,,ui,say,==> azure-arm.web: Validating deployment template ...
1795601470,,ui,say,==> azure-arm.web: Provisioning with shell script: install.sh
1795601470,,ui,message,    azure-arm.web: it is hush-hush
"""
MADE = """\
1795601470,azure-arm.web,artifact,0,builder-id,Azure.ResourceManagement.VMImage
1795601470,azure-arm.web,artifact,0,id,{image}
1795601470,azure-arm.web,artifact,0,string,Azure.ResourceManagement.VMImage:\\n\\n\
OSType: Linux\\nManagedImageResourceGroupName: rg\\nManagedImageId: {image}\\n
1795601470,azure-arm.web,artifact,0,end
"""
FAILS = """\
1795601470,,ui,say,==> azure-arm.web: Provisioning step had errors: Running the \
cleanup provisioner%!(PACKER_COMMA) if present...
1795601470,azure-arm.web,error,Script exited with non-zero exit status: 3.
"""


class Baking:
    """A template, and a program that takes Packer's place."""

    def __init__(self, releases, azure: Azure, folder: Path) -> None:
        self.azure = azure
        self.folder = folder
        self.to = releases(azure, folder, f"packed{next(COUNT)}", 1)
        image = folder / "image"
        image.mkdir()
        (image / "web.json").write_text('{"variables": {"release_build": ""}}')
        azure.resources.resource_groups.create_or_update(
            GROUP, {"location": "westeurope"}
        )

    def bake(self, build: str, log: str, status: int = 0):
        program = self.folder / "packer"
        (self.folder / "log").write_text(log)
        text = PROGRAM.format(
            python=sys.executable,
            told=str(self.folder / "told.json"),
            log=str(self.folder / "log"),
            status=status,
        )
        program.write_text(text)
        program.chmod(0o755)
        settings = Packer(template="image/web.json", variables={"flavour": "sweet"})
        return packer.bake(
            packer.read(self.folder, settings),
            self.to.job(build),
            program=packer.Program(path=str(program), version="1.6.6"),
            surroundings=Surroundings(
                environment={"ARM_CLIENT_ID": "me", "ARM_CLIENT_SECRET": "hush-hush"},
                ssh_port=2222,
            ),
        )

    @property
    def told(self):
        """What the program was given."""
        return json.loads((self.folder / "told.json").read_text())

    def managed_image(self, name: str) -> str:
        """Make a managed image, as Packer's captures do."""
        group = self.to.env.image_resource_group
        self.azure.resources.resource_groups.create_or_update(
            group, {"location": "westeurope"}
        )
        disks, images = self.azure.compute.disks, self.azure.compute.images
        disk = disks.begin_create_or_update(
            group,
            name,
            {
                "location": "westeurope",
                "properties": {
                    "creationData": {"createOption": "Empty"},
                    "diskSizeGB": 4,
                },
            },
        ).result()
        state = {"osType": "Linux", "osState": "Generalized"}
        made = images.begin_create_or_update(
            group,
            name,
            {
                "location": "westeurope",
                "properties": {
                    "hyperVGeneration": "V2",
                    "storageProfile": {
                        "osDisk": {**state, "managedDisk": {"id": disk.id}}
                    },
                },
            },
        ).result()
        return str(made.id)

    def images(self) -> set[str]:
        group = self.to.env.image_resource_group
        listed = self.azure.compute.images.list_by_resource_group(group)
        return {str(image.name) for image in listed}


@pytest.fixture
def baking(releases, azure: Azure, tmp_path: Path) -> Baking:
    return Baking(releases, azure, tmp_path)


def test_a_managed_image_becomes_a_tagged_version_and_is_reused(baking: Baking) -> None:
    given = baking.managed_image("release-2026.1125.1")
    kept = baking.managed_image("kept")

    image = baking.bake("2026.1125.1", BEGINS + MADE.format(image=given))
    again = baking.bake("2026.1125.2", FAILS, status=1)

    env = baking.to.env
    assert image.id == resource_id(
        baking.azure.subscription,
        env.image_resource_group,
        "Microsoft.Compute/galleries/images/versions",
        *(env.gallery, env.image_definition, "2026.1125.1"),
    )
    assert (image.build, image.reused) == ("2026.1125.1", False)
    assert (again.id, again.reused) == (image.id, True)
    # What bears the name that was given was on its way only; the rest is kept.
    assert kept.endswith("/kept")
    assert baking.images() == {"kept"}


def test_packer_gets_no_secret_but_in_its_environment(baking: Baking) -> None:
    image = baking.managed_image("own")

    baking.bake("2026.1125.3", BEGINS + MADE.format(image=image))

    told, env = baking.told, baking.to.env
    file = baking.folder / "cache" / f"packer-{baking.to.name}.pkrvars.json"
    assert told["arguments"] == [
        *("build", "-machine-readable", "-color=false", f"-var-file={file}"),
        "web.json",
    ]
    assert (told["mode"], file.exists()) == ("0o600", False)
    assert told["folder"] == str(baking.folder / "image")
    assert "client_secret" not in told["file"]
    assert told["file"]["client_id"] == "me"
    assert told["file"]["flavour"] == "sweet"
    assert told["file"]["release_build"] == "2026.1125.3"
    assert told["file"]["release_group"] == f"release-{baking.to.name}-2026.1125.3"
    assert told["file"]["release_image_name"] == "release-2026.1125.3"
    assert told["file"]["release_image_group"] == env.image_resource_group
    assert told["file"]["release_ssh_port"] == "2222"
    assert told["file"]["release_base_version"] == "latest"
    assert told["environment"]["PKR_VAR_client_secret"] == "hush-hush"
    assert told["environment"]["RELEASE_BUILD"] == "2026.1125.3"
    assert "hush-hush" not in baking.to.journal.path.read_text()
    assert "it is ***" in baking.to.journal.path.read_text()


def test_a_group_that_packer_made_is_tagged_and_goes(baking: Baking) -> None:
    labels = []
    begin_delete = baking.azure.resources.resource_groups.begin_delete

    def seen(name, **more):
        labels.append(baking.azure.resources.resource_groups.get(name).tags or {})
        return begin_delete(name, **more)

    baking.azure.resources.resource_groups.begin_delete = seen
    try:
        with pytest.raises(BakeFailed) as caught:
            baking.bake("2026.1125.4", BEGINS + FAILS, status=1)
    finally:
        del baking.azure.resources.resource_groups.begin_delete

    assert str(caught.value) == (
        "Packer: step Provisioning with shell script: install.sh failed: "
        "Script exited with non-zero exit status: 3.\n"
        "  | it is ***\n"
        "  fix: mend that step of image/web.json, or what it runs"
    )
    (found,) = labels
    assert found[tags.BUILD] == "2026.1125.4"
    assert tags.EXPIRES in found
    left = baking.to.journal.left_behind()
    assert all(identifier.endswith(GROUP) for identifier in left)


@pytest.mark.parametrize(
    ("log", "said"),
    [
        pytest.param(
            BEGINS,
            "Packer ended well, and made no image on Azure\n"
            "  fix: the template needs a build of azure-arm; image.packer.only names "
            "those that run",
            id="none",
        ),
        pytest.param(
            MADE.format(image="/a") + MADE.format(image="/b").replace(".web", ".db"),
            "Packer made 2 images: azure-arm.web, azure-arm.db\n"
            "  fix: name the one to deploy in image.packer.only",
            id="two",
        ),
    ],
)
def test_a_release_deploys_one_image(baking: Baking, log: str, said: str) -> None:
    with pytest.raises(BakeFailed) as caught:
        baking.bake("2026.1125.5", log)
    assert str(caught.value) == said
