import shutil
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import trustme

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


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        known = self.path == "/metadata/endpoints?api-version=2022-09-01"
        self.send_response(200 if known else 407)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Serve https on loopback; return its URL and certificate authority."""
    authority = trustme.CA()
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}", ca
        server.shutdown()
        thread.join()


def look(
    project: Path,
    programs: Programs,
    environment: str = "local",
    *,
    arm: str = "https://127.0.0.1:1",
    ca: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> dict[str, Check]:
    given = {"PATH": str(programs.folder), **(variables or {})}
    checks = examine(project, environment, options={}, variables=given, arm=arm, ca=ca)
    return {check.name: check for check in checks}


def gaps(checks: Mapping[str, Check]) -> list[str]:
    return [name for name, one in checks.items() if one.standing is Standing.GAP]


def test_nothing_is_amiss_where_all_is_there(project: Path, programs: Programs) -> None:
    checks = look(project, programs)

    assert gaps(checks) == []
    assert list(checks) == [
        *("release.toml", "image.recipe", "load.locustfile", "image.build"),
        *("Python", "Locust", "browser (chrome)"),
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


def test_a_recipe_that_is_wrong_is_a_gap(project: Path, programs: Programs) -> None:
    (project / "app/image/recipe.toml").write_text("name = ")

    found = look(project, programs)["image.recipe"]

    assert found.found.endswith(
        "recipe.toml has 1 problem:\n  Invalid value (at end of document)"
    )
    assert found.fix == "mend the recipe"


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

    assert gaps(checks) == ["release.toml", "credential", "Azure Resource Manager"]
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


def test_azure_needs_a_credential_and_an_answer(
    project: Path, programs: Programs, arm: tuple[str, Path]
) -> None:
    url, ca = arm

    checks = look(project, programs, "qa", arm=url, ca=ca, variables=PRINCIPAL)

    assert gaps(checks) == []
    assert checks["credential"].found == f"service principal {ID}, by its secret"
    assert checks["Azure Resource Manager"].found == f"{url} answers 200"
    assert "bubblewrap" not in checks


def test_an_azure_that_is_not_trusted_or_not_there_is_a_gap(
    project: Path, programs: Programs, arm: tuple[str, Path]
) -> None:
    url, _ = arm

    strange = look(project, programs, "qa", arm=url, variables=PRINCIPAL)
    gone = look(project, programs, "qa", variables=PRINCIPAL)

    assert "certificate" in strange["Azure Resource Manager"].found
    assert gone["Azure Resource Manager"].found == (
        "https://127.0.0.1:1 does not answer: [Errno 111] Connection refused"
    )


@pytest.mark.parametrize(
    ("variables", "found", "fix"),
    [
        pytest.param(
            {},
            "none",
            "set ARM_TENANT_ID, ARM_CLIENT_ID, ARM_CLIENT_SECRET; "
            "or install the Azure CLI and run az login",
            id="nothing",
        ),
        pytest.param(
            {"ARM_TENANT_ID": ID, "ARM_CLIENT_SECRET": "hush"},
            "a part of one",
            "set ARM_CLIENT_ID; or install the Azure CLI and run az login",
            id="half",
        ),
        pytest.param(
            {
                "AZURE_TENANT_ID": ID,
                "AZURE_CLIENT_ID": ID,
                "AZURE_FEDERATED_TOKEN_FILE": "/token",
            },
            f"workload identity {ID}",
            "",
            id="workload",
        ),
        pytest.param(
            {
                "AZURE_TENANT_ID": ID,
                "AZURE_CLIENT_ID": ID,
                "AZURE_CLIENT_CERTIFICATE_PATH": "/cert.pem",
            },
            f"service principal {ID}, by a certificate",
            "",
            id="certificate",
        ),
        pytest.param(
            {"IDENTITY_ENDPOINT": "http://127.0.0.1:1"},
            "managed identity of this machine",
            "",
            id="managed",
        ),
    ],
)
def test_the_credential_says_who_would_sign_in(
    programs: Programs, variables: Mapping[str, str], found: str, fix: str
) -> None:
    assert identity(account_of(variables), variables, str(programs.folder)) == Check(
        topic="credential", name="credential", found=found, fix=fix
    )


def test_the_azure_cli_counts_when_it_is_signed_in(programs: Programs) -> None:
    programs.add("az", "me@example.com")
    signed_in = identity(account_of({}), {}, str(programs.folder))
    programs.add("az", "Please run az login", code=1)
    signed_out = identity(account_of({}), {}, str(programs.folder))

    assert signed_in.found == "Azure CLI, signed in as me@example.com"
    assert signed_out.fix == (
        "set ARM_TENANT_ID, ARM_CLIENT_ID, ARM_CLIENT_SECRET; or run az login"
    )
