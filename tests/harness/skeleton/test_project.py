"""A project made by ``python -m release init`` has all that a release needs."""

import importlib.metadata
import subprocess
from pathlib import Path

import pytest

from release.bake import recipe
from release.cli import main
from release.errors import UsageError
from release.settings import load
from release.skeleton import make
from release.skeleton.project import FILES, INSIDE

ROOT = Path(__file__).parents[3]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    folder = tmp_path / "Book Shop"
    make(folder)
    return folder


def test_every_file_of_the_skeleton_is_in_the_project():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "."],
        cwd=FILES,
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(INSIDE) == sorted(listed.stdout.split())


def test_the_service_is_called_like_the_folder_everywhere(made):
    texts = [path.read_text() for path in made.rglob("*") if path.is_file()]
    assert not [text for text in texts if "myservice" in text]
    assert (made / "image" / "bookshop.service").is_file()
    assert 'scale_set = "bookshop-qa"' in (made / "release.toml").read_text()


@pytest.mark.parametrize("environment", ["local", "qa"])
def test_its_settings_are_right(made, environment):
    variables = {"ARM_SUBSCRIPTION_ID": "22222222-2222-2222-2222-222222222222"}
    settings = load(made, environment, options={}, variables=variables)
    assert settings.env.gallery == "bookshop"
    assert set(settings.env.load.thresholds) == {"*", "GET /"}
    assert (made / settings.env.load.locustfile).is_file()
    recipe.read(made / settings.image.recipe)


@pytest.mark.parametrize(
    "name",
    [".github/workflows/release.yml", "azure-pipelines.yml", ".ci/programs"],
)
def test_its_ci_is_that_of_this_repository(made, name):
    assert (made / name).read_bytes() == (ROOT / name).read_bytes()
    assert (made / name).stat().st_mode == (ROOT / name).stat().st_mode


def test_the_harness_that_made_it_is_asked_for_by_version(made):
    version = importlib.metadata.version("pytest-release")
    asked = (made / "requirements.txt").read_text().splitlines()
    assert asked[0] == f"pytest-release=={version}"


def test_nothing_is_overwritten_and_then_nothing_written(tmp_path):
    (tmp_path / "Makefile").write_text("mine")
    (tmp_path / "conftest.py").write_text("mine too")
    with pytest.raises(UsageError) as raised:
        make(tmp_path, "shop")
    assert str(raised.value) == (
        f"Makefile, conftest.py would be overwritten in {tmp_path}\n"
        "  fix: make it in an empty folder, and take from there what you need"
    )
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("name", ["9lives", "ab", "my-shop", "a" * 33])
def test_a_name_that_does_not_do_is_refused(tmp_path, name):
    with pytest.raises(UsageError) as raised:
        make(tmp_path, name)
    assert str(raised.value) == (
        f'"{name}" cannot be the name of a service: it must have 3 to 32 letters a-z '
        "and digits, a letter first\n"
        "  fix: python -m release init --name NAME"
    )


def test_the_command_lists_what_it_made(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--name", "shop"]) == 0
    *files, last = capsys.readouterr().out.splitlines()
    assert "image/shop.service" in files
    assert last == "release it to this machine: make release"
    assert main(["init", "--name", "shop"]) == 4
