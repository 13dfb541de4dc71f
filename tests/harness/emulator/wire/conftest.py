"""One of each resource that there is, and requests as no SDK would send them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from release.emulator.resources import KINDS, ROUTES

GROUP = "every"
VERSION = "api-version=2024-11-01"
TEMPLATE = Path(__file__).with_name("everything.json")
NAMED = {
    "group": GROUP,
    "location": "westeurope",
    "namespace": "Microsoft.Compute",
    "deployment": "every",
    "operation": "none",
    "publisher": "Debian",
    "offer": "debian-12",
    "sku": "12-gen2",
    "version": "latest",
    "type": "CustomScript",
    "command": "RunShellScript",
    "name": "none",
    "value": "none",
}
"""What stands for the names in a route's pattern."""


@dataclass(kw_only=True)
class Stranger:
    """A client that nobody here wrote; it notes what is wrong with an answer."""

    azure: Any
    session: requests.Session
    examples: dict[str, str]
    """The id of one resource of each type."""
    wrong: list[str] = field(default_factory=list)

    def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> requests.Response:
        """Send one request; `path` and a body of bytes go as they are."""
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        head = {k.replace("_", "-"): v for k, v in headers.items()}
        request = requests.Request(
            method,
            self.azure.endpoint["arm"] + path,
            data=raw,
            headers={"Content-Type": "application/json", **head},
        )
        prepared = self.session.prepare_request(request)
        prepared.url = self.azure.endpoint["arm"] + path
        answer = self.session.send(
            prepared, verify=self.azure.endpoint["ca"], timeout=60
        )
        self._check(answer, f"{method} {path} {raw!r:.200}")
        if answer.status_code < 300 and "Azure-AsyncOperation" in answer.headers:
            self._follow(answer.headers["Azure-AsyncOperation"])
        return answer

    def _follow(self, where: str) -> None:
        """Wait for an operation's end: it is held until then."""
        status = {"status": "InProgress"}
        while status["status"] == "InProgress":
            ca = self.azure.endpoint["ca"]
            status = self.session.get(where, verify=ca, timeout=60).json()

    def _check(self, answer: requests.Response, asked: str) -> None:
        said = f"{asked} -> {answer.status_code} {answer.text:.200}"
        if answer.status_code >= 500:
            self.wrong.append(f"broke: {said}")
        for name in ("x-ms-request-id", "x-ms-correlation-request-id"):
            if name not in answer.headers:
                self.wrong.append(f"no {name}: {said}")
        if answer.status_code == 202 and "Location" not in answer.headers:
            self.wrong.append(f"nowhere to ask: {said}")
        if answer.status_code < 400 or asked.startswith("HEAD"):
            return
        try:
            error = answer.json()["error"]
            sound = error["code"].isalnum() and error["message"]
        except (ValueError, KeyError, TypeError):
            sound = False
        if not sound:
            self.wrong.append(f"no envelope: {said}")

    def broken_operations(self) -> list[str]:
        """Operations of this group that ended by an error of the emulator's own."""
        table = self.azure.server.cloud.operations
        return [
            f"{operation.verb} {operation.resource_id}: {operation.error.message}"
            for operation in list(table._all.values())  # noqa: SLF001 - its own view
            if operation.resource_id.group == GROUP
            and operation.error
            and operation.error.code == "InternalExecutionError"
        ]

    def paths(self) -> list[str]:
        """A path of each route, resource, list and action."""
        sub = self.azure.endpoint["subscription"]
        group = f"/subscriptions/{sub}/resourceGroups/{GROUP}"
        known = NAMED | {"subscription": sub, "scope": group[1:]}
        found = {self._filled(route.pattern, known) for route in ROUTES}
        for kind in KINDS:
            if kind.type not in self.examples:
                continue
            own = self.examples[kind.type]
            found |= {own, own.rpartition("/")[0], f"{own}-not", f"{own}/nothing"}
            found |= {f"{own}/{tail}" for _, tail in kind.actions}
        nowhere = f"/subscriptions/{sub}/resourceGroups/nope"
        return sorted(
            found
            | {
                "/",
                "/providers",
                "/subscriptions/nope",
                f"/subscriptions/{sub}/providers/Microsoft.Nothing",
                nowhere,
                f"{nowhere}/providers/Microsoft.Compute/virtualMachines/x",
                f"{group}/providers",
                f"{group}/providers/Microsoft.Compute",
                f"{group}/providers/Microsoft.Nothing/things/x",
            }
        )

    @staticmethod
    def _filled(pattern: str, known: dict[str, str]) -> str:
        path = re.sub(r"\{(\w+)\*?\}", lambda found: known[found[1]], pattern)
        return path if path.startswith("/") else f"/{path}"


@pytest.fixture
def stranger(one_of_each: Stranger) -> Stranger:
    """The client, with nothing noted yet."""
    one_of_each.wrong.clear()
    return one_of_each


@pytest.fixture(scope="module")
def one_of_each(azure: Any) -> Iterator[Stranger]:
    azure.resources.resource_groups.create_or_update(GROUP, {"location": "westeurope"})
    template = json.loads(TEMPLATE.read_text())
    azure.deployments.deployments.begin_create_or_update(
        GROUP, "every", {"properties": {"mode": "Incremental", "template": template}}
    ).result()
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {azure.token().token}"
        yield Stranger(azure=azure, session=session, examples=_examples(azure))
    lock = f"{azure.scope}/resourceGroups/{GROUP}/providers/Microsoft.Compute/disks/"
    azure.ask("DELETE", f"{lock}disk/providers/Microsoft.Authorization/locks/keep")
    azure.resources.resource_groups.begin_delete(GROUP).result()


def _examples(azure: Any) -> dict[str, str]:
    """Return the id of one resource of each type, out of its parent's list."""
    group = f"{azure.scope}/resourceGroups/{GROUP}"
    found = {"Microsoft.Resources/resourceGroups": group}
    for kind in sorted(KINDS, key=lambda kind: kind.type.count("/")):
        above = kind.type.rpartition("/")[0]
        parent = found.get(above) or f"{group}/providers/{above}"
        if above.startswith("Microsoft.Authorization"):
            parent = f"{group}/providers/Microsoft.Compute/disks/disk/providers/{above}"
        status, _, body = azure.ask("GET", f"{parent}/{kind.type.rpartition('/')[2]}")
        if status == 200 and body.get("value"):
            found.setdefault(kind.type, body["value"][0]["id"])
    return found
