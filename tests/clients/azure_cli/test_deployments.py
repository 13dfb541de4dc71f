"""Template deployments: validated, foreseen, carried out, looked at, undone."""

from __future__ import annotations

from pathlib import Path

import pytest

TEMPLATE = Path(__file__).parent / "template.json"
pytestmark = pytest.mark.usefixtures("first")
PASSWORD = "Not-for-anybody-1"
GIVEN = f"-f {TEMPLATE} -p password={PASSWORD}"


@pytest.fixture(scope="module")
def first(az, group) -> dict:
    """The first deployment, as its command shows it."""
    assert az(f"deployment group validate -g {group} -n first {GIVEN}")["error"] is None
    return az(f"deployment group create -n first {GIVEN}")


def test_a_template_with_comments_is_deployed(first) -> None:
    properties = first["properties"]
    assert properties["provisioningState"] == "Succeeded"
    assert properties["outputs"]["address"]["value"].startswith("127.")
    assert [one["id"].rpartition("/")[2] for one in properties["outputResources"]] == [
        "net",
        "ip",
        "lb",
        "web",
    ]


def test_a_secret_is_in_nothing_that_is_shown(az) -> None:
    for command in (
        "deployment group show -n first",
        "deployment group export -n first",
        "deployment operation group list -n first",
        f"deployment group what-if {GIVEN}",
        "vmss show -n web",
    ):
        assert PASSWORD not in az.text(command)


def test_deployments_are_shown_and_listed(az) -> None:
    columns = ["Name", "State", "Timestamp", "Mode", "ResourceGroup"]
    assert az.columns("deployment group show -n first") == columns
    assert az.columns("deployment group list") == columns
    assert "first" in az("deployment group list --query [].name")
    failed = "deployment group list --filter \"provisioningState eq 'Failed'\""
    assert az(f"{failed} --query [].name") == []


def test_operations_are_listed_and_shown(az) -> None:
    found = az("deployment operation group list -n first")
    assert {one["properties"]["provisioningState"] for one in found} == {"Succeeded"}
    one = found[-1]["operationId"]
    shown = az(f"deployment operation group show -n first --operation-ids {one}")
    assert [each["operationId"] for each in shown] == [one]


def test_what_changes_is_foreseen_with_its_path(az) -> None:
    told = az.text(f"deployment group what-if {GIVEN} -p count=3")
    assert "~ sku.capacity: 2 => 3" in told
    assert "Resource changes: 1 to modify, 3 no change." in told


def test_nothing_is_foreseen_where_nothing_changes(az) -> None:
    foreseen = az(f"deployment group what-if {GIVEN} --no-pretty-print")
    assert {one["changeType"] for one in foreseen["changes"]} == {"NoChange"}


def test_what_a_complete_deployment_deletes_is_foreseen_and_done(az) -> None:
    az("network nsg create -n stray")
    told = az.text(f"deployment group what-if {GIVEN} --mode Complete")
    assert "- Microsoft.Network/networkSecurityGroups/stray" in told
    assert "Resource changes: 1 to delete, 4 no change." in told
    told = az.text(f"deployment group what-if {GIVEN}")
    assert "* Microsoft.Network/networkSecurityGroups/stray" in told
    az(f"deployment group create -n complete {GIVEN} --mode Complete")
    assert az("network nsg list") == []


def test_a_deployment_shows_what_it_would_do_first(az) -> None:
    told = az.text(f"deployment group create -n seen {GIVEN} -p count=1 --what-if")
    assert "~ sku.capacity: 2 => 1" in told
    assert az("vmss show -n web --query sku.capacity") == 2
    az.text(
        f"deployment group create -n seen {GIVEN} --confirm-with-what-if "
        "--proceed-if-no-change"
    )
    assert az("deployment group show -n seen")["name"] == "seen"


def test_a_deployment_goes_on_by_itself(az) -> None:
    az(f"deployment group create -n alone {GIVEN} --no-wait")
    az("deployment group wait -n alone --created")
    az("deployment group delete -n alone")
    assert az.refused("deployment group show -n alone")[0] == 3


def test_what_has_ended_cannot_be_cancelled(az) -> None:
    assert az.refused("deployment group cancel -n first") == (
        1,
        (
            "(DeploymentCannotBeCancelled) The deployment 'first' cannot be "
            "cancelled: it is in the terminal state 'Succeeded'."
        ),
    )


def test_a_wrong_template_is_told_with_its_place(az) -> None:
    text = TEMPLATE.read_text().replace("\"[parameters('name')]\"", '"[nothing()]"')
    file = az.write("wrong.json", text)
    for verb in ("validate", "create", "what-if"):
        given = f"-f {file} -p password={PASSWORD}"
        status, told = az.refused(f"deployment group {verb} -n wrong {given}")
        assert status == 1
        assert "'NOTHING' is not valid" in told or "'nothing' is not valid" in told


def test_a_failed_deployment_tells_what_failed_inside(az) -> None:
    text = TEMPLATE.read_text().replace("Standard_B1s", "Standard_Nothing")
    file = az.write("failing.json", text)
    status, told = az.refused(
        f"deployment group create -n failing -f {file} -p password={PASSWORD}"
    )
    assert status == 1
    assert "The value Standard_Nothing provided for the VM size is not valid." in told
    found = az(
        "deployment operation group list -n failing --query "
        "\"[?properties.provisioningState=='Failed'].properties.statusMessage.error"
        '.code"'
    )
    assert found == ["InvalidParameter"]


def test_a_whole_subscription_is_deployed_to(az) -> None:
    file = az.write(
        "subscription.json",
        {
            "$schema": "https://schema.management.azure.com/schemas/2018-05-01/"
            "subscriptionDeploymentTemplate.json#",
            "contentVersion": "1.0.0.0",
            "resources": [
                {
                    "type": "Microsoft.Resources/resourceGroups",
                    "apiVersion": "2022-09-01",
                    "name": "from-above",
                    "location": "westus2",
                }
            ],
        },
    )
    given = f"-n above -l westus2 -f {file}"
    az(f"deployment sub validate {given}")
    assert "+ resourceGroups/from-above" in az.text(f"deployment sub what-if {given}")
    az(f"deployment sub create {given}")
    assert az("group exists -n from-above") is True
    assert "above" in az("deployment sub list --query [].name")
    assert az("deployment sub show -n above --query properties.provisioningState") == (
        "Succeeded"
    )
    az("deployment operation sub list -n above")
    az("deployment sub delete -n above")
    az("group delete -n from-above -y")
