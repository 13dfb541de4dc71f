"""The unmodified Azure CLI, logged in to an embedded Azure."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

TIMEOUT_S = 120
VERSIONS = {
    "versions": {
        "azure-cli": {"local": "2.91.0"},
        "core": {"local": "2.91.0"},
        "telemetry": {"local": "1.1.0"},
    },
    "update_time": "2026-01-01 00:00:00.0",
}
"""What a new configuration folder is given, or its first command looks for updates."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str


@dataclass(frozen=True, kw_only=True)
class AzureCli:
    """`az`, with a home of its own and nowhere to go but the embedded Azure.

    Words of a command are those of a shell; ``{folder}`` is its scratch folder.
    """

    program: Path
    folder: Path
    ca: str

    def __call__(self, command: str) -> Any:
        """Run a command that succeeds; return its JSON, None for no output."""
        ended = self.run(command)
        assert ended.status == 0, f"az {command}\n{ended.err}"
        return json.loads(ended.out) if ended.out.strip() else None

    def text(self, command: str) -> str:
        """Run a command that succeeds; return what it wrote."""
        ended = self.run(command)
        assert ended.status == 0, f"az {command}\n{ended.err}"
        return ended.out.strip()

    def columns(self, command: str) -> list[str]:
        """Run a command that shows a table; return the columns' titles."""
        return self.text(f"{command} --output table").splitlines()[0].split()

    def refused(self, command: str) -> tuple[int, str]:
        """Run a command that fails; return its status and the first line it tells."""
        ended = self.run(command)
        assert ended.status != 0, f"az {command}\n{ended.out}"
        assert "Traceback" not in ended.err, ended.err
        told = [line for line in ended.err.splitlines() if line.startswith("ERROR: ")]
        return ended.status, told[0].removeprefix("ERROR: ")

    def run(self, command: str) -> Ended:
        """Run a command, whatever comes of it."""
        words = shlex.split(command.replace("{folder}", str(self.folder)))
        done = subprocess.run(
            [self.program, *words],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        return Ended(status=done.returncode, out=done.stdout, err=done.stderr)

    def write(self, name: str, content: Any) -> str:
        """Write a JSON file for a command to read; return its path."""
        path = self.folder / name
        path.write_text(
            content if isinstance(content, str) else json.dumps(content),
            encoding="utf-8",
        )
        return str(path)

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "AZURE_CONFIG_DIR": str(self.folder / "config"),
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            "AZURE_CORE_DISABLE_PROGRESS_BAR": "true",
            "AZURE_CORE_INSTANCE_DISCOVERY": "false",
            "AZURE_CORE_NO_COLOR": "true",
            "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
            "REQUESTS_CA_BUNDLE": self.ca,
            # Port 9 discards: whatever would leave this machine fails at once.
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1,localhost",
        }


@pytest.fixture(scope="session")
def make_stranger(
    embedded, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], AzureCli]:
    """Make an `az` that knows of the embedded Azure and has not logged in.

    Each has a folder of its own: a wrong secret "works" while a token is cached, and is
    then what the others log in with.
    """
    program = os.environ.get("AZ", "")
    if not program:
        pytest.fail("AZ is not set: run `make test-azure-cli`", pytrace=False)

    def make() -> AzureCli:
        folder = tmp_path_factory.mktemp("az")
        (folder / "config").mkdir()
        (folder / "config/versionCheck.json").write_text(json.dumps(VERSIONS))
        az = AzureCli(program=Path(program), folder=folder, ca=embedded.ca)
        az(f"cloud register -n embedded --endpoint-resource-manager {embedded.arm}")
        az("cloud set -n embedded")
        return az

    return make


@pytest.fixture(scope="session")
def az(make_stranger: Callable[[], AzureCli], embedded) -> AzureCli:
    """`az`, logged in."""
    stranger = make_stranger()
    found = stranger(
        f"login --service-principal -u {embedded.client_id} "
        f"-p {embedded.client_secret} --tenant {embedded.tenant}"
    )
    assert embedded.subscription in [one["id"] for one in found]
    stranger(f"account set --subscription {embedded.subscription}")
    return stranger


@pytest.fixture(scope="module")
def group(az: AzureCli, request: pytest.FixtureRequest):
    """A resource group of the module's own, the default of its commands."""
    name = Path(request.module.__file__).stem.replace("_", "-")
    az(f"group create -n {name} -l westus2")
    az(f"configure --defaults group={name}")
    yield name
    az("configure --defaults group=")
    az(f"group delete -n {name} -y")
