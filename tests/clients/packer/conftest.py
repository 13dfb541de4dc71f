"""The unmodified Packer of the system, sent to an embedded Azure by its proxy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.harness.emulator.compute.conftest import Estate, build, estate
from tests.harness.emulator.conftest import azure, connect, loop, serve

__all__ = ["azure", "build", "connect", "estate", "loop", "serve"]

LOCATION = "West Europe"
Body = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A run of Packer."""

    status: int
    lines: list[list[str]]
    """Fields of each line: time, target, type, data."""

    def said(self) -> str:
        return "\n".join(line[-1] for line in self.lines if line[2] == "ui")

    def artifact(self, builder: str) -> dict[str, str]:
        """What Packer says of an artifact: its ``id`` and the lines of its text."""
        found = {}
        for _, target, kind, *data in self.lines:
            if target == builder and kind == "artifact" and data[1] == "id":
                found["id"] = data[2]
            if target == builder and kind == "artifact" and data[1] == "string":
                pairs = (line.partition(": ") for line in data[2].splitlines())
                found |= {name: value for name, _, value in pairs if value}
        return found

    def errors(self) -> list[str]:
        return [line[3] for line in self.lines if line[2] == "error"]


@dataclass(frozen=True, kw_only=True)
class Packer:
    """Packer, and where it works.

    Args:
        estate: The group that images go to, in an embedded Azure.
        folder: Where templates are written.
    """

    estate: Estate
    folder: Path

    def builder(self, name: str, **more: Any) -> Body:
        endpoint = self.estate.azure.endpoint
        return {
            "type": "azure-arm",
            "name": name,
            "client_id": endpoint["client_id"],
            "client_secret": "{{user `secret`}}",
            "tenant_id": endpoint["tenant"],
            "subscription_id": endpoint["subscription"],
            "location": LOCATION,
            "vm_size": "Standard_B2s",
            "os_type": "Linux",
            "image_publisher": "Debian",
            "image_offer": "debian-12",
            "image_sku": "12-gen2",
            "ssh_username": "packer",
            "ssh_port": endpoint["ssh_port"],
            "ssh_timeout": "2m",
            **more,
        }

    def managed(self, name: str, **more: Any) -> Body:
        """A builder of a managed image."""
        image = {
            "managed_image_name": name,
            "managed_image_resource_group_name": self.estate.group,
        }
        return self.builder(name, **image, **more)

    def build(self, builders: list[Body], provisioners: list[Body]) -> Ended:
        """Run Packer to its end."""
        with self.building(builders, provisioners) as process:
            output, _ = process.communicate(timeout=120)
        return self.ended(process, output)

    @contextmanager
    def building(
        self, builders: list[Body], provisioners: list[Body]
    ) -> Iterator[subprocess.Popen[str]]:
        """Start Packer; what still runs at the end of the block is ended."""
        template = self.folder / "template.json"
        template.write_text(
            json.dumps(
                {
                    "variables": {"secret": "{{env `ARM_CLIENT_SECRET`}}"},
                    "sensitive-variables": ["secret"],
                    "builders": builders,
                    "provisioners": provisioners,
                }
            )
        )
        with subprocess.Popen(
            ["packer", "build", "-machine-readable", str(template)],
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    @staticmethod
    def ended(process: subprocess.Popen[str], output: str) -> Ended:
        lines = [line.split(",") for line in output.splitlines() if "," in line]
        return Ended(
            status=process.returncode,
            lines=[[_plain(field) for field in line] for line in lines],
        )

    def _environment(self) -> dict[str, str]:
        endpoint = self.estate.azure.endpoint
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "HTTPS_PROXY": endpoint["proxy"],
            "SSL_CERT_FILE": endpoint["ca"],
            "CHECKPOINT_DISABLE": "1",
            "ARM_CLIENT_SECRET": endpoint["client_secret"],
        }


def _plain(field: str) -> str:
    """Undo what Packer does to a field (https://www.packer.io/docs/commands)."""
    return (
        field.replace("%!(PACKER_COMMA)", ",").replace("\\n", "\n").replace("\\r", "\r")
    )


@pytest.fixture(scope="session")
def packer(estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Packer:
    assert shutil.which("packer"), "these tests need Packer: apt-get install packer"
    return Packer(estate=estate, folder=tmp_path_factory.mktemp("packer"))
