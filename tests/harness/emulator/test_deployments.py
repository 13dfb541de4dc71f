"""Deployments over HTTPS, asked by Azure's own client."""

from __future__ import annotations

import asyncio
import copy
import json
import shutil
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.mgmt.resource.deployments import DeploymentsMgmtClient
from azure.mgmt.resource.deployments.models import ProvisioningState
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resource.resources.models import ResourceGroup

from release.emulator.ids import parse
from release.emulator.resources.deployments import restore
from release.emulator.server import Options
from release.emulator.store import Store
from release.wait import Seen, wait_until

SCHEMA = (
    "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
)
STORE = "Microsoft.Storage/storageAccounts"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"


def template(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    head = {"$schema": SCHEMA, "contentVersion": "1.0.0.0"}
    return {**head, "resources": list(resources), **more}


def module(name: str, of: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a nested deployment, as Bicep writes a module."""
    properties = {
        "mode": "Incremental",
        "expressionEvaluationOptions": {"scope": "inner"},
        "template": of,
        "parameters": more.pop("parameters", {}),
    }
    return {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2025-04-01",
        "name": name,
        "properties": properties,
        **more,
    }


def store(name: str, **more: Any) -> dict[str, Any]:
    return {
        "type": STORE,
        "apiVersion": "2024-01-01",
        "name": name,
        "location": "[resourceGroup().location]",
        "sku": {"name": "Standard_LRS"},
        "kind": "StorageV2",
        **more,
    }


def body(of: dict[str, Any], mode: str = "Incremental", **parameters: Any) -> Any:
    given = {name: {"value": value} for name, value in parameters.items()}
    return {"properties": {"mode": mode, "template": of, "parameters": given}}


@pytest.fixture
def group(azure, request):
    """A resource group of this test's own, gone afterwards."""
    name = f"rg-{abs(hash(request.node.name)) % 10**8}"
    groups = azure.resources.resource_groups
    groups.create_or_update(name, ResourceGroup(location="westus2"))
    yield name
    groups.begin_delete(name).result()


def deploy(azure, group: str, name: str, given: Any) -> Any:
    operations = azure.deployments.deployments
    return operations.begin_create_or_update(group, name, given).result()


def ask(azure, method: str, path: str, given: bytes | None = None) -> Any:
    """Ask as no SDK would: any path, any body."""
    with requests.Session() as session:
        answer = session.request(
            method,
            f"{azure.endpoint['arm']}{path}",
            data=given,
            headers={
                "Authorization": f"Bearer {azure.token().token}",
                "Content-Type": "application/json",
            },
            verify=azure.endpoint["ca"],
            timeout=30,
        )
    return answer.status_code, answer.headers, answer.json() if answer.text else None


def at(azure, group: str, tail: str) -> str:
    subscription = azure.endpoint["subscription"]
    return f"/subscriptions/{subscription}/resourcegroups/{group}{tail}"


VERSION = "api-version=2025-04-01"
DEPLOYMENTS = "/providers/Microsoft.Resources/deployments"


def test_a_template_becomes_resources_and_outputs(azure, group) -> None:
    done = deploy(
        azure,
        group,
        "first",
        body(
            template(
                store("[parameters('name')]", tags={"team": "web"}),
                parameters={
                    "name": {"type": "string"},
                    "key": {"type": "securestring", "defaultValue": "hush"},
                },
                outputs={
                    "blob": {
                        "type": "string",
                        "value": "[reference(parameters('name'))"
                        ".primaryEndpoints.blob]",
                    },
                    "key": {"type": "securestring", "value": "[parameters('key')]"},
                    "keys": {
                        "type": "int",
                        "value": "[length(listKeys(parameters('name'), "
                        "'2024-01-01').keys)]",
                    },
                },
            ),
            name="firststore",
        ),
    ).properties
    assert done.provisioning_state == "Succeeded"
    assert done.parameters == {
        "name": {"type": "String", "value": "firststore"},
        "key": {"type": "SecureString"},
    }
    assert done.outputs["keys"] == {"type": "Int", "value": 2}
    assert done.outputs["key"] == {"type": "SecureString"}
    assert done.outputs["blob"]["value"].startswith("https://")
    assert [one.id.rpartition("/")[2] for one in done.output_resources] == [
        "firststore"
    ]
    assert done.providers[0].namespace == "Microsoft.Storage"
    assert done.correlation_id
    assert done.template_hash.isdigit()
    assert done.mode == "Incremental"


def test_a_template_is_told_of_its_cloud_and_of_who_deploys_it(azure, group) -> None:
    outputs = {
        "who": {"type": "string", "value": "[deployer().objectId]"},
        "suffixes": {"type": "object", "value": "[environment().suffixes]"},
    }
    done = deploy(azure, group, "told", body(template(outputs=outputs))).properties
    claims = jwt.decode(azure.token().token, options={"verify_signature": False})
    assert done.outputs["who"]["value"] == claims["oid"]
    assert done.outputs["suffixes"]["value"] == {
        "acrLoginServer": ".azurecr.io",
        "azureDatalakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
        "azureDatalakeStoreFileSystem": "azuredatalakestore.net",
        "azureFrontDoorEndpointSuffix": "azurefd.net",
        "keyvaultDns": ".vault.azure.net",
        "sqlServerHostname": ".database.windows.net",
        "storage": "core.windows.net",
    }


def test_a_secret_is_nowhere_in_what_is_shown(azure, group) -> None:
    given = template(parameters={"key": {"type": "secureString"}})
    deploy(azure, group, "secret", body(given, key="hush-hush"))
    path = at(azure, group, f"{DEPLOYMENTS}/secret?{VERSION}")
    assert "hush-hush" not in json.dumps(ask(azure, "GET", path)[2])


def test_dependencies_are_told_and_operations_are_newest_first(azure, group) -> None:
    given = template(
        store("laststore", dependsOn=["firststore"]),
        store("firststore"),
        outputs={"one": {"type": "int", "value": 1}},
    )
    done = deploy(azure, group, "order", body(given)).properties
    assert [
        (one.resource_name, [other.resource_name for other in one.depends_on])
        for one in done.dependencies
    ] == [("laststore", ["firststore"])]
    operations = azure.deployments.deployment_operations
    assert [
        (
            one.properties.provisioning_operation,
            one.properties.target_resource
            and one.properties.target_resource.resource_name,
            one.properties.status_code,
        )
        for one in operations.list(group, "order")
    ] == [
        ("EvaluateDeploymentOutput", None, "OK"),
        ("Create", "laststore", "Created"),
        ("Create", "firststore", "Created"),
    ]
    one = next(iter(operations.list(group, "order")))
    again = operations.get(group, "order", one.operation_id)
    assert again.properties.provisioning_state == "Succeeded"


def test_operations_come_in_pages_and_without_a_provider_segment(azure, group) -> None:
    deploy(azure, group, "pages", body(template(store("astore"), store("bstore"))))
    path = at(azure, group, f"/deployments/pages/operations?{VERSION}&$top=1")
    status, _, first = ask(azure, "GET", path)
    assert (status, len(first["value"])) == (200, 1)
    rest = first["nextLink"].removeprefix(azure.endpoint["arm"])
    second = ask(azure, "GET", rest)[2]
    assert len(second["value"]) == 1
    assert "nextLink" not in second
    assert first["value"][0]["operationId"] != second["value"][0]["operationId"]


def test_the_list_is_served_with_a_slash_at_its_end_and_a_filter(azure, group) -> None:
    deploy(azure, group, "one", body(template()))
    deploy(azure, group, "two", body(template()))
    path = at(azure, group, f"{DEPLOYMENTS}/?{VERSION}")
    assert [one["name"] for one in ask(azure, "GET", path)[2]["value"]] == [
        "two",
        "one",
    ]
    operations = azure.deployments.deployments
    failed = operations.list_by_resource_group(
        group, filter="provisioningState eq 'Failed'"
    )
    assert list(failed) == []


def test_a_body_as_the_command_line_client_sends_it(azure, group) -> None:
    text = json.dumps(template()).replace("{", "{ // a comment\n", 1)
    given = '{"properties": {"mode": "Incremental", template:' + text + "}}"
    path = at(azure, group, f"{DEPLOYMENTS}/lenient?{VERSION}")
    status, headers, shown = ask(azure, "PUT", path, given.encode())
    assert status == 201
    assert headers["Retry-After"] == "1"
    assert "/deployments/lenient/operationStatuses/" in headers["Azure-AsyncOperation"]
    assert shown["properties"]["provisioningState"] in ("Accepted", "Running")
    status_path = headers["Azure-AsyncOperation"].removeprefix(azure.endpoint["arm"])
    assert ask(azure, "GET", status_path)[2]["status"] == "Succeeded"


def test_a_deployment_is_there_or_not_and_can_be_deleted(azure, group) -> None:
    operations = azure.deployments.deployments
    assert not operations.check_existence(group, "gone")
    deploy(azure, group, "gone", body(template()))
    assert operations.check_existence(group, "gone")
    path = at(azure, group, f"{DEPLOYMENTS}/gone?{VERSION}")
    status, headers, _ = ask(azure, "DELETE", path)
    assert (status, headers["Retry-After"]) == (202, "1")
    assert "Azure-AsyncOperation" not in headers
    poll = headers["Location"].removeprefix(azure.endpoint["arm"])
    assert ask(azure, "GET", poll)[0] in (200, 204)
    with pytest.raises(ResourceNotFoundError):
        operations.get(group, "gone")


def test_a_wrong_template_is_refused_with_the_place(azure, group) -> None:
    given = body(template(store("[variables('name')]")))
    for begin in ("begin_validate", "begin_create_or_update"):
        with pytest.raises(HttpResponseError) as caught:
            getattr(azure.deployments.deployments, begin)(group, "bad", given).result()
        assert caught.value.status_code == 400
        assert caught.value.error.code == "InvalidTemplate"
        assert caught.value.error.message == (
            "Deployment template validation failed: 'The template resource "
            "'[variables('name')]' is not valid: The template variable 'name' is not "
            "found. Please see https://aka.ms/arm-syntax-variables for usage "
            "details.'.\n  resources[0].name: [variables('name')]\n"
            "                      ^"
        )


def test_all_unknown_types_and_places_are_refused_at_once(azure, group) -> None:
    given = body(
        template(
            store("far", location="mars"),
            {
                "type": "Microsoft.Storage/shelves",
                "apiVersion": "2024-01-01",
                "name": "x",
            },
        )
    )
    with pytest.raises(HttpResponseError) as caught:
        azure.deployments.deployments.begin_validate(group, "bad", given).result()
    assert caught.value.error.code == "InvalidTemplateDeployment"
    assert [one.code for one in caught.value.error.details] == [
        "LocationNotAvailableForResourceType",
        "InvalidResourceType",
    ]


def test_a_template_that_is_nested_too_deep_is_refused(azure, group) -> None:
    deep = f"[{'string(' * 400}'x'{')' * 400}]"
    given = body(template(store("astore", tags={"a": deep})))
    with pytest.raises(HttpResponseError) as caught:
        azure.deployments.deployments.begin_validate(group, "deep", given).result()
    assert caught.value.error.code == "InvalidTemplate"
    assert caught.value.error.message == (
        "Deployment template validation failed: 'The template or a parameter is nested "
        "too deep.'."
    )


def test_validation_changes_nothing(azure, group) -> None:
    given = body(template(store("astore")))
    done = azure.deployments.deployments.begin_validate(group, "v", given).result()
    assert done.properties.provisioning_state == "Succeeded"
    assert [
        one.id.rpartition("/")[2] for one in done.properties.validated_resources
    ] == ["astore"]
    assert not azure.deployments.deployments.check_existence(group, "v")
    assert list(azure.resources.resources.list_by_resource_group(group)) == []


def test_a_failure_names_its_cause_and_spares_what_does_not_depend_on_it(
    azure, group
) -> None:
    given = template(
        store("Wrong_Name"),
        store("afterwards", dependsOn=["Wrong_Name"]),
        store("besidestore"),
    )
    with pytest.raises(HttpResponseError) as caught:
        deploy(azure, group, "fails", body(given))
    assert caught.value.error.code == "DeploymentFailed"
    inner = caught.value.error.details[0]
    assert inner.code == "AccountNameInvalid"
    assert inner.target.endswith("/storageAccounts/Wrong_Name")
    shown = azure.deployments.deployments.get(group, "fails").properties
    assert shown.provisioning_state == "Failed"
    assert shown.error.code == "DeploymentFailed"
    assert shown.error.details[0].code == "AccountNameInvalid"
    names = [r.name for r in azure.resources.resources.list_by_resource_group(group)]
    assert names == ["besidestore"]
    states = {
        one.properties.target_resource.resource_name: (
            one.properties.provisioning_state,
            one.properties.status_code,
        )
        for one in azure.deployments.deployment_operations.list(group, "fails")
    }
    assert states == {
        "Wrong_Name": ("Failed", "BadRequest"),
        "besidestore": ("Succeeded", "Created"),
    }


def test_an_output_that_cannot_be_evaluated_fails_the_deployment(azure, group) -> None:
    given = template(
        store("astore"),
        outputs={"x": {"type": "string", "value": "[reference('astore').nothing]"}},
    )
    with pytest.raises(HttpResponseError) as caught:
        deploy(azure, group, "outputs", body(given))
    assert caught.value.error.code == "DeploymentOutputEvaluationFailed"
    message = caught.value.error.details[0].message
    assert message.startswith(
        "The template output 'x' is not valid: The language expression property "
        "'nothing' doesn't exist, available properties are "
    )


def test_nested_deployments_run_and_give_their_outputs(azure, group) -> None:
    nested = {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2024-03-01",
        "name": "inner",
        "properties": {
            "mode": "Incremental",
            "expressionEvaluationOptions": {"scope": "inner"},
            "parameters": {"name": {"value": "innerstore"}},
            "template": template(
                store("[parameters('name')]"),
                parameters={"name": {"type": "string"}},
                outputs={
                    "id": {
                        "type": "string",
                        "value": f"[resourceId('{STORE}', parameters('name'))]",
                    }
                },
            ),
        },
    }
    given = template(
        nested,
        outputs={
            "id": {"type": "string", "value": "[reference('inner').outputs.id.value]"}
        },
    )
    done = deploy(azure, group, "around", body(given)).properties
    assert done.outputs["id"]["value"].endswith(f"/providers/{STORE}/innerstore")
    assert [one.id.rpartition("/")[2] for one in done.output_resources] == [
        "innerstore"
    ]
    listed = azure.deployments.deployments.list_by_resource_group(group)
    assert {one.name for one in listed} == {"inner", "around"}


def test_a_secure_output_goes_to_who_asks_for_it_and_is_not_shown(azure, group) -> None:
    declared = {
        "key": {"type": "secureString", "value": "astore"},
        "open": {"type": "string", "value": "door"},
    }
    nested = module("inner", template(outputs=declared))
    outputs = "[listOutputsWithSecureValues('inner', '2025-04-01')]"
    given = body(template(nested, store("astore", tags=outputs)))
    deploy(azure, group, "around", given)
    subscription = azure.endpoint["subscription"]
    path = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{STORE}"
    made = ask(azure, "GET", f"{path}/astore?api-version=2024-01-01")[2]
    assert made["tags"] == {"key": "astore", "open": "door"}
    inner = at(azure, group, f"{DEPLOYMENTS}/inner?{VERSION}")
    assert ask(azure, "GET", inner)[2]["properties"]["outputs"] == {
        "key": {"type": "SecureString"},
        "open": {"type": "String", "value": "door"},
    }
    told = what_if(azure, group, given).properties.changes[0]
    assert told.after["tags"] == {"key": "*******", "open": "door"}
    assert told.resource_id == f"{path}/astore"
    tags = {"key": "astore", "adminPassword": "hush"}
    given = body(template(store("astore", tags=tags)))
    told = what_if(azure, group, given).properties.changes[0]
    assert told.after["tags"] == {"key": "astore", "adminPassword": "*******"}
    delta = {one.path: (one.before, one.after) for one in told.delta}
    assert delta == {
        "tags.adminPassword": (None, "*******"),
        "tags.open": ("door", None),
    }


def test_a_nested_template_is_checked_before_anything_begins(azure, group) -> None:
    nested = {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2024-03-01",
        "name": "inner",
        "properties": {
            "mode": "Incremental",
            "expressionEvaluationOptions": {"scope": "inner"},
            "template": template(store("[nosuch()]")),
        },
    }
    with pytest.raises(HttpResponseError) as caught:
        deploy(azure, group, "around", body(template(store("astore"), nested)))
    assert caught.value.error.code == "InvalidTemplate"
    assert caught.value.error.message.endswith("in the nested deployment 'inner'")
    assert list(azure.resources.resources.list_by_resource_group(group)) == []


def test_a_deployment_inside_may_not_have_the_name_of_one_around_it(
    azure, group
) -> None:
    inmost = template(module("around", template()))
    given = body(template(module("between", inmost)))
    with pytest.raises(HttpResponseError) as caught:
        deploy(azure, group, "around", given)
    assert caught.value.error.code == "InvalidTemplate"
    assert caught.value.error.message == (
        "Deployment template validation failed: 'The nested deployment 'around' has "
        "the name of a deployment around it.'.\n  in the nested deployment 'between'"
    )


def test_a_deployment_inside_does_not_wait_for_one_around_it(azure, group) -> None:
    inmost = template(
        module("around", template()), parameters={"late": {"type": "object"}}
    )
    given = template(
        store("astore"),
        module(
            "between", inmost, parameters={"late": {"value": "[reference('astore')]"}}
        ),
    )
    with pytest.raises(HttpResponseError) as caught:
        deploy(azure, group, "around", body(given))
    assert caught.value.error.details[0].details[0].code == "DeploymentActive"


def test_an_extension_may_be_written_as_a_part_of_what_it_extends(azure, group) -> None:
    name = "0d4c0e1c-3b7c-4a5e-8f0e-6f2a7a6d9a01"
    role = "subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '{}')"
    assignment = {
        "type": f"{STORE}/providers/roleAssignments",
        "apiVersion": "2022-04-01",
        "name": f"astore/Microsoft.Authorization/{name}",
        "dependsOn": ["astore"],
        "properties": {
            "roleDefinitionId": f"[{role.format(READER)}]",
            "principalId": name,
        },
    }
    given = body(template(store("astore"), assignment))
    told = what_if(azure, group, given).properties.changes
    done = deploy(azure, group, "extends", given).properties
    assert told[1].resource_id.lower() == done.output_resources[1].id.lower()
    assert done.output_resources[1].id.endswith(
        f"/astore/providers/Microsoft.Authorization/roleAssignments/{name}"
    )


def test_list_functions_are_told_apart_by_what_they_ask_for(azure, group) -> None:
    def signed(permission: str) -> dict[str, Any]:
        asked = (
            f"createObject('signedPermission', '{permission}', 'signedServices', 'b', "
            "'signedResourceTypes', 'o', 'signedExpiry', '2100-01-01T00:00:00Z')"
        )
        called = f"listAccountSas('astore', '2024-01-01', {asked})"
        return {"type": "string", "value": f"[{called}.accountSasToken]"}

    given = template(store("astore"), outputs={"r": signed("r"), "w": signed("w")})
    outputs = deploy(azure, group, "signs", body(given)).properties.outputs
    assert "sp=r&" in outputs["r"]["value"]
    assert "sp=w&" in outputs["w"]["value"]


@pytest.mark.parametrize("tag", ["plain", "[reference('first').outputs.tag.value]"])
def test_what_one_module_makes_a_group_for_another_deploys_into(azure, tag) -> None:
    makes = template(
        {
            "type": "Microsoft.Resources/resourceGroups",
            "apiVersion": "2024-03-01",
            "name": "made-by-module",
            "location": "[deployment().location]",
            "tags": {"tag": "[parameters('tag')]"},
        },
        parameters={"tag": {"type": "string"}},
    )
    outputs = {"tag": {"type": "string", "value": "plain"}}
    first = module("first", template(outputs=outputs), location="westus2")
    group = module(
        "makes", makes, location="westus2", parameters={"tag": {"value": tag}}
    )
    inside = module(
        "inside",
        template(store("insidestore")),
        resourceGroup="made-by-module",
        dependsOn=["between"],
    )
    between = module("between", template(), location="westus2", dependsOn=["makes"])
    operations = azure.deployments.deployments
    operations.begin_create_or_update_at_subscription_scope(
        "sub-modules",
        {"location": "westus2", **body(template(inside, between, group, first))},
    ).result()
    made = azure.resources.resources.list_by_resource_group("made-by-module")
    assert [one.name for one in made] == ["insidestore"]
    azure.resources.resource_groups.begin_delete("made-by-module").result()
    for name in ("sub-modules", "between", "makes", "first"):
        operations.begin_delete_at_subscription_scope(name).result()


def test_a_subscription_gets_a_group_and_what_is_in_it(azure) -> None:
    given = template(
        {
            "type": "Microsoft.Resources/resourceGroups",
            "apiVersion": "2024-03-01",
            "name": "made-by-template",
            "location": "[deployment().location]",
            "tags": {"team": "web"},
        },
        {
            "type": "Microsoft.Resources/deployments",
            "apiVersion": "2024-03-01",
            "name": "inside",
            "resourceGroup": "made-by-template",
            "dependsOn": [
                "[resourceId('Microsoft.Resources/resourceGroups', 'made-by-template')]"
            ],
            "properties": {
                "mode": "Incremental",
                "expressionEvaluationOptions": {"scope": "inner"},
                "template": template(store("insidestore")),
            },
        },
    )
    operations = azure.deployments.deployments
    done = operations.begin_create_or_update_at_subscription_scope(
        "sub-first", {"location": "West US 2", **body(given)}
    ).result()
    assert done.properties.provisioning_state == "Succeeded"
    assert done.location == "westus2"
    names = [
        r.name
        for r in azure.resources.resources.list_by_resource_group("made-by-template")
    ]
    assert names == ["insidestore"]
    assert [one.name for one in operations.list_at_subscription_scope()] == [
        "sub-first"
    ]
    azure.resources.resource_groups.begin_delete("made-by-template").result()
    operations.begin_delete_at_subscription_scope("sub-first").result()


def test_parts_of_one_parent_wait_for_each_other(azure, group) -> None:
    kind = "Microsoft.Network/networkSecurityGroups"
    rule = {
        "priority": "[add(100, copyIndex())]",
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "Tcp",
        "sourceAddressPrefix": "*",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": "443",
    }
    whole = {"type": kind, "apiVersion": "2024-05-01", "name": "web"}
    parts = {
        "type": f"{kind}/securityRules",
        "apiVersion": "2024-05-01",
        "name": "[format('web/rule{0}', copyIndex())]",
        "copy": {"name": "rules", "count": 25},
        "dependsOn": ["web"],
        "properties": rule,
    }
    tags = {
        "type": "Microsoft.Resources/tags",
        "apiVersion": "2021-04-01",
        "name": "default",
        "scope": f"{kind}/web",
        "dependsOn": ["web"],
        "properties": {"tags": {"team": "web"}},
    }
    deploy(
        azure,
        group,
        "parts",
        body(template(whole | {"location": "westeurope"}, parts, tags)),
    )
    _, _, found = ask(
        azure,
        "GET",
        at(azure, group, f"/providers/{kind}/web/securityRules")
        + "?api-version=2024-05-01",
    )
    assert len(found["value"]) == 25
    (web,) = azure.resources.resources.list_by_resource_group(group)
    assert web.tags == {"team": "web"}


def test_complete_mode_deletes_what_the_template_leaves_out(azure, group) -> None:
    deploy(azure, group, "one", body(template(store("astore"), store("bstore"))))
    deploy(azure, group, "two", body(template(store("bstore")), mode="Complete"))
    names = [r.name for r in azure.resources.resources.list_by_resource_group(group)]
    assert names == ["bstore"]


def what_if(azure, group: str, given: Any) -> Any:
    return azure.deployments.deployments.begin_what_if(group, "w", given).result()


def test_what_if_tells_true_differences_and_changes_nothing(azure, group) -> None:
    before = template(store("astore", tags={"a": "1", "b": "2"}), store("bstore"))
    deploy(azure, group, "one", body(before))
    after = template(
        store("astore", tags={"a": "9"}, sku={"name": "Standard_ZRS"}),
        store("newstore"),
    )
    told = what_if(azure, group, body(after))
    assert told.status == "Succeeded"
    changes = {c.resource_id.rpartition("/")[2]: c for c in told.properties.changes}
    assert {name: c.change_type for name, c in changes.items()} == {
        "astore": "Modify",
        "newstore": "Create",
        "bstore": "Ignore",
    }
    delta = {
        c.path: (c.property_change_type, c.before, c.after)
        for c in changes["astore"].delta
    }
    assert delta["sku.name"] == ("Modify", "Standard_LRS", "Standard_ZRS")
    assert delta["tags.a"] == ("Modify", "1", "9")
    assert delta["tags.b"] == ("Delete", "2", None)
    assert not [path for path in delta if path.startswith("properties")]
    names = {r.name for r in azure.resources.resources.list_by_resource_group(group)}
    assert names == {"astore", "bstore"}


def test_what_if_of_the_same_template_tells_of_no_change(azure, group) -> None:
    given = body(template(store("astore", tags={"a": "1"})))
    deploy(azure, group, "one", given)
    (change,) = what_if(azure, group, given).properties.changes
    assert (change.change_type, change.delta) == ("NoChange", None)


def test_what_if_reads_a_body_as_a_provider_does(azure, group) -> None:
    given = body(
        template(store("astore", properties={"supportsHttpsTrafficOnly": "TRUE"}))
    )
    deploy(azure, group, "one", given)
    (change,) = what_if(azure, group, given).properties.changes
    assert (change.change_type, change.delta) == ("NoChange", None)


def test_what_if_refuses_what_no_provider_could_read(azure, group) -> None:
    deploy(azure, group, "one", body(template(store("astore"))))
    told = what_if(azure, group, body(template(store("astore", properties="x"))))
    assert (told.status, told.error.code) == ("Failed", "InvalidRequestContent")
    assert told.error.message == (
        "The request content was invalid and could not be deserialized: 'Error "
        "converting value \"x\" to type 'object'. Path 'properties'.'.\n  in the "
        f"resource '/subscriptions/{azure.endpoint['subscription']}/resourceGroups/"
        f"{group}/providers/{STORE}/astore'"
    )


def test_what_if_shows_what_waits_as_it_is_written(azure, group) -> None:
    given = template(store("astore"))
    deploy(azure, group, "one", body(given))
    waits = "[reference('newstore').supportsHttpsTrafficOnly]"
    changed = store("astore", properties={"supportsHttpsTrafficOnly": waits})
    told = what_if(azure, group, body(template(changed, store("newstore"))))
    (modified,) = [one for one in told.properties.changes if one.delta]
    delta = {one.path: one.after for one in modified.delta}
    assert delta == {"properties.supportsHttpsTrafficOnly": waits}


def test_what_if_tells_what_complete_mode_deletes(azure, group) -> None:
    deploy(azure, group, "one", body(template(store("astore"))))
    (change,) = what_if(
        azure, group, body(template(), mode="Complete")
    ).properties.changes
    assert change.change_type == "Delete"


def test_what_if_tells_a_fault_in_its_result(azure, group) -> None:
    path = at(azure, group, f"{DEPLOYMENTS}/w/whatIf?{VERSION}")
    given = json.dumps(body(template(store("[nosuch()]")))).encode()
    status, headers, _ = ask(azure, "POST", path, given)
    assert (status, headers["Retry-After"]) == (202, "1")
    poll = headers["Location"].removeprefix(azure.endpoint["arm"])
    status, _, told = ask(azure, "GET", poll)
    assert (status, told["status"], told["error"]["code"]) == (
        200,
        "Failed",
        "InvalidTemplate",
    )


def test_the_template_can_be_exported(azure, group) -> None:
    given = template(store("astore"))
    deploy(azure, group, "one", body(given))
    exported = azure.deployments.deployments.export_template(group, "one")
    assert exported.template == given


def test_the_same_template_has_the_same_hash(azure) -> None:
    calculate = azure.deployments.deployments.calculate_template_hash
    one = calculate(template())
    assert one.template_hash == calculate(template()).template_hash
    assert one.template_hash != calculate(template(store("a"))).template_hash


def test_a_template_is_hashed_with_all_its_expressions(azure) -> None:
    given = template(store("a", zones="[parameters('zones')]", Tags={"a": 1}))
    told = azure.deployments.deployments.calculate_template_hash(given)
    assert json.loads(told.minified_template) == given


@pytest.mark.parametrize(
    ("given", "code"),
    [
        pytest.param({}, "InvalidRequestContent", id="nothing"),
        pytest.param(
            {"properties": {"mode": "Sideways", "template": {}}},
            "InvalidRequestContent",
            id="mode",
        ),
        pytest.param(
            {"properties": {"mode": "Incremental"}}, "InvalidTemplate", id="no-template"
        ),
        pytest.param(
            {
                "properties": {
                    "mode": "Incremental",
                    "templateLink": {"uri": "https://example.com/a.json"},
                }
            },
            "InvalidContentLink",
            id="link",
        ),
        pytest.param(
            {"location": "westus2", **body(template())},
            "InvalidDeployment",
            id="location",
        ),
    ],
)
def test_a_wrong_request_is_refused(azure, group, given: Any, code: str) -> None:
    with pytest.raises(HttpResponseError) as caught:
        deploy(azure, group, "wrong", given)
    assert (caught.value.status_code, caught.value.error.code) == (400, code)


@pytest.fixture(scope="module")
def slow(serve, tmp_path_factory):
    """An embedded Azure that takes a part of Azure's time."""
    server = serve(Options(folder=tmp_path_factory.mktemp("slow"), pace=0.05))
    endpoint = server.endpoint
    trust = {"connection_verify": endpoint["ca"]}
    credential = ClientSecretCredential(
        endpoint["tenant"],
        endpoint["client_id"],
        endpoint["client_secret"],
        authority=endpoint["authority"],
        disable_instance_discovery=True,
        **trust,
    )
    common = {"base_url": endpoint["arm"], "polling_interval": 0.05, **trust}
    subscription = endpoint["subscription"]
    with (
        credential,
        ResourceManagementClient(credential, subscription, **common) as resources,
        DeploymentsMgmtClient(credential, subscription, **common) as deployments,
    ):
        resources.resource_groups.create_or_update(
            "slow", ResourceGroup(location="westus2")
        )
        yield deployments


def state_of(slow, name: str) -> str:
    found = slow.deployments.get("slow", name).properties.provisioning_state
    return ProvisioningState(found).value


def test_a_deployment_under_way_holds_its_name_until_it_is_cancelled(slow) -> None:
    operations = slow.deployments
    given = body(template(store("slowstore")))
    poller = operations.begin_create_or_update("slow", "busy", given)
    assert state_of(slow, "busy") in ("Accepted", "Running")
    with pytest.raises(HttpResponseError) as caught:
        operations.begin_create_or_update("slow", "busy", given)
    assert (caught.value.status_code, caught.value.error.code) == (
        409,
        "DeploymentActive",
    )
    assert caught.value.error.message.startswith(
        "Unable to edit or replace deployment 'busy': previous deployment from '"
    )
    operations.cancel("slow", "busy")
    with pytest.raises(HttpResponseError):
        poller.result()
    assert state_of(slow, "busy") == "Canceled"
    with pytest.raises(HttpResponseError) as caught:
        operations.cancel("slow", "busy")
    assert caught.value.error.code == "DeploymentCannotBeCancelled"


def test_no_secret_of_a_deployment_outlives_a_kill(azure, group, tmp_path) -> None:
    azure.tell(
        "faults", "PUT", {"faults": [{"kind": "hangs", "type": "*/deployments/write"}]}
    )
    given = body(
        template(parameters={"key": {"type": "secureString"}}), key="hush-hush"
    )
    begun = azure.deployments.deployments.begin_create_or_update(group, "cut", given)
    for file in azure.server.options.folder.glob("state.sqlite*"):
        shutil.copy(file, tmp_path)
    azure.tell("faults", "DELETE")
    begun.result()
    cloud = copy.copy(azure.server.cloud)
    cloud.store = Store(tmp_path / "state.sqlite")
    cut = parse(f"{azure.scope}/resourceGroups/{group}{DEPLOYMENTS}/cut")
    assert "hush-hush" in str(cloud.store.get(cut))
    asyncio.run(restore(cloud))
    cloud.store.close()
    kept = Store(tmp_path / "state.sqlite")
    found = kept.get(cut)
    kept.close()
    assert found.state == "Failed"
    assert "hush-hush" not in str(found)


def test_a_deployment_goes_on_although_nobody_asks(slow) -> None:
    operations = slow.deployments
    given = body(template(outputs={"one": {"type": "int", "value": 1}}))
    operations.begin_create_or_update("slow", "alone", given, polling=False)

    def look() -> Seen[str]:
        state = state_of(slow, "alone")
        return Seen(what=state, value="yes" if state == "Succeeded" else None)

    wait_until("the deployment's end", look, timeout_s=10, interval_s=0.05, fix="")
    assert operations.get("slow", "alone").properties.outputs["one"]["value"] == 1


def test_the_templates_of_a_release_deploy_twice_and_change_nothing_then(
    azure, group
) -> None:
    text = Path("release/templates/gallery.json").read_text(encoding="utf-8")
    given = body(
        json.loads(text),
        galleryName="images",
        definitionName="web",
        makeGallery=True,
        makeDefinition=True,
        publisher="team",
    )
    deploy(azure, group, "gallery", given)
    changes = what_if(azure, group, given).properties.changes
    assert len(changes) == 2
    assert {str(change.change_type.value) for change in changes} == {"NoChange"}


def test_a_path_that_is_no_template_says_where_the_body_broke_off(azure, group) -> None:
    path = at(azure, group, f"{DEPLOYMENTS}/broken?{VERSION}")
    status, _, told = ask(azure, "PUT", path, b'{"properties": {"mode": }}')
    assert (status, told["error"]["code"]) == (400, "InvalidRequestContent")
    assert told["error"]["message"] == (
        "The request content was invalid and could not be deserialized: Unexpected "
        "character encountered while parsing value: }. Path 'properties.mode', line "
        "1, position 24."
    )


def test_a_what_if_shows_no_secret(azure, group) -> None:
    given = template(
        store(
            "quietstore", tags={"key": "[parameters('key')]", "in": "[variables('in')]"}
        ),
        parameters={
            "key": {"type": "securestring"},
            "more": {"type": "secureObject"},
        },
        variables={"in": "[concat('say ', parameters('more').word)]"},
    )
    told = azure.deployments.deployments.begin_what_if(
        group, "quiet", body(given, key="hush", more={"word": "hush-hush"})
    ).result()
    assert told.changes[0].after["tags"] == {"key": "*******", "in": "*******"}
