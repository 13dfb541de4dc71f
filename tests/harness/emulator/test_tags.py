"""Tags, read and written alone, of whatever has an id."""

from __future__ import annotations

import pytest

SCHEMA = (
    "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
)
DEFAULT = "providers/Microsoft.Resources/tags/default"


@pytest.fixture
def group(azure):
    groups = azure.resources.resource_groups
    groups.create_or_update("tagged", {"location": "westus2", "tags": {"a": "1"}})
    yield f"{azure.scope}/resourceGroups/tagged"
    groups.begin_delete("tagged").result()


def change(azure, scope: str, operation: str, **tags: str | int):
    body = {"operation": operation, "properties": {"tags": tags}}
    status, _, answer = azure.ask("PATCH", f"{scope}/{DEFAULT}", body)
    return answer["properties"]["tags"] if status == 200 else answer["error"]


def test_they_are_shown_as_a_resource_of_their_own(azure, group) -> None:
    assert azure.ask("GET", f"{group}/{DEFAULT}")[2] == {
        "id": f"{group}/{DEFAULT}",
        "name": "default",
        "type": "Microsoft.Resources/tags",
        "properties": {"tags": {"a": "1"}},
    }


def test_they_are_merged_replaced_and_deleted(azure, group) -> None:
    assert change(azure, group, "Merge", A="2", b=3) == {"a": "2", "b": "3"}
    assert change(azure, group, "delete", a="other", b=3) == {"a": "2"}
    assert change(azure, group, "Replace", c="4") == {"c": "4"}
    assert azure.resources.resource_groups.get("tagged").tags == {"c": "4"}


def test_a_put_replaces_and_a_delete_clears_them(azure, group) -> None:
    path = f"{group}/{DEFAULT}"
    assert azure.ask("PUT", path, {"properties": {"tags": {"d": "5"}}})[0] == 200
    assert azure.resources.resource_groups.get("tagged").tags == {"d": "5"}
    assert azure.ask("DELETE", path)[0] == 200
    assert azure.resources.resource_groups.get("tagged").tags == {}


def test_the_subscription_has_tags_as_well(azure) -> None:
    scope = azure.scope
    assert change(azure, scope, "Replace", owner="us") == {"owner": "us"}
    assert azure.ask("GET", scope)[2]["tags"] == {"owner": "us"}
    assert change(azure, scope, "Replace") == {}


def test_a_subscription_has_tags_and_names_of_its_own(azure) -> None:
    other = f"/subscriptions/{azure.server.cloud.identity.others[0]}"
    assert change(azure, azure.scope, "Replace", owner="us") == {"owner": "us"}
    assert azure.ask("GET", f"{other}/{DEFAULT}")[2]["properties"]["tags"] == {}
    assert change(azure, azure.scope, "Replace") == {}
    assert azure.ask("PUT", f"{other}/tagNames/theirs")[0] == 201
    names = azure.ask("GET", f"{azure.scope}/tagNames")[2]["value"]
    assert "theirs" not in [each["tagName"] for each in names]
    assert azure.ask("DELETE", f"{other}/tagNames/theirs")[0] == 200


@pytest.mark.parametrize("value", [None, ""])
def test_a_name_alone_deletes_a_tag_of_any_value(azure, group, value) -> None:
    body = {"operation": "Delete", "properties": {"tags": {"A": value}}}
    told = azure.ask("PATCH", f"{group}/{DEFAULT}", body)[2]
    assert told["properties"]["tags"] == {}


def test_a_read_only_lock_keeps_them(azure, group) -> None:
    lock = f"{group}/providers/Microsoft.Authorization/locks/keep"
    azure.ask("PUT", lock, {"properties": {"level": "ReadOnly"}})
    assert change(azure, group, "Merge", b="2")["code"] == "ScopeLocked"
    azure.ask("DELETE", lock)


def test_a_template_writes_them(azure, group) -> None:
    tags = {
        "type": "Microsoft.Resources/tags",
        "apiVersion": "2021-04-01",
        "name": "default",
        "properties": {"tags": {"b": 2, "prod": True, "none": None}},
    }
    template = {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": [tags]}
    given = {"properties": {"mode": "Incremental", "template": template}}
    deployments = azure.deployments.deployments
    (told,) = deployments.begin_what_if("tagged", "tags", given).result().changes
    assert sorted((one.path, one.property_change_type) for one in told.delta) == [
        ("properties.tags.a", "Delete"),
        ("properties.tags.b", "Create"),
        ("properties.tags.prod", "Create"),
    ]
    given["tags"] = {"order": 1, "none": None}
    deployments.begin_create_or_update("tagged", "tags", given).result()
    assert azure.ask("GET", group)[2]["tags"] == {"b": "2", "prod": "True"}
    assert deployments.get("tagged", "tags").tags == {"order": "1"}


@pytest.mark.usefixtures("group")
def test_their_names_are_counted(azure) -> None:
    found = azure.ask("GET", f"{azure.scope}/tagNames")[2]["value"]
    (one,) = [each for each in found if each["tagName"] == "a"]
    assert one["count"] == {"type": "Total", "value": 1}
    assert [each["tagValue"] for each in one["values"]] == ["1"]


@pytest.mark.parametrize(
    ("tags", "code", "message"),
    [
        pytest.param(
            {"a": [1]},
            "InvalidTagValue",
            "The value of tag 'a' must be a string and is [1].",
            id="no-string",
        ),
        pytest.param(
            {f"t{number}": "" for number in range(51)},
            "TooManyTags",
            "The number of tags '51' is more than the 50 that a resource may have.",
            id="one-too-many",
        ),
        pytest.param(
            {"a": "x" * 257},
            "InvalidTag",
            "Tag 'a' is too long: a name has at most 512 characters, a value 256.",
            id="too-long",
        ),
    ],
)
def test_what_cannot_be_a_tag_is_refused(azure, group, tags, code, message) -> None:
    for method, path, body in (
        ("PUT", f"{group}/{DEFAULT}", {"properties": {"tags": tags}}),
        ("PUT", group, {"location": "westus2", "tags": tags}),
        ("PATCH", group, {"tags": tags}),
    ):
        status, _, answer = azure.ask(method, path, body)
        assert (status, answer["error"]) == (400, {"code": code, "message": message})
    assert azure.ask("GET", f"{azure.scope}/tagNames")[0] == 200


def test_an_unknown_operation_names_those_that_there_are(azure, group) -> None:
    assert change(azure, group, "Swap", a="1") == {
        "code": "InvalidTagPatchOperation",
        "message": "The operation 'Swap' is none of 'Merge', 'Replace', 'Delete'.",
    }


def test_what_is_not_there_has_no_tags(azure, group) -> None:
    path = f"{group}/providers/Microsoft.Compute/images/none/{DEFAULT}"
    status, _, answer = azure.ask("GET", path)
    assert (status, answer["error"]["code"]) == (404, "ResourceNotFound")


def ask_name(azure, method: str, name: str) -> tuple[int, object]:
    status, _, told = azure.ask(method, f"{azure.scope}/tagNames/{name}")
    return status, told["error"]["code"] if status >= 400 else told


@pytest.mark.usefixtures("group")
def test_names_are_predefined_and_given_values(azure) -> None:
    assert ask_name(azure, "PUT", "cost/tagValues/x") == (404, "TagNotFound")
    assert ask_name(azure, "PUT", "cost")[0] == 201
    assert ask_name(azure, "PUT", "cost")[0] == 200
    status, value = ask_name(azure, "PUT", "cost/tagValues/x")
    assert (status, value) == (
        201,
        {
            "id": f"{azure.scope}/tagNames/cost/tagValues/x",
            "tagValue": "x",
            "count": {"type": "Total", "value": 0},
        },
    )
    found = azure.ask("GET", f"{azure.scope}/tagNames")[2]["value"]
    assert [one["values"] for one in found if one["tagName"] == "cost"] == [[value]]
    assert ask_name(azure, "DELETE", "cost") == (409, "TagNameHasValues")
    assert ask_name(azure, "DELETE", "cost/tagValues/x") == (200, "")
    assert ask_name(azure, "DELETE", "cost/tagValues/x") == (204, "")
    assert ask_name(azure, "DELETE", "cost") == (200, "")


@pytest.mark.usefixtures("group")
def test_a_predefined_name_that_is_used_stays(azure) -> None:
    assert ask_name(azure, "PUT", "a")[0] == 201
    assert ask_name(azure, "DELETE", "a") == (409, "TagInUse")
    assert ask_name(azure, "PUT", "a/tagValues/1")[1]["count"]["value"] == 1
    assert ask_name(azure, "DELETE", "a/tagValues/1") == (409, "TagInUse")
