import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from release.doctor import UNUSED, Check, Standing, examine, identity, require
from release.errors import UsageError
from release.settings import account_of, load

ID = "22222222-2222-2222-2222-222222222222"
TABLE = """
resource_group = "shop"
image_resource_group = "shop"
scale_set = "shop"
gallery = "shop"
image_definition = "shop"
"""
PORT = 47_123
RELEASE = f"""
[image]
build = ["make-dist", "all"]
[env.local]
cloud = "local"
site_port = {PORT}
service_port = {PORT}{TABLE}
[env.qa]
cloud = "azure"
subscription = "{ID}"{TABLE}
"""
RECIPE = """
name = "shop"
[base]
publisher = "Debian"
offer = "debian-12"
sku = "12-gen2"
[[provision]]
kind = "shell"
source = "../dist/that-is-built-later.sh"
"""
PRINCIPAL = {
    "ARM_TENANT_ID": ID,
    "ARM_CLIENT_ID": ID,
    "ARM_CLIENT_SECRET": "hush",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a project that has all that settings name."""
    (tmp_path / "release.toml").write_text(RELEASE)
    for name in ("app/image/recipe.toml", "tests/load/locustfile.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "app/image/recipe.toml").write_text(RECIPE)
    return tmp_path


class Programs:
    """A folder of programs, as PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name in ("make-dist", "python3"):
            self.add(name)
        self.add("packer", "Packer v1.6.6")
        for name in ("bwrap", "setpriv", "haproxy"):
            found = shutil.which(name, path="/usr/bin:/usr/sbin:/bin:/sbin")
            assert found
            (folder / name).symlink_to(found)
        self.add("chromium", "Chromium 156.0.1")
        self.add("chromedriver", "ChromeDriver 156.0.2 (abc)")

    def add(self, name: str, output: str = "1.0", code: int = 0) -> None:
        path = self.folder / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\necho '{output}'\nexit {code}\n")
        path.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(tmp_path / "programs")


def look(
    project: Path,
    programs: Programs,
    environment: str = "local",
    *,
    variables: Mapping[str, str] | None = None,
) -> dict[str, Check]:
    given = {"PATH": str(programs.folder), **(variables or {})}
    checks = examine(project, environment, options={}, variables=given)
    return {check.name: check for check in checks}


def gaps(checks: Mapping[str, Check]) -> list[str]:
    return [name for name, one in checks.items() if one.standing is Standing.GAP]


def test_nothing_is_amiss_where_all_is_there(project: Path, programs: Programs) -> None:
    checks = look(project, programs)

    assert gaps(checks) == []
    assert list(checks) == [
        *("release.toml", "image.recipe", "load.locustfile", "image.build"),
        *("Python", "Locust", "browser (chrome)", "Packer"),
        *("haproxy", "setpriv", "python3", "bubblewrap", f"port {PORT}"),
        *("credential", "embedded Azure"),
    ]
    assert checks["browser (chrome)"].found == (
        f"{programs.folder}/chromium 156.0.1, driver 156.0.2"
    )
    assert checks["release.toml"].found == "local: local, 9 settings given"
    assert checks["bubblewrap"].found.endswith("makes sandboxes")
    assert checks["embedded Azure"].found == "does not run; a release starts it"


def test_a_file_that_settings_name_is_missed(project: Path, programs: Programs) -> None:
    (project / "tests/load/locustfile.py").unlink()
    (programs.folder / "make-dist").unlink()

    checks = look(project, programs)

    assert gaps(checks) == ["load.locustfile", "image.build"]
    assert checks["load.locustfile"].found == "there is no tests/load/locustfile.py"
    assert checks["load.locustfile"].fix == "write it, or name another (default)"
    assert checks["image.build"].found == "make-dist is not installed"


@pytest.mark.parametrize(
    ("word", "found"),
    [("./image", "./image is no program"), ("", "an empty word is no program")],
)
def test_a_build_that_is_no_program_is_a_gap(
    project: Path, programs: Programs, word: str, found: str
) -> None:
    toml = project / "release.toml"
    toml.write_text(toml.read_text().replace("make-dist", word))

    check = look(project, programs)["image.build"]

    line = toml.read_text().split("\n").index(f'build = ["{word}", "all"]') + 1
    assert (check.found, check.fix) == (
        found,
        f"name one that may be run (release.toml line {line})",
    )


def test_a_recipe_that_is_wrong_is_a_gap(project: Path, programs: Programs) -> None:
    (project / "app/image/recipe.toml").write_text("name = ")

    found = look(project, programs)["image.recipe"]

    assert found.found.endswith(
        "recipe.toml has 1 problem:\n  Invalid value (at end of document)"
    )
    assert found.fix == "mend the recipe"


def with_packer(project: Path, template: str) -> None:
    """Let a project bake with Packer."""
    text = RELEASE.replace("[image]", '[image]\nbuilder = "packer"')
    (project / "release.toml").write_text(text)
    (project / "app/image/shop.pkr.hcl").write_text(template)
    (project / "app/image/recipe.toml").unlink()


def test_a_native_bake_does_not_miss_packer(project: Path, programs: Programs) -> None:
    assert look(project, programs)["Packer"].found == (
        f'1.6.6 at {programs.folder}/packer, which image.builder = "packer" would use'
    )
    (programs.folder / "packer").unlink()

    checks = look(project, programs)

    assert gaps(checks) == []
    assert checks["Packer"].found == (
        'packer is not installed; only image.builder = "packer" needs it'
    )


def test_a_bake_with_packer_needs_it_and_a_template_before_it_begins(
    project: Path, programs: Programs
) -> None:
    with_packer(project, 'source "azure-arm" "shop" {}\n')
    assert needed(project, programs, releases=True) == ""
    (programs.folder / "packer").unlink()
    (project / "app/image/shop.pkr.hcl").unlink()

    assert needed(project, programs, releases=True) == (
        "2 things stand in the way of environment local:\n"
        "  image.packer.template: app/image has no file *.pkr.hcl or *.pkr.json; write "
        "it, or name another in image.packer.template\n"
        "  Packer: packer is not installed; install Packer 1.6.6 or newer (Debian: "
        'apt-get install packer), or set image.builder = "native"\n'
        "  fix: then see: python -m release doctor --env local"
    )


def test_a_packer_too_old_is_a_gap(project: Path, programs: Programs) -> None:
    with_packer(project, "")
    programs.add("packer", "Packer v1.5.4")

    found = look(project, programs)["Packer"]

    assert found.found == f"{programs.folder}/packer is Packer 1.5.4"
    assert found.fix == "install 1.6.6 or newer: HCL2 and this harness need it"


def test_a_packer_without_builders_of_its_own_needs_plugins(
    project: Path, programs: Programs
) -> None:
    template = 'source "azure-arm" "shop" {}\nprovisioner "ansible" {}\n'
    with_packer(project, template)
    programs.add("packer", "Packer v1.11.2 /x/packer-plugin-azure_v2.3.3_x5.0_linux")

    checks = look(project, programs)

    assert gaps(checks) == ["Packer's plugin ansible", "Ansible"]
    assert checks["Packer's plugin azure"].found == "installed"
    assert checks["Packer's plugin ansible"].fix == (
        "run packer plugins install github.com/hashicorp/ansible"
    )
    assert checks["Ansible"].fix == (
        "run pip install ansible-core, or use ansible-local"
    )
    with_plugins = f"packer {{\n  required_plugins {{\n  }}\n}}\n{template}"
    (project / "app/image/shop.pkr.hcl").write_text(with_plugins)
    assert gaps(look(project, programs)) == ["Ansible"]


def needed(project: Path, programs: Programs, *, releases: bool) -> str:
    """Return what `require` says is missing, or ""."""
    settings = load(project, "local", options={}, variables={})
    try:
        require(settings, path=str(programs.folder), releases=releases)
    except UsageError as error:
        return str(error)
    return ""


def test_a_release_is_told_all_that_is_missing_before_it_begins(
    project: Path, programs: Programs
) -> None:
    assert needed(project, programs, releases=True) == ""
    (programs.folder / "bwrap").unlink()
    (project / "tests/load/locustfile.py").unlink()
    (project / "app/image/recipe.toml").unlink()

    assert needed(project, programs, releases=True) == (
        "3 things stand in the way of environment local:\n"
        "  image.recipe: there is no app/image/recipe.toml; write it, or name another "
        "(default)\n"
        "  load.locustfile: there is no tests/load/locustfile.py; write it, or name "
        "another (default)\n"
        "  bubblewrap: not installed; run apt-get install bubblewrap, or this "
        "system's own package of that name\n"
        "  fix: then see: python -m release doctor --env local"
    )


def test_who_attaches_needs_no_recipe(project: Path, programs: Programs) -> None:
    (project / "app/image/recipe.toml").unlink()

    assert needed(project, programs, releases=False) == ""


def test_wrong_settings_are_told_and_the_rest_is_still_looked_at(
    project: Path, programs: Programs
) -> None:
    text = RELEASE.replace(f'subscription = "{ID}"\n', "").replace(str(PORT), "0")
    (project / "release.toml").write_text(text)

    checks = look(project, programs, "qa")

    assert gaps(checks) == ["release.toml", "credential"]
    assert checks["release.toml"].found.startswith("release.toml has 3 problems:\n")


def test_an_unknown_environment_is_no_gap_but_an_error(
    project: Path, programs: Programs
) -> None:
    with pytest.raises(UsageError, match="there is no environment 'prod'"):
        look(project, programs, "prod")


def test_a_missing_browser_is_told_with_how_to_get_it(
    project: Path, programs: Programs
) -> None:
    (programs.folder / "chromium").unlink()

    checks = look(project, programs)

    assert gaps(checks) == ["browser (chrome)"]
    assert "apt-get install chromium chromium-driver" in checks["browser (chrome)"].fix


def test_a_browser_and_a_driver_of_two_versions_are_a_gap(
    project: Path, programs: Programs
) -> None:
    programs.add("chromedriver", "ChromeDriver 150.0.2")

    assert look(project, programs)["browser (chrome)"] == Check(
        topic="tools",
        name="browser (chrome)",
        found=f"{programs.folder}/chromium 156.0.1, driver 150.0.2",
        fix="install a browser and driver of one version",
    )


def test_a_program_that_cannot_run_is_a_gap(project: Path, programs: Programs) -> None:
    programs.add("chromium", "no libnss3", code=127)

    assert look(project, programs)["browser (chrome)"].found == (
        f"{programs.folder}/chromium --version says: no libnss3"
    )


def test_bubblewrap_must_work_and_not_only_be_there(
    project: Path, programs: Programs
) -> None:
    programs.add("bwrap", "bwrap: No permissions to create new namespace", code=1)

    found = look(project, programs)["bubblewrap"]

    assert found.found == (
        f"{programs.folder}/bwrap cannot make a sandbox: "
        "bwrap: No permissions to create new namespace"
    )
    assert found.fix.startswith("allow user namespaces")


def test_a_missing_bubblewrap_is_told(project: Path, programs: Programs) -> None:
    (programs.folder / "bwrap").unlink()

    assert look(project, programs)["bubblewrap"] == Check(
        topic="tools",
        name="bubblewrap",
        found="not installed",
        fix="run apt-get install bubblewrap, or this system's own package of that name",
    )


def test_a_port_that_a_program_has_at_all_addresses_is_told(
    project: Path, programs: Programs
) -> None:
    # The address stands for all: a port is taken there or nowhere else.
    with socket.create_server((UNUSED, 0)) as listener:
        port = listener.getsockname()[1]
        text = RELEASE.replace(f"site_port = {PORT}", f"site_port = {port}")
        (project / "release.toml").write_text(text)

        assert needed(project, programs, releases=True) == (
            "1 thing stands in the way of environment local:\n"
            f"  port {port}: a program listens on it at all addresses (Address already "
            f"in use); ss -ltnp 'sport = :{port}' shows which; end that program, or "
            "set another site_port\n"
            "  fix: then see: python -m release doctor --env local"
        )


def test_an_azure_that_does_not_answer_is_a_gap(
    project: Path, programs: Programs
) -> None:
    nobody = PRINCIPAL | {"RELEASE_ARM_URL": "https://127.0.0.1:1"}

    checks = look(project, programs, "qa", variables=nobody)

    assert gaps(checks) == ["Azure Resource Manager"]
    assert checks["credential"].found.startswith(f"client secret: of {ID}; ")
    assert checks["Azure Resource Manager"].found == (
        "https://127.0.0.1:1 tells no endpoints of an Azure: no answer: [Errno 111] "
        "Connection refused"
    )
    assert "bubblewrap" not in checks


def test_half_a_credential_is_a_gap(programs: Programs) -> None:
    half = account_of({"ARM_TENANT_ID": ID, "ARM_CLIENT_SECRET": "hush"})

    found = identity(half, str(programs.folder))

    assert found.found.startswith(
        "only a part of client secret: ARM_CLIENT_ID or AZURE_CLIENT_ID is not set\n"
    )
    assert found.fix == (
        "set ARM_CLIENT_ID or AZURE_CLIENT_ID, or unset ARM_CLIENT_SECRET or "
        "AZURE_CLIENT_SECRET"
    )


def test_the_azure_cli_counts_when_it_is_signed_in(programs: Programs) -> None:
    programs.add("az", "me@example.com")
    signed_in = identity(account_of({}), str(programs.folder))
    programs.add("az", "Please run az login", code=1)
    signed_out = identity(account_of({}), str(programs.folder))

    assert signed_in.found.startswith(
        "Azure CLI as me@example.com: az is installed, and nothing else is given\n"
    )
    assert signed_out == Check(
        topic="credential",
        name="credential",
        found="Azure CLI: nobody is signed in",
        fix="run az login",
    )
