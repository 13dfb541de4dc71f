"""Deployments inside others: modules, and what they make for each other."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError

from tests.harness.emulator.deployments.given import (
    DEPLOYMENTS,
    STORE,
    VERSION,
    ask,
    at,
    body,
    deploy,
    module,
    store,
    template,
    what_if,
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
