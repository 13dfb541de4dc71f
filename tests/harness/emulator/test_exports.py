"""A group as a template that would make it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ESTATE = Path("tests/clients/azure_cli/template.json")
"""A network, an address, a balancer and a scale set, with comments in it."""
PASSWORD = "Not-for-anybody-1"


@pytest.fixture(scope="module")
def estate(azure):
    """A group with all that the template makes."""
    azure.resources.resource_groups.create_or_update(
        "exported", {"location": "westus2"}
    )
    text = ESTATE.read_text(encoding="utf-8")
    parameters = json.dumps({"password": {"value": PASSWORD}})
    # As the command-line client sends a template: the file's own text.
    given = f'{{"properties": {{"mode": "Incremental", "parameters": {parameters}, '
    given += f"template:{text}}}}}"
    group = f"{azure.scope}/resourcegroups/exported"
    path = f"{group}/providers/Microsoft.Resources/deployments/all"
    status, headers, _ = azure.ask("PUT", path, given.encode())
    assert status == 201
    poll = headers["Azure-AsyncOperation"].removeprefix(azure.endpoint["arm"])
    assert azure.ask("GET", poll)[2]["status"] == "Succeeded"
    yield "exported"
    azure.resources.resource_groups.begin_delete("exported").result()


def export(azure, group: str, **asked: Any) -> Any:
    path = f"{azure.scope}/resourcegroups/{group}/exportTemplate"
    status, _, answer = azure.ask("POST", path, {"resources": ["*"], **asked})
    return answer["template"] if status == 200 else answer["error"]


def foreseen(azure, group: str, template: Any) -> list[tuple[str, str, Any]]:
    deployments = azure.deployments.deployments
    properties = {"mode": "Incremental", "template": template}
    told = deployments.begin_what_if(group, "again", {"properties": properties})
    return [
        (one.change_type, one.resource_id.rpartition("/")[2], one.delta)
        for one in told.result().changes
    ]


def test_it_would_change_nothing_where_it_was_made(azure, estate) -> None:
    template = export(azure, estate, options="IncludeParameterDefaultValue")
    assert foreseen(azure, estate, template) == [
        ("NoChange", name, None) for name in ("net", "ip", "lb", "web")
    ]


def test_it_makes_the_same_elsewhere(azure, estate) -> None:
    template = export(azure, estate, options="SkipAllParameterization")
    assert template["parameters"] == {}
    assert [one["name"] for one in template["resources"]] == ["net", "ip", "lb", "web"]


def test_names_are_parameters_and_ids_are_expressions(azure, estate) -> None:
    template = export(azure, estate)
    assert template["parameters"]["loadBalancers_lb_name"] == {"type": "String"}
    balancer = template["resources"][2]
    assert balancer["name"] == "[parameters('loadBalancers_lb_name')]"
    address = (
        "[resourceId('Microsoft.Network/publicIPAddresses', "
        "parameters('publicIPAddresses_ip_name'))]"
    )
    assert balancer["dependsOn"] == [address]
    front = balancer["properties"]["frontendIPConfigurations"][0]
    assert front["properties"]["publicIPAddress"] == {"id": address}


def test_no_secret_is_exported(azure, estate) -> None:
    assert PASSWORD not in json.dumps(export(azure, estate))


def test_some_of_a_group_is_exported(azure, estate) -> None:
    base = f"{azure.scope}/resourceGroups/exported"
    network = f"{base}/providers/Microsoft.Network/virtualNetworks/net"
    template = export(azure, estate, resources=[network])
    assert [one["type"] for one in template["resources"]] == [
        "Microsoft.Network/virtualNetworks"
    ]
    assert export(azure, estate, resources=[f"{network}x"]) == {
        "code": "ResourceNotFound",
        "message": f"The resource '{network}x' is not in this group, or cannot be "
        "exported.",
    }
