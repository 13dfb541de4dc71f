"""What failed inside a deployment is found, however deep it is."""

import pytest
from azure.core.exceptions import HttpResponseError

from release.azure import deployments, groups
from release.errors import AzureError
from release.journal import Journal, Kind

SCHEMA = (
    "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
)


def template(*resources):
    return {
        "$schema": SCHEMA,
        "contentVersion": "1.0.0.0",
        "resources": list(resources),
    }


def account(name):
    return {
        "type": "Microsoft.Storage/storageAccounts",
        "apiVersion": "2023-05-01",
        "name": name,
        "location": "westeurope",
        "sku": {"name": "Standard_LRS"},
        "kind": "StorageV2",
    }


def inside(name, *resources):
    return {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2025-04-01",
        "name": name,
        "properties": {"mode": "Incremental", "template": template(*resources)},
    }


def deploy(azure, name, body):
    groups.create(azure, "failing", location="westeurope", labels={})
    return deployments.begin(azure, "failing", name, body, {}).collect(timeout_s=30)


def test_the_cause_is_found_two_deployments_deep(azure, faults):
    faults(
        {
            "kind": "fails",
            "path": "*/deepaccount",
            "code": "ScopeLocked",
            "message": "The scope is locked.",
        }
    )
    body = template(inside("middle", inside("inner", account("deepaccount"))))
    with pytest.raises(AzureError) as caught:
        deploy(azure, "outer", body)
    assert str(caught.value) == (
        "deploying failing/outer: Microsoft.Storage/storageAccounts deepaccount "
        "failed: ScopeLocked: The scope is locked.\n"
        "  fix: remove the lock that the message names, or ask who set it"
    )


def test_all_that_failed_is_told_and_decides(azure, faults):
    faults(
        {"kind": "conflict", "path": "*/oneaccount", "message": "Busy."},
        {"kind": "fails", "path": "*/twoaccount", "code": "Odd", "message": "Odd."},
    )
    body = template(account("oneaccount"), account("twoaccount"))
    with pytest.raises(AzureError) as caught:
        deploy(azure, "both", body)
    what, fix = str(caught.value).split("\n  fix: ")
    assert sorted(what.partition(" failed: ")[2].split("; ")) == [
        "Conflict: Busy.",
        "Odd: Odd.",
    ]
    assert (caught.value.code, fix) == ("Odd", "act on the message; it is Azure's own")


def test_a_deployment_that_is_preempted_inside_is_begun_again(azure, faults):
    faults(
        {
            "kind": "fails",
            "path": "*/againaccount",
            "code": "OperationPreempted",
            "message": "Later came first.",
            "times": 2,
        }
    )
    said = []
    with azure.patience.during(said.append):
        deploy(azure, "again", template(inside("middle", account("againaccount"))))
    assert said == [
        f"OperationPreempted at Azure: waiting {0.1 * number:g} s ({number} of 10), "
        "deploying failing/again"
        for number in (1, 2)
    ]


def test_a_group_that_was_not_deleted_is_told_of(azure, faults, tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    groups.create(azure, "stays", location="westeurope", labels={})
    faults({"kind": "fails", "type": "*/delete", "path": "*/stays"})
    deletion = groups.begin_delete(azure, "stays", journal=journal, stage="bake")
    with pytest.raises(HttpResponseError):
        deletion.result()
    (told,) = journal.read()
    assert (told.kind, told.stage, dict(told.data)) == (
        Kind.PROGRESS,
        "bake",
        {"text": "stays was not deleted: Azure says failed; `clean` tries again"},
    )
