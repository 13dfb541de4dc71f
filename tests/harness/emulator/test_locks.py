"""Management locks: kept, and obeyed by whoever writes or deletes."""

from __future__ import annotations

import pytest

LOCK = "providers/Microsoft.Authorization/locks"
STORE = "providers/Microsoft.Storage/storageAccounts/lockedstore"


@pytest.fixture
def group(azure):
    groups = azure.resources.resource_groups
    groups.create_or_update("locked", {"location": "westus2"})
    scope = f"{azure.scope}/resourceGroups/locked"
    body = {
        "location": "westus2",
        "sku": {"name": "Standard_LRS"},
        "kind": "StorageV2",
    }
    azure.ask("PUT", f"{scope}/{STORE}", body)
    yield scope
    for lock in azure.ask("GET", f"{scope}/{LOCK}")[2]["value"]:
        azure.ask("DELETE", lock["id"])
    groups.begin_delete("locked").result()


def lock(azure, scope: str, level: str):
    body = {"properties": {"level": level, "notes": "ask first"}}
    return azure.ask("PUT", f"{scope}/{LOCK}/keep", body)


def refusal(verb: str, scope: str, over: str) -> tuple[int, dict[str, str]]:
    return 409, {
        "code": "ScopeLocked",
        "message": f"The scope '{scope}' cannot perform {verb} operation because "
        f"following scope(s) are locked: '{over}'. Please remove the lock and try "
        "again.",
    }


def told(answer) -> tuple[int, dict[str, str]]:
    return answer[0], answer[2]["error"]


def test_a_lock_is_shown_and_listed(azure, group) -> None:
    status, _, made = lock(azure, group, "cannotdelete")
    assert status == 201
    assert made["properties"]["level"] == "CanNotDelete"
    assert made["properties"]["notes"] == "ask first"
    for scope in (group, group.partition("/resourceGroups")[0]):
        listed = azure.ask("GET", f"{scope}/{LOCK}")[2]["value"]
        assert [one["id"] for one in listed] == [f"{group}/{LOCK}/keep"]


def test_can_not_delete_keeps_the_group_and_what_is_in_it(azure, group) -> None:
    lock(azure, group, "CanNotDelete")
    store = f"{group}/{STORE}"
    assert told(azure.ask("DELETE", store)) == refusal("delete", store, group)
    assert told(azure.ask("DELETE", group)) == refusal("delete", group, group)
    assert azure.ask("PATCH", store, {"tags": {"a": "b"}})[0] == 200


def test_a_lock_inside_keeps_what_is_around_it(azure, group) -> None:
    store = f"{group}/{STORE}"
    lock(azure, store, "CanNotDelete")
    assert told(azure.ask("DELETE", group)) == refusal("delete", group, store)
    azure.ask("DELETE", f"{store}/{LOCK}/keep")


def test_read_only_refuses_writes_and_actions(azure, group) -> None:
    lock(azure, group, "ReadOnly")
    store = f"{group}/{STORE}"
    for ask in (
        azure.ask("PATCH", store, {"tags": {"a": "b"}}),
        azure.ask("POST", f"{store}/listKeys"),
    ):
        assert told(ask) == refusal("write", store, group)
    assert azure.ask("GET", store)[0] == 200


def test_a_lock_needs_a_level_and_a_place(azure, group) -> None:
    assert told(lock(azure, group, "Maybe")) == (
        400,
        {
            "code": "InvalidLockLevel",
            "message": "The lock level 'Maybe' is none of 'CanNotDelete', 'ReadOnly'.",
            "target": "properties.level",
        },
    )
    assert lock(azure, f"{group}none", "ReadOnly")[0] == 404
