"""Deployments over HTTPS, asked by Azure's own client."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.harness.emulator.deployments.given import (
    DEPLOYMENTS,
    READER,
    STORE,
    VERSION,
    ask,
    at,
    body,
    deploy,
    store,
    template,
    what_if,
)


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


def test_a_path_that_is_no_template_says_where_the_body_broke_off(azure, group) -> None:
    path = at(azure, group, f"{DEPLOYMENTS}/broken?{VERSION}")
    status, _, told = ask(azure, "PUT", path, b'{"properties": {"mode": }}')
    assert (status, told["error"]["code"]) == (400, "InvalidRequestContent")
    assert told["error"]["message"] == (
        "The request content was invalid and could not be deserialized: Unexpected "
        "character encountered while parsing value: }. Path 'properties.mode', line "
        "1, position 24."
    )
