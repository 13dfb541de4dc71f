"""Templates as the public quickstart collection writes them for scale sets.

Ours, with the constructs of
https://github.com/Azure/azure-quickstart-templates/tree/master/quickstarts/microsoft.compute
(vmss-linux-nat, vmss-linux-jumpbox, vmss-ubuntu-web-ssl, vmss-ubuntu-autoscale,
vmss-windows-autoscale, vmss-automatic-repairs-slb-health-probe, vmss-existing-vnet,
vmss-linux-nat-zones, vmss-master-slave-customscript, vmss-azure-files-linux, vmss-msi,
vmss-flexible-orchestration-quickstart, vmss-trustedlaunch-windows): old api-versions,
numbers and booleans as strings, types with a slash at the end, names in another case.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from azure.core.credentials import AzureSasCredential
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import (
    ContainerClient,
    ContainerSasPermissions,
    generate_container_sas,
)

RUNNING = {"ProvisioningState/succeeded", "PowerState/running"}
KEY = "ssh-rsa " + "A" * 372 + " somebody"
SERVE = """\
set -e
cd "$(mktemp -d)"
echo "$2 here" > index.html
nohup python3 -m http.server "$1" --bind "$(hostname -I)" >/dev/null 2>&1 &
"""


@pytest.mark.parametrize(
    ("name", "instances"),
    [("autoscale", 1), ("identity", 1), ("symbolic", 1), ("tiers", 2), ("zones", 3)],
)
def test_a_template_deploys_with_its_instances(
    place: Any, name: str, instances: int
) -> None:
    outputs = place.deploy(name, location="westeurope")
    assert len(place.instances()) == instances
    assert place.states() == RUNNING
    assert [name for name, value in outputs.items() if value is None] in (
        [],
        ["missing"],
    )


@pytest.mark.matrix
def test_each_instance_is_behind_a_port_of_the_pool(place: Any) -> None:
    place.deploy("nat", secret=KEY)
    address = place.get("Microsoft.Network/publicIPAddresses")["value"][0]
    at = address["properties"]["ipAddress"]
    assert [place.ssh_banner(at, port) for port in (50000, 50001)] == [b"SSH-2.0"] * 2
    assert address["properties"]["dnsSettings"]["fqdn"] == (
        f"{place.group}.westus2.cloudapp.azure.com"
    )


def test_a_machine_stands_beside_the_scale_set(place: Any) -> None:
    place.deploy("jumpbox")
    (machine,) = place.azure.compute.virtual_machines.list(place.group)
    assert machine.provisioning_state == "Succeeded"
    assert place.states() == RUNNING
    (account,) = place.get("Microsoft.Storage/storageAccounts")["value"]
    assert (account["sku"]["name"], account["kind"]) == ("Standard_LRS", "Storage")


def test_a_script_out_of_a_blob_serves_behind_the_balancer(place: Any) -> None:
    artifacts, signature = published(place, "serve.sh", SERVE)
    outputs = place.deploy(
        "web", _artifactslocation=artifacts, _artifactslocationsastoken=signature
    )
    assert place.page(outputs["address"], 8080) == "strangers here\n"


def published(place: Any, name: str, text: str) -> tuple[str, str]:
    """Put a file where a template's artifacts are; return location and signature."""
    account = f"{place.group}store"
    path = f"{place.id}/providers/Microsoft.Storage/storageAccounts/{account}"
    made = place.azure.resources.resources.begin_create_or_update_by_id(
        path,
        {"location": "westus2", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"},
        api_version="2024-01-01",
    ).result()
    _, _, keys = place.azure.ask("POST", f"{path}/listKeys")
    endpoint = made.properties["primaryEndpoints"]["blob"]
    signature = generate_container_sas(
        account,
        "artifacts",
        account_key=keys["keys"][0]["value"],
        permission=ContainerSasPermissions(read=True, write=True, create=True),
        expiry="2099-01-01T00:00:00Z",
    )
    with ContainerClient(
        endpoint,
        "artifacts",
        credential=keys["keys"][0]["value"],
        connection_verify=place.azure.endpoint["ca"],
    ) as owner:
        owner.create_container()
    with ContainerClient(
        endpoint,
        "artifacts",
        credential=AzureSasCredential(signature),
        connection_verify=place.azure.endpoint["ca"],
    ) as container:
        container.upload_blob(name, text)
    return f"{endpoint}artifacts/", f"?{signature}"


def test_instances_are_healthy_by_their_extension(place: Any) -> None:
    place.deploy("health")
    place.all_become("healthy")
    address = place.instances()[0]
    interface = place.get(
        f"Microsoft.Compute/virtualMachineScaleSets/{place.group}/virtualMachines/"
        f"{address.instance_id}/networkInterfaces"
    )["value"][0]
    configuration = interface["properties"]["ipConfigurations"][0]["properties"]
    assert place.page(configuration["privateIPAddress"], 8080) == "well\n"


@pytest.mark.matrix
def test_instances_are_healthy_by_the_probe_of_an_inner_balancer(place: Any) -> None:
    place.deploy("repairs")
    place.all_become("healthy")
    (balancer,) = place.get("Microsoft.Network/loadBalancers")["value"]
    front = balancer["properties"]["frontendIPConfigurations"][0]["properties"]
    assert "Directory listing" in place.page(front["privateIPAddress"], 8080)


@pytest.mark.matrix
def test_each_instance_has_a_public_address_of_its_own(place: Any) -> None:
    place.deploy("addresses")
    fleet = f"Microsoft.Compute/virtualMachineScaleSets/{place.group}"
    (address,) = place.get(f"{fleet}/publicipaddresses")["value"]
    assert address["properties"]["dnsSettings"]["fqdn"] == (
        f"vm0.{place.group}.westus2.cloudapp.azure.com"
    )
    interface = f"{fleet}/virtualMachines/0/networkInterfaces/nic1"
    (alone,) = place.get(f"{interface}/ipConfigurations/ip1/publicipaddresses")["value"]
    assert alone == address
    shown = place.get(interface)["properties"]["ipConfigurations"][0]["properties"]
    assert shown["publicIPAddress"] == {"id": address["id"]}
    at = address["properties"]["ipAddress"]
    port = place.azure.endpoint["ssh_port"]
    assert place.ssh_banner(at, port) == b"SSH-2.0"


@pytest.mark.matrix
def test_a_network_of_another_group_is_joined(place: Any) -> None:
    elsewhere = f"{place.group}-net"
    groups = place.azure.resources.resource_groups
    groups.create_or_update(elsewhere, {"location": "westus2"})
    subnet = {"name": "inside", "properties": {"addressPrefix": "10.9.0.0/24"}}
    space = {"addressPrefixes": ["10.9.0.0/16"]}
    place.azure.resources.resources.begin_create_or_update_by_id(
        f"{place.azure.scope}/resourceGroups/{elsewhere}/providers/Microsoft.Network/"
        "virtualNetworks/there",
        {
            "location": "westus2",
            "properties": {"addressSpace": space, "subnets": [subnet]},
        },
        api_version="2024-05-01",
    ).result()
    network = {"networkgroup": elsewhere, "networkname": "there"}
    place.deploy("existing-network", subnetname="inside", **network)
    assert place.states() == RUNNING
    sets = place.azure.compute.virtual_machine_scale_sets
    sets.begin_delete(place.group, place.group).result()
    groups.begin_delete(elsewhere).result()


def with_windows(template: dict[str, Any]) -> None:
    profile_of(template)["storageProfile"]["imageReference"] = {
        "publisher": "MicrosoftWindowsServer",
        "offer": "WindowsServer",
        "sku": "2019-Datacenter",
        "version": "latest",
    }


def with_flexible_orchestration(template: dict[str, Any]) -> None:
    fleet_of(template)["properties"]["orchestrationMode"] = "Flexible"


def with_certificates(template: dict[str, Any]) -> None:
    vault = "[resourceId('vaults', 'Microsoft.KeyVault/vaults', 'mine')]"
    certificate = {"certificateUrl": "https://mine.vault.azure.net/secrets/web/1"}
    profile_of(template)["osProfile"]["secrets"] = [
        {"sourceVault": {"id": vault}, "vaultCertificates": [certificate]}
    ]


def with_a_vault(template: dict[str, Any]) -> None:
    template["resources"].append(
        {
            "type": "Microsoft.KeyVault/vaults",
            "apiVersion": "2023-07-01",
            "name": "mine",
            "location": "westus2",
            "properties": {},
        }
    )


def with_a_linked_template(template: dict[str, Any]) -> None:
    template["resources"].append(
        {
            "type": "Microsoft.Resources/deployments",
            "apiVersion": "2019-09-01",
            "name": "linked",
            "properties": {
                "mode": "Incremental",
                "templateLink": {"uri": "https://example.com/nested/more.json"},
            },
        }
    )


def with_an_unknown_size(template: dict[str, Any]) -> None:
    fleet_of(template)["sku"]["name"] = "Standard_HB120rs_v3"


def with_an_unknown_image(template: dict[str, Any]) -> None:
    profile_of(template)["storageProfile"]["imageReference"]["offer"] = "Plan9"


def with_addresses_of_version_6(template: dict[str, Any]) -> None:
    nic = profile_of(template)["networkProfile"]["networkInterfaceConfigurations"][0]
    nic["properties"]["ipConfigurations"][0]["properties"][
        "publicIPAddressConfiguration"
    ] = {"name": "six", "properties": {"publicIPAddressVersion": "IPv6"}}


def fleet_of(template: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = template["resources"][1]
    return found


def profile_of(template: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = fleet_of(template)["properties"]["virtualMachineProfile"]
    return found


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (
            with_windows,
            "OperationNotAllowed",
            (
                "The platform image "
                "'MicrosoftWindowsServer:WindowsServer:2019-Datacenter:latest' is "
                "one of Windows, but this embedded Azure has only Linux machines."
            ),
        ),
        (
            with_flexible_orchestration,
            "OperationNotAllowed",
            (
                "orchestrationMode Flexible is not supported by this embedded "
                "Azure: use Uniform."
            ),
        ),
        (
            with_certificates,
            "OperationNotAllowed",
            (
                "osProfile.secrets was given, but this embedded Azure has no key "
                "vaults to take certificates from."
            ),
        ),
        (
            with_a_vault,
            "InvalidResourceNamespace",
            (
                "The resource namespace 'Microsoft.KeyVault' is invalid. This "
                "embedded Azure has "
            ),
        ),
        (
            with_a_linked_template,
            "InvalidContentLink",
            (
                "'properties.templateLink' cannot be followed: this embedded Azure "
                "fetches nothing and keeps no template specs. Give the content "
                "itself."
            ),
        ),
        (
            with_an_unknown_size,
            "InvalidParameter",
            (
                "The value Standard_HB120rs_v3 provided for the VM size is not "
                "valid. The valid sizes in the current region are: Standard_A1, "
            ),
        ),
        (
            with_an_unknown_image,
            "PlatformImageNotFound",
            (
                "The platform image 'Canonical:Plan9:22_04-lts-gen2:latest' is not "
                "available. Verify that all fields in the storage profile are "
                "correct. This embedded Azure has "
            ),
        ),
        (
            with_addresses_of_version_6,
            "OperationNotSupported",
            (
                "publicIPAddressConfiguration asks for IPv6: this embedded Azure "
                "has IPv4 addresses only."
            ),
        ),
    ],
)
def test_what_is_not_supported_is_named(
    place: Any,
    quickstart: Callable[[str], dict[str, Any]],
    change: Callable[[dict[str, Any]], None],
    code: str,
    said: str,
) -> None:
    template = copy.deepcopy(quickstart("autoscale"))
    change(template)
    with pytest.raises(HttpResponseError) as raised:
        place.deploy(template)
    error = innermost(raised.value.error)
    assert (error.code, error.message[: len(said)]) == (code, said)
    assert place.fleets() == []


def innermost(error: Any) -> Any:
    return innermost(error.details[0]) if error.details else error
