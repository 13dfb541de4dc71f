"""What the Azure CLI 2.91 sends for a session of commands, and what it reads.

``azure_cli/session.json`` is what the unmodified client asked of this embedded Azure,
bodies as it wrote them: that of a deployment is no JSON, for the template's own text,
comments and all, stands in it under a name without quotes.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

SESSION = Path(__file__).parent / "azure_cli/session.json"
PASSWORD = "Correct-Horse-9"
READS = {
    "cloud register": "authentication.loginEndpoint authentication.audiences.0 "
    "resourceManager suffixes.storage microsoftGraphResourceId vmImageAliasDoc",
    "login": "value.0.id value.0.subscriptionId value.0.tenantId value.0.displayName "
    "value.0.state value.0.managedByTenants",
    "account list-locations": "value.0.name value.0.displayName "
    "value.0.regionalDisplayName value.0.metadata",
    "provider show": "namespace registrationState resourceTypes.0.resourceType "
    "resourceTypes.0.apiVersions.0",
    "group create": "id name type location tags.team properties.provisioningState",
    "group list": "value.0.properties.provisioningState",
    "deployment group validate": "id name properties.parameters.password.type",
    "deployment group what-if": "status properties.changes.0.resourceId "
    "properties.changes.0.changeType",
    "deployment group create -n d1": "properties.outputs.count.value "
    "properties.correlationId properties.outputResources.0.id properties.duration",
    "deployment group wait": "properties.provisioningState",
    "deployment group list": "value.0.properties.timestamp value.0.properties.mode",
    "deployment group export": "template.$schema",
    "deployment operation group list": "value.0.operationId "
    "value.0.properties.provisioningState value.0.properties.statusCode",
    "vmss show": "sku.capacity properties.upgradePolicy.mode properties.uniqueId "
    "properties.virtualMachineProfile.osProfile properties.provisioningState",
    "vmss list ": "value.0.sku.capacity",
    "vmss list-instances": "value.0.instanceId value.0.name "
    "value.0.properties.latestModelApplied value.0.properties.vmId "
    "value.0.properties.instanceView.statuses.1.code",
    "vmss get-instance-view -g web-rg -n web --instance": "statuses.1.code",
    "vmss get-instance-view": "virtualMachine.statusesSummary.0.count statuses.0.code",
    "vmss scale": "properties.virtualMachineProfile.osProfile sku.capacity",
    "vmss rolling-upgrade get-latest": "error.code error.message",
    "network vnet list": "value.0.properties.subnets.0.id",
    "resource list": "value.0.createdTime value.0.changedTime "
    "value.0.provisioningState",
    "storage account check-name": "nameAvailable",
}
"""What the client reads in the last answer to a command, by how that begins."""


@dataclass
class Client:
    """Sends a recording; a poll goes where the last answer pointed."""

    azure: Any
    token: str = ""
    _answers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        endpoint = self.azure.endpoint
        names = ("arm", "subscription", "tenant", "client_id", "client_secret")
        self._fillings = {name: endpoint[name] for name in names}
        self._fillings["password"] = PASSWORD

    def send(self, asked: dict[str, Any]) -> requests.Response:
        """Send one request; follow an operation to its end."""
        path, text = self._filled(asked["path"]), asked.get("text")
        url = f"{self.azure.endpoint['arm']}{path}?{self._filled(asked['query'])}"
        polls = path.endswith("/{operation}")
        if polls:
            results = "operationresults" in path.lower()
            url = self._answers["Location" if results else "Azure-AsyncOperation"]
        deadline = time.monotonic() + 30
        while True:
            answer = self._ask(asked["method"], url, text and self._filled(text))
            running = answer.status_code == 202 or (
                answer.text and answer.json().get("status") == "InProgress"
            )
            if not (polls and running):
                return answer
            assert time.monotonic() < deadline, answer.text

    def _ask(self, method: str, url: str, text: str | None) -> requests.Response:
        kind = "x-www-form-urlencoded" if url.endswith("/token?") else "json"
        headers = {"Content-Type": f"application/{kind}"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        with requests.Session() as session:
            answer = session.request(
                method,
                url,
                data=text and text.encode(),
                headers=headers,
                verify=self.azure.endpoint["ca"],
                timeout=30,
            )
        pointers = ("Azure-AsyncOperation", "Location")
        self._answers |= {n: answer.headers[n] for n in pointers if n in answer.headers}
        if answer.status_code in (201, 202):
            assert answer.headers.get("Retry-After", "1") == "1"
        return answer

    def _filled(self, text: str) -> str:
        for name, value in self._fillings.items():
            text = text.replace(f"{{{name}}}", value)
        return text


@pytest.fixture(scope="module")
def played(azure) -> dict[str, list[tuple[dict, requests.Response]]]:
    """All that was answered, by command."""
    client = Client(azure)
    told: dict[str, list[tuple[dict, requests.Response]]] = {}
    for step in json.loads(SESSION.read_text())["session"]:
        answers = told.setdefault(step["command"], [])
        for asked in step["requests"]:
            answer = client.send(asked)
            answers.append((asked, answer))
            if asked["path"].endswith("/oauth2/v2.0/token"):
                client.token = answer.json()["access_token"]
    return told


COMMANDS = [step["command"] for step in json.loads(SESSION.read_text())["session"]]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_gets_the_answers_that_it_needs(played, command) -> None:
    got = [
        (asked["method"], asked["path"], answer.status_code)
        for asked, answer in played[command]
    ]
    assert got == [
        (asked["method"], asked["path"], asked["status"])
        for asked, _ in played[command]
    ], played[command][-1][1].text
    read = next((READS[b] for b in READS if command.startswith(f"az {b}")), "")
    shown = played[command][-1][1]
    for path in read.split():
        at(shown.json(), path)


def at(value: Any, path: str) -> Any:
    """Return what is at a dotted path; fail when it is not there."""
    for name in path.split("."):
        found = value[int(name)] if isinstance(value, list) else value.get(name)
        assert found is not None, f"{path}: no {name} in {value}"
        value = found
    return value


def test_a_secret_comes_back_in_no_answer(played) -> None:
    for answers in played.values():
        assert all(PASSWORD not in answer.text for _, answer in answers)


def test_a_body_with_a_name_without_quotes_was_sent(played) -> None:
    sent = [asked.get("text", "") for asked, _ in played[COMMANDS[9]]]
    assert len([text for text in sent if ", template:{" in text]) == 1


def test_what_would_change_is_told_with_its_path(played) -> None:
    command = next(c for c in COMMANDS if "what-if" in c and "count=1" in c)
    changes = played[command][-1][1].json()["properties"]["changes"]
    assert [(one["changeType"], one["delta"]) for one in changes] == [
        ("NoChange", None),
        (
            "Modify",
            [
                {
                    "path": "sku.capacity",
                    "propertyChangeType": "Modify",
                    "before": 2,
                    "after": 1,
                    "children": None,
                }
            ],
        ),
    ]


def test_scaling_keeps_what_its_put_left_out(played) -> None:
    (command,) = [c for c in COMMANDS if "vmss scale" in c]
    (put,) = [asked for asked, _ in played[command] if asked["method"] == "PUT"]
    assert set(json.loads(put["text"])) == {"location", "sku"}
    shown = played[command][-1][1].json()
    assert shown["sku"]["capacity"] == 3
    assert shown["properties"]["virtualMachineProfile"]["osProfile"]
