"""A group for each template, and what is asked of what it deployed."""

from __future__ import annotations

import itertools
import json
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

LOCATION = "westus2"
TEMPLATES = Path(__file__).parent / "templates"
NETWORK_API = "2024-05-01"
_numbers = itertools.count()


@dataclass(frozen=True, kw_only=True)
class Place:
    """A resource group of a test's own."""

    azure: Any
    group: str

    @property
    def id(self) -> str:
        return f"{self.azure.scope}/resourceGroups/{self.group}"

    def deploy(
        self, template: str | dict[str, Any], **parameters: Any
    ) -> dict[str, Any]:
        """Deploy one by its name or as it is; return the outputs' values."""
        if isinstance(template, str):
            template = read(template)
        given = {"fleet": self.group, "user": "operator", "secret": "Correct-Horse-9"}
        declared = {name.lower() for name in template["parameters"]}
        given |= parameters
        values = {k: v for k, v in given.items() if k.lower() in declared}
        body = {
            "properties": {
                "mode": "Incremental",
                "template": template,
                "parameters": {k: {"value": v} for k, v in values.items()},
            }
        }
        done = self.azure.deployments.deployments.begin_create_or_update(
            self.group, "quickstart", body
        ).result()
        outputs: dict[str, Any] = done.properties.outputs or {}
        return {name: output.get("value") for name, output in outputs.items()}

    def fleets(self) -> list[str]:
        sets = self.azure.compute.virtual_machine_scale_sets
        return [found.name for found in sets.list(self.group)]

    def instances(self) -> list[Any]:
        vms = self.azure.compute.virtual_machine_scale_set_vms
        return [
            instance
            for fleet in self.fleets()
            for instance in vms.list(self.group, fleet, expand="instanceView")
        ]

    def states(self) -> set[str]:
        """What power and provisioning the instances say of themselves."""
        return {
            status.code
            for instance in self.instances()
            for status in instance.instance_view.statuses
        }

    def get(self, path: str) -> dict[str, Any]:
        """What is shown at a path below the group."""
        status, _, body = self.azure.ask(
            "GET", f"{self.id}/providers/{path}?api-version={NETWORK_API}"
        )
        assert status == 200, body
        found: dict[str, Any] = body
        return found

    def all_become(self, health: str) -> None:
        deadline = time.monotonic() + 20
        while True:
            views = [i.instance_view.vm_health for i in self.instances()]
            found = {v.status.code.rpartition("/")[2] if v else "" for v in views}
            if found == {health}:
                return
            assert time.monotonic() < deadline, found
            time.sleep(0.05)

    def ssh_banner(self, address: str, port: int) -> bytes:
        """What somebody who logs in would be greeted with."""
        with socket.create_connection((address, port), timeout=10) as connection:
            connection.settimeout(10)
            return connection.recv(7)

    def page(self, address: str, port: int) -> str:
        """What is served, as soon as anything is."""
        deadline = time.monotonic() + 20
        while True:
            try:
                with urllib.request.urlopen(
                    f"http://{address}:{port}/", timeout=5
                ) as answer:
                    return str(answer.read().decode())
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((TEMPLATES / f"{name}.json").read_text())
    return found


@pytest.fixture(scope="session")
def quickstart() -> Callable[[str], dict[str, Any]]:
    """Read a template."""
    return read


@pytest.fixture
def place(azure: Any) -> Iterator[Place]:
    group = f"strange{next(_numbers)}"
    azure.resources.resource_groups.create_or_update(group, {"location": LOCATION})
    yield Place(azure=azure, group=group)
    azure.resources.resource_groups.begin_delete(group).result()
