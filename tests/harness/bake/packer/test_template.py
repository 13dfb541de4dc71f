from pathlib import Path

import pytest

from release.bake.packer.template import digest, read
from release.errors import SettingsError
from release.settings import Packer

HCL = 'variable "release_build" {}\nsource "azure-arm" "web" {}\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    image = tmp_path / "image"
    image.mkdir()
    (image / "web.pkr.hcl").write_text(HCL)
    (image / "install.sh").write_text("true\n")
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "web.whl").write_bytes(b"wheel")
    return tmp_path


def settings(template: str = "image/web.pkr.hcl", **more: object) -> Packer:
    return Packer.model_validate({"template": template, **more})


def names(root: Path, packer: Packer) -> list[str]:
    return [file.path for file in read(root, packer).files]


def refused(root: Path, packer: Packer) -> str:
    with pytest.raises(SettingsError) as caught:
        read(root, packer)
    return str(caught.value)


def test_all_in_the_templates_folder_counts_and_what_inputs_name(root: Path) -> None:
    assert names(root, settings(inputs=["dist"])) == [
        "dist/web.whl",
        "image/install.sh",
        "image/web.pkr.hcl",
    ]


def test_a_folder_of_hcl2_is_a_template_too(root: Path) -> None:
    found = read(root, settings("image"))
    assert found.is_hcl2
    assert found.folder == root / "image"


def test_a_template_in_the_projects_own_folder_counts_alone(root: Path) -> None:
    (root / "web.json").write_text('{"variables": {"release_build": ""}}')
    packer = settings("web.json", inputs=["dist/web.whl"])
    assert names(root, packer) == ["dist/web.whl", "web.json"]
    assert not read(root, packer).is_hcl2


def test_plugins_are_wanted_where_the_template_names_them(root: Path) -> None:
    assert not read(root, settings()).wants_plugins
    (root / "image/web.pkr.hcl").write_text(
        f"packer {{\n  required_plugins {{\n  }}\n}}\n{HCL}"
    )
    assert read(root, settings()).wants_plugins


def test_all_that_is_wrong_is_told_at_once(root: Path) -> None:
    (root / "image/web.pkr.hcl").write_text('source "azure-arm" "web" {}\n')
    (root / "image/link").symlink_to("install.sh")
    assert refused(root, settings(inputs=["wheels"])) == (
        "image.packer has 3 problems:\n"
        "  image/link: is a symbolic link; put the file itself there\n"
        "  template: nothing in image/web.pkr.hcl mentions release_build; declare that "
        "variable, and write it to /etc/release.env as RELEASE_BUILD=..., for the "
        "service to answer with\n"
        "  inputs: there is no wheels; was the image's build command run?"
    )


@pytest.mark.parametrize(
    ("template", "text"),
    [
        pytest.param("image/x.pkr.hcl", "there is no image/x.pkr.hcl", id="missing"),
        pytest.param("dist", "dist has no file *.pkr.hcl or *.pkr.json", id="folder"),
        pytest.param(
            "image/install.sh",
            "image/install.sh must end in .pkr.hcl, .pkr.json or .json",
            id="kind",
        ),
    ],
)
def test_what_is_no_template_is_told(root: Path, template: str, text: str) -> None:
    found = refused(root, settings(template))
    assert found == f"image.packer has 1 problem:\n  template: {text}"


def of(root: Path, packer: Packer, packer_version: str = "1.6.6") -> str:
    template = read(root, packer)
    return digest(template, packer_version=packer_version, base_version="latest")


def test_an_unchanged_template_keeps_its_digest(root: Path) -> None:
    first = of(root, settings())
    (root / "image/install.sh").touch()
    (root / "image/packer_cache").mkdir()
    (root / "image/packer_cache/noise").write_text("noise")
    assert of(root, settings()) == first


def test_each_thing_that_determines_the_image_changes_the_digest(root: Path) -> None:
    packer = settings(inputs=["dist"])
    digests = {of(root, packer), of(root, packer, packer_version="1.11.2")}
    digests.add(of(root, settings(inputs=["dist"], variables={"flavour": "a"})))
    digests.add(of(root, settings(inputs=["dist"], only=["azure-arm.web"])))
    digests.add(of(root, settings(inputs=["dist"], base="Debian:debian-12:12-gen2")))
    (root / "image/install.sh").chmod(0o755)
    digests.add(of(root, packer))
    (root / "dist/web.whl").write_bytes(b"another")
    digests.add(of(root, packer))
    (root / "image/web.pkr.hcl").write_text(HCL + "# changed\n")
    digests.add(of(root, packer))
    assert len(digests) == 8
