from pathlib import Path

import pytest

from release.bake.recipe import Kind, Step, digest, read
from release.errors import SettingsError

RECIPE = """\
name = "web"
[base]
publisher = "Debian"
offer = "debian-12"
sku = "12-gen2"
[[provision]]
kind = "file"
source = "../dist"
destination = "/opt/web"
mode = "0644"
[[provision]]
kind = "shell"
source = "install.sh"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    image = tmp_path / "image"
    image.mkdir()
    (image / "recipe.toml").write_text(RECIPE)
    (image / "install.sh").write_text("true\n")
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "web.whl").write_bytes(b"wheel")
    return image


def test_read_names_sources_by_their_place_in_the_payload(folder: Path) -> None:
    recipe = read(folder)
    assert recipe.steps == (
        Step(kind=Kind.FILE, source="dist", destination="/opt/web", mode="0644"),
        Step(kind=Kind.SHELL, source="image/install.sh"),
    )
    assert [file.path for file in recipe.files] == [
        "dist/web.whl",
        "image/install.sh",
        "image/recipe.toml",
    ]


def test_the_base_version_is_latest_unless_told(folder: Path) -> None:
    assert read(folder).base.version == "latest"


def test_an_unchanged_recipe_keeps_its_digest(folder: Path) -> None:
    (folder / "__pycache__").mkdir()
    first = digest(read(folder), base_version="1")
    (folder / "__pycache__" / "x.pyc").write_bytes(b"noise")
    (folder / "install.sh").touch()
    assert digest(read(folder), base_version="1") == first


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param("image/install.sh", "false\n", id="a-script"),
        pytest.param("dist/web.whl", "other", id="a-source-beside-it"),
        pytest.param("image/new.txt", "", id="a-new-empty-file"),
        pytest.param(
            "image/recipe.toml", RECIPE.replace("0644", "0600"), id="a-step's-mode"
        ),
    ],
)
def test_the_digest_changes_with(folder: Path, path: str, text: str) -> None:
    before = digest(read(folder), base_version="1")
    (folder.parent / path).write_text(text)
    assert digest(read(folder), base_version="1") != before


def test_the_digest_changes_with_an_executable_bit(folder: Path) -> None:
    before = digest(read(folder), base_version="1")
    (folder / "install.sh").chmod(0o755)
    assert digest(read(folder), base_version="1") != before


def test_the_digest_changes_with_base_and_builder(folder: Path) -> None:
    recipe = read(folder)
    found = {
        digest(recipe, base_version="1", builder_version="1"),
        digest(recipe, base_version="2", builder_version="1"),
        digest(recipe, base_version="1", builder_version="2"),
    }
    assert len(found) == 3


def test_all_problems_of_the_sources_are_told_at_once(folder: Path) -> None:
    (folder / "recipe.toml").write_text(
        RECIPE.replace("../dist", "../../etc").replace("install.sh", "gone.sh")
    )
    with pytest.raises(SettingsError) as caught:
        read(folder)
    assert caught.value.what == (
        f"{folder / 'recipe.toml'} has 2 problems:\n"
        f"  provision[0].source = ../../etc: must lie below {folder.parent.name}/\n"
        "  provision[1].source = gone.sh: no such file; was the image's build "
        "command run?"
    )


def test_a_wrong_key_is_named(folder: Path) -> None:
    (folder / "recipe.toml").write_text(RECIPE.replace("sku =", "skew ="))
    with pytest.raises(SettingsError) as caught:
        read(folder)
    assert caught.value.what == (
        f"{folder / 'recipe.toml'} has 2 problems:\n"
        "  base.sku: field required\n"
        "  base.skew: extra inputs are not permitted"
    )


def test_a_folder_without_a_recipe_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path)
    assert str(caught.value) == (
        f"no recipe: {tmp_path.resolve() / 'recipe.toml'} does not exist\n"
        "  fix: set image.recipe in release.toml to the folder with recipe.toml"
    )


def test_nothing_may_follow_a_check(folder: Path) -> None:
    (folder / "recipe.toml").write_text(
        RECIPE.replace('kind = "file"', 'kind = "check"')
        .replace('destination = "/opt/web"\n', "")
        .replace('mode = "0644"\n', "")
    )
    with pytest.raises(SettingsError, match="a check must come after all other"):
        read(folder)


def test_a_symbolic_link_is_refused(folder: Path) -> None:
    (folder / "link").symlink_to("install.sh")
    with pytest.raises(SettingsError, match="image/link: is a symbolic link"):
        read(folder)
