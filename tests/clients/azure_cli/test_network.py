"""Networks: what a scale set stands in, and what leads to it."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.usefixtures("balancer")


@pytest.fixture(scope="module")
def balancer(az, group) -> None:
    """A network, and a balancer with a rule, a probe and a NAT rule, by commands."""
    at = f"-g {group}"
    az(
        f"network vnet create {at} -n net --address-prefixes 10.0.0.0/16 "
        "--subnet-name machines --subnet-prefixes 10.0.0.0/24"
    )
    az(f"network nsg create {at} -n guard")
    az(f"network public-ip create {at} -n ip --sku Standard --dns-name web")
    az(
        f"network lb create {at} -n lb --sku Standard --public-ip-address ip "
        "--frontend-ip-name front --backend-pool-name pool"
    )
    of = f"{at} --lb-name lb"
    az(f"network lb probe create {of} -n up --protocol Tcp --port 80")
    az(
        f"network lb rule create {of} -n http --protocol Tcp --frontend-port 80 "
        "--backend-port 80 --frontend-ip-name front --backend-pool-name pool "
        "--probe-name up"
    )
    az(
        f"network lb inbound-nat-rule create {of} -n ssh --protocol Tcp "
        "--frontend-port 2222 --backend-port 22 --frontend-ip-name front"
    )


@pytest.mark.parametrize(
    ("command", "columns"),
    [
        (
            "network vnet list",
            (
                "Name ResourceGroup Location NumSubnets Prefixes DnsServers "
                "DDOSProtection VMProtection"
            ),
        ),
        (
            "network vnet subnet list --vnet-name net",
            (
                "AddressPrefix Name PrivateEndpointNetworkPolicies "
                "PrivateLinkServiceNetworkPolicies ProvisioningState ResourceGroup"
            ),
        ),
        (
            "network public-ip list",
            (
                "Name ResourceGroup Location Zones Address IdleTimeoutInMinutes "
                "ProvisioningState"
            ),
        ),
        (
            "network lb list",
            "Location Name ProvisioningState ResourceGroup ResourceGuid",
        ),
        (
            "network lb probe list --lb-name lb",
            (
                "IntervalInSeconds Name NumberOfProbes Port ProbeThreshold Protocol "
                "ProvisioningState ResourceGroup"
            ),
        ),
        (
            "network lb address-pool list --lb-name lb",
            "Name ProvisioningState ResourceGroup",
        ),
        (
            "network nsg rule list --nsg-name guard --include-default",
            (
                "Name ResourceGroup Priority SourcePortRanges SourceAddressPrefixes "
                "SourceASG Access Protocol Direction DestinationPortRanges "
                "DestinationAddressPrefixes DestinationASG"
            ),
        ),
        ("network list-usages -l westus2", "Name CurrentValue Limit"),
    ],
)
def test_tables_have_their_columns(az, command, columns) -> None:
    assert az.columns(command) == columns.split()


def test_a_balancer_shows_what_it_is_made_of(az) -> None:
    shown = az("network lb show -n lb")
    names = {
        what: [one["name"] for one in shown[what]]
        for what in (
            "frontendIPConfigurations",
            "backendAddressPools",
            "loadBalancingRules",
            "probes",
            "inboundNatRules",
        )
    }
    assert names == {
        "frontendIPConfigurations": ["front"],
        "backendAddressPools": ["pool"],
        "loadBalancingRules": ["http"],
        "probes": ["up"],
        "inboundNatRules": ["ssh"],
    }
    one = az("network lb rule show --lb-name lb -n http")
    assert (one["frontendPort"], one["protocol"]) == (80, "Tcp")
    for what in ("frontend-ip", "outbound-rule", "inbound-nat-pool"):
        az(f"network lb {what} list --lb-name lb")
    assert az.refused("network lb probe delete --lb-name lb -n up")[0] == 1


def test_an_address_is_shown_and_changed(az) -> None:
    az("network public-ip update -n ip --idle-timeout 10")
    shown = az("network public-ip show -n ip")
    assert shown["ipAddress"].startswith("127.")
    assert shown["idleTimeoutInMinutes"] == 10
    assert shown["dnsSettings"]["domainNameLabel"] == "web"


def test_subnets_and_rules_are_written_alone(az) -> None:
    of = "--vnet-name net -n more"
    az(f"network vnet subnet create {of} --address-prefixes 10.0.1.0/24")
    az(f"network vnet subnet update {of} --network-security-group guard")
    names = "network vnet show -n net --query subnets[].name"
    assert az(names) == ["machines", "more"]
    free = az("network vnet subnet list-available-ips --vnet-name net -n more")
    assert free[0] == "10.0.1.4"
    az(f"network vnet subnet delete {of}")
    assert az(names) == ["machines"]
    rule = "--nsg-name guard -n http"
    az(
        f"network nsg rule create {rule} --priority 100 --access Allow "
        "--protocol Tcp --destination-port-ranges 80"
    )
    assert az(f"network nsg rule show {rule} --query priority") == 100
    az(f"network nsg rule delete {rule}")
    assert az("network nsg show -n guard --query securityRules") == []


def test_interfaces_gateways_and_routes_come_and_go(az) -> None:
    az("network nic create -n nic --vnet-name net --subnet machines")
    assert az("network nic list --query [].name") == ["nic"]
    shown = az("network nic show -n nic")
    assert shown["ipConfigurations"][0]["privateIPAddress"].startswith("127.")
    az("network nic delete -n nic")
    az("network public-ip create -n out --sku Standard")
    az("network nat gateway create -n gate --public-ip-addresses out")
    assert az("network nat gateway show -n gate --query idleTimeoutInMinutes") == 4
    assert az("network nat gateway list --query [].name") == ["gate"]
    az("network nat gateway delete -n gate")
    az("network route-table create -n routes")
    az(
        "network route-table route create --route-table-name routes -n all "
        "--address-prefix 0.0.0.0/0 --next-hop-type Internet"
    )
    assert az("network route-table list --query [].routes[].name") == ["all"]


def test_what_is_in_use_is_not_deleted(az) -> None:
    told = az.refused("network public-ip delete -n ip")
    assert told[0] == 1
    assert told[1].startswith("(PublicIPAddressCannotBeDeleted) ")


def test_what_is_not_here_names_what_is(az) -> None:
    status, told = az.refused("network application-gateway list")
    assert status == 3  # What it exits with after a 404.
    assert told.startswith(
        "(InvalidResourceType) The resource type 'applicationGateways' could not be "
        "found in the namespace 'Microsoft.Network'."
    )
