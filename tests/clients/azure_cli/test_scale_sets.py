"""Scale sets: looked at, scaled, upgraded, switched off and on, deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

TEMPLATE = Path(__file__).parent / "template.json"
pytestmark = pytest.mark.usefixtures("web")


@pytest.fixture(scope="module")
def web(az, group) -> None:
    """A scale set of two instances behind a load balancer."""
    given = f"-f {TEMPLATE} -p password=Not-for-anybody-1"
    az(f"deployment group create -g {group} -n web {given}")


def states(az) -> list[str]:
    """The power states of all instances."""
    codes = az(
        "vmss list-instances -n web --expand instanceView "
        '--query "[].instanceView.statuses[].code"'
    )
    return [one for one in codes if one.startswith("PowerState/")]


@pytest.mark.parametrize(
    ("command", "columns"),
    [
        (
            "vmss show -n WEB",
            "Name ResourceGroup Location Zones Capacity Overprovision UpgradePolicy",
        ),
        (
            "vmss list",
            "Name ResourceGroup Location Zones Capacity Overprovision UpgradePolicy",
        ),
        ("vmss show -n web --instance-id 0", "Name ResourceGroup Location Zones"),
        (
            "vmss list-instances -n web",
            (
                "InstanceId LatestModelApplied Location ModelDefinitionApplied Name "
                "ProvisioningState ResourceGroup TimeCreated VmId"
            ),
        ),
        ("vmss list-skus -n web", "ResourceType"),
        (
            "vmss nic list --vmss-name web",
            (
                "EnableAcceleratedNetworking EnableIPForwarding Location MacAddress "
                "Name NicType Primary ProvisioningState ResourceGroup ResourceGuid "
                "VnetEncryptionSupported"
            ),
        ),
        (
            "vmss extension list --vmss-name web",
            "Name Publisher TypeHandlerVersion",
        ),
        ("vmss extension image list -l westus2", "Name Publisher Version"),
    ],
)
def test_tables_have_their_columns(az, command, columns) -> None:
    assert az.columns(command) == columns.split()


def test_names_are_found_in_any_case_and_shown_as_made(az, group) -> None:
    query = "[name,resourceGroup,sku.capacity,upgradePolicy.mode]"
    shown = az(f"vmss show -n WEB --query {query}")
    assert shown == ["web", group, 2, "Manual"]


def test_a_view_counts_the_instances_by_status(az) -> None:
    whole = az("vmss get-instance-view -n web")
    counted = whole["virtualMachine"]["statusesSummary"]
    assert {"code": "ProvisioningState/succeeded", "count": 2} in counted
    one = az("vmss get-instance-view -n web --instance-id 0")
    assert [each["code"] for each in one["statuses"]] == [
        "ProvisioningState/succeeded",
        "PowerState/running",
    ]
    assert len(az('vmss get-instance-view -n web --instance-id "*"')) == 2


def test_instances_are_reached_by_the_balancers_ports(az) -> None:
    address = az("network public-ip show -n ip --query ipAddress")
    assert az("vmss list-instance-connection-info -n web") == {
        "instance 0": f"{address}:50000",
        "instance 1": f"{address}:50001",
    }
    assert az("vmss list-instance-public-ips -n web") == []
    assert len(az("network lb list-nic --name lb")) == 2


def test_a_changed_model_comes_to_the_instances_that_are_updated(az) -> None:
    where = "virtualMachineProfile.osProfile.linuxConfiguration"
    az(f"vmss update -n web --set {where}.enableVMAgentPlatformUpdates=true")
    latest = 'vmss list-instances -n web --query "[].latestModelApplied"'
    assert az(latest) == [False, False]
    az("vmss update-instances -n web --instance-ids 0")
    assert az(latest) == [True, False]
    az('vmss update-instances -n web --instance-ids "*"')
    assert az(latest) == [True, True]


def test_a_rolling_upgrade_is_started_shown_and_not_cancelled_any_more(az) -> None:
    az("vmss rolling-upgrade start -n web")
    shown = az("vmss rolling-upgrade get-latest -n web")
    assert shown["runningStatus"]["code"] == "Completed"
    assert shown["progress"]["failedInstanceCount"] == 0
    assert az("vmss get-os-upgrade-history -n web")
    assert az.refused("vmss rolling-upgrade cancel -n web") == (
        1,
        (
            "(OperationNotAllowed) There is no rolling upgrade in progress on the "
            "Virtual Machine Scale Set 'web' to cancel."
        ),
    )


def test_a_set_that_never_rolled_says_so(az) -> None:
    az(
        "vmss create -n still --image Ubuntu2204 --admin-username azureuser "
        "--generate-ssh-keys --vm-sku Standard_B1s --instance-count 0 "
        "--orchestration-mode Uniform --lb ''"
    )
    assert az.refused("vmss rolling-upgrade get-latest -n still") == (
        3,
        (
            "(NotFound) No rolling upgrade of the Virtual Machine Scale Set 'still' "
            "was found."
        ),
    )
    az("vmss delete -n still")


def test_instances_are_switched_off_and_on(az) -> None:
    az("vmss stop -n web --instance-ids 0")
    assert states(az) == ["PowerState/stopped", "PowerState/running"]
    az("vmss start -n web --instance-ids 0")
    az("vmss deallocate -n web")
    assert states(az) == ["PowerState/deallocated"] * 2
    az("vmss start -n web")
    az("vmss restart -n web --instance-ids 1")
    az("vmss reimage -n web --instance-ids 0")
    assert states(az) == ["PowerState/running"] * 2


def test_it_is_scaled_by_a_put_of_its_size_alone(az) -> None:
    az("vmss scale -n web --new-capacity 4")
    assert len(az("vmss list-instances -n web")) == 4
    assert az("vmss show -n web --query virtualMachineProfile.osProfile") is not None
    last = az("vmss list-instances -n web --query [].instanceId")[2:]
    az(f"vmss delete-instances -n web --instance-ids {' '.join(last)}")
    assert az("vmss show -n web --query sku.capacity") == 2


def test_a_command_runs_in_an_instance(az) -> None:
    ran = az(
        "vmss run-command invoke -n web --instance-id 0 --command-id RunShellScript "
        '--scripts "echo hello"'
    )
    assert "[stdout]\nhello\n" in ran["value"][0]["message"]
    of = "--vmss-name web --instance-id 0 --name greet"
    az(f'vmss run-command create {of} --script "echo managed"')
    shown = az(f"vmss run-command show {of} --instance-view")
    assert shown["instanceView"]["output"] == "managed\n"
    assert len(az("vmss run-command list --vmss-name web --instance-id 0")) == 1
    az(f"vmss run-command delete {of} -y")


def test_an_instance_is_protected(az) -> None:
    az("vmss update -n web --instance-id 0 --protect-from-scale-in true")
    query = "--query protectionPolicy.protectFromScaleIn"
    assert az(f"vmss show -n web --instance-id 0 {query}") is True
    az("vmss update -n web --instance-id 0 --protect-from-scale-in false")


def test_extensions_and_identities_are_added_and_taken(az) -> None:
    script = "-n CustomScript --publisher Microsoft.Azure.Extensions"
    settings = '{"commandToExecute": "true"}'
    az(f"vmss extension set --vmss-name web {script} --settings '{settings}'")
    names = "vmss extension list --vmss-name web --query [].name"
    assert az(names) == ["health", "CustomScript"]
    az("vmss extension delete --vmss-name web -n CustomScript")
    assert az(names) == ["health"]
    given = az("vmss identity assign -n web")
    assert len(given["systemAssignedIdentity"]) == 36


def test_autoscale_is_set_shown_and_deleted(az) -> None:
    kind = "Microsoft.Compute/virtualMachineScaleSets"
    az(
        f"monitor autoscale create -n grow --resource web --resource-type {kind} "
        "--min-count 1 --max-count 3 --count 2"
    )
    az(
        "monitor autoscale rule create --autoscale-name grow "
        '--condition "Percentage CPU > 75 avg 5m" --scale out 1'
    )
    assert az("monitor autoscale list --query [].name") == ["grow"]
    shown = az("monitor autoscale show -n grow")
    assert shown["profiles"][0]["capacity"]["maximum"] == "3"
    az("monitor autoscale delete -n grow")


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (
            (
                "vmss create -n flexible --image Ubuntu2204 --admin-username azureuser "
                "--generate-ssh-keys --vm-sku Standard_B1s"
            ),
            (
                "orchestrationMode Flexible is not supported by this embedded Azure: "
                "use Uniform."
            ),
        ),
        (
            "vmss reimage -n web --instance-ids 99",
            (
                "The provided instanceId 99 is not an active Virtual Machine Scale Set "
                "VM instanceId; the scale set has 0, 1."
            ),
        ),
        (
            "vmss scale -n web --new-capacity 3000",
            "The value '3000' of parameter 'sku.capacity' is invalid: from 0 to 1000.",
        ),
        (
            "vmss show -n none",
            (
                "The Resource 'Microsoft.Compute/virtualMachineScaleSets/none' under "
                "resource group 'test-scale-sets' was not found."
            ),
        ),
    ],
    ids=["flexible", "no-such-instance", "too-many", "no-such-set"],
)
def test_what_cannot_be_is_told_in_one_clear_error(az, command, told) -> None:
    assert told in az.refused(command)[1]


def test_a_set_is_deleted(az) -> None:
    az(
        "vmss create -n brief --image Ubuntu2204 --admin-username azureuser "
        "--generate-ssh-keys --vm-sku Standard_B1s --instance-count 1 "
        "--orchestration-mode Uniform --lb ''"
    )
    az("vmss wait -n brief --created")
    az("vmss delete -n brief")
    assert az.refused("vmss show -n brief")[0] == 3
