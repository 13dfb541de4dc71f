"""Virtual machines, and what is made of them: images, gallery versions, disks."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.usefixtures("machine")
MAKE = "--admin-username azureuser --generate-ssh-keys --size Standard_B1s"


@pytest.fixture(scope="module")
def machine(az, group) -> str:
    """Id of a virtual machine made as people make one: az writes the template."""
    made = az(f"vm create -g {group} -n builder --image Ubuntu2404 {MAKE}")
    assert made["powerState"] == "VM running"
    assert made["publicIpAddress"].startswith("127.")
    return str(made["id"])


@pytest.mark.parametrize(
    ("command", "columns"),
    [
        ("vm list", "Name ResourceGroup Location"),
        (
            "vm list --show-details",
            "Name ResourceGroup PowerState PublicIps Fqdns Location",
        ),
        ("vm show -n builder", "Name ResourceGroup Location"),
        (
            "vm get-instance-view -n builder",
            "Name ResourceGroup Location ProvisioningState PowerState",
        ),
        (
            "vm list-ip-addresses -n builder",
            "VirtualMachine PublicIPAddresses PrivateIPAddresses",
        ),
        (
            "vm list-sizes -l westus2",
            (
                "MaxDataDiskCount MemoryInMB Name NumberOfCores OsDiskSizeInMB "
                "ResourceDiskSizeInMB"
            ),
        ),
        (
            "vm list-skus -l westus2 --resource-type virtualMachines",
            "ResourceType Locations Name Zones Restrictions",
        ),
        ("vm list-usage -l westus2", "Name CurrentValue Limit"),
        ("vm image list", "Architecture Offer Publisher Sku Urn UrnAlias Version"),
        ("vm image list-publishers -l westus2", "Location Name"),
        ("vm image list-offers -l westus2 -p Canonical", "Location Name"),
        ("vm image list-skus -l westus2 -p Debian -f debian-12", "Location Name"),
        ("vm run-command list -l westus2", "$schema Description Label OsType"),
        (
            "disk list",
            "Name ResourceGroup Location Zones Sku OsType SizeGb ProvisioningState",
        ),
    ],
)
def test_tables_have_their_columns(az, command, columns) -> None:
    assert sorted(az.columns(command)) == sorted(columns.split())


def test_a_machine_is_switched_off_and_on(az) -> None:
    power = (
        "vm get-instance-view -n builder "
        '--query "instanceView.statuses[1].displayStatus"'
    )
    az("vm stop -n builder")
    assert az(power) == "VM stopped"
    az("vm start -n builder")
    az("vm restart -n builder")
    assert az(power) == "VM running"
    az("vm wait -n builder --updated")


def test_a_machine_is_changed(az) -> None:
    az("vm update -n builder --set tags.team=web")
    az("vm resize -n builder --size Standard_B2s")
    shown = az("vm show -n builder")
    assert (shown["tags"], shown["hardwareProfile"]["vmSize"]) == (
        {"team": "web"},
        "Standard_B2s",
    )
    assert len(az("vm identity assign -n builder")["systemAssignedIdentity"]) == 36


def test_commands_and_extensions_run_in_it(az) -> None:
    ran = az(
        "vm run-command invoke -n builder --command-id RunShellScript "
        '--scripts "echo hello"'
    )
    assert "[stdout]\nhello\n" in ran["value"][0]["message"]
    az(
        "vm extension set --vm-name builder -n CustomScript "
        "--publisher Microsoft.Azure.Extensions "
        '--settings \'{"commandToExecute": "echo done > /tmp/done"}\''
    )
    assert az("vm extension list --vm-name builder --query [].name") == ["CustomScript"]
    az("vm extension delete --vm-name builder -n CustomScript")


def test_it_becomes_an_image_and_gallery_versions(az, machine) -> None:
    az("vm deallocate -n builder")
    az("vm generalize -n builder")
    az("image create -n made --source builder")
    assert az("image show -n MADE --query name") == "made"
    assert az("image list --query [].name") == ["made"]
    gallery = "--gallery-name shelf"
    az(f"sig create {gallery}")
    az("sig update --gallery-name shelf --set tags.a=b")
    definition = f"{gallery} --gallery-image-definition web"
    az(
        f"sig image-definition create {definition} --publisher us --offer web "
        "--sku web --os-type Linux"
    )
    az(f"sig image-definition update {definition} --set tags.a=b")
    az(f"sig image-version create {definition} -e 1.0.0 --managed-image made")
    az(f"sig image-version create {definition} -e 1.0.1 --virtual-machine {machine}")
    first = f"{definition} -e 1.0.0"
    az(f"sig image-version wait {first} --created")
    az(f"sig image-version update {first} --target-regions westus2 westeurope")
    shown = az(f"sig image-version show {first} --expand ReplicationStatus")
    assert shown["replicationStatus"]["aggregatedState"] == "Completed"
    assert az.columns(f"sig image-version show {first}") == [
        "Name",
        "ResourceGroup",
        "ProvisioningState",
        "TargetRegions",
    ]
    versions = f"sig image-version list {definition} --query [].name"
    assert az(versions) == ["1.0.0", "1.0.1"]
    for version in ("1.0.0", "1.0.1"):
        az(f"sig image-version delete {definition} -e {version}")
    assert az(versions) == []
    az(f"sig image-definition delete {definition}")
    az(f"sig delete {gallery}")
    az("image delete -n made")


def test_disks_and_snapshots_come_and_go(az) -> None:
    az("disk create -n data --size-gb 4")
    az("disk update -n data --size-gb 8")
    assert az("disk show -n data --query diskSizeGB") == 8
    az("snapshot create -n copy --source data")
    assert az("snapshot list --query [].name") == ["copy"]
    assert az("snapshot show -n copy --query diskSizeGB") == 8
    az("snapshot delete -n copy")
    az("disk delete -n data -y")


def test_a_machine_is_deleted(az) -> None:
    az(f"vm create -n brief --image Debian12 {MAKE} --public-ip-address '' --nsg ''")
    az("vm delete -n brief -y")
    assert az.refused("vm show -n brief") == (
        3,
        (
            "(ResourceNotFound) The Resource 'Microsoft.Compute/virtualMachines/brief' "
            "under resource group 'test-machines' was not found. For more details "
            "please go to https://aka.ms/ARMResourceNotFoundFix"
        ),
    )
