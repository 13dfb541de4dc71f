"""Networks, groups, addresses, gateways and interfaces as clients see them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from release.emulator.errors import ArmError
from release.emulator.ids import ResourceId, parse
from release.emulator.operations import Operation

SPACE = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}


def subnet(name: str, prefix: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "properties": {"addressPrefix": prefix, **more}}


def rule(priority: int, **more: Any) -> dict[str, Any]:
    return {
        "priority": priority,
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "Tcp",
        "sourceAddressPrefix": "*",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": "443",
        **more,
    }


@pytest.fixture
def network(group):
    return group.put(
        "virtualNetworks/web", SPACE | {"subnets": [subnet("front", "10.0.0.0/24")]}
    )


def static(group, name: str) -> dict[str, Any]:
    return group.put(
        f"publicIPAddresses/{name}",
        {"publicIPAllocationMethod": "Static"},
        sku={"name": "Standard"},
    )


def configuration(network, **more: Any) -> dict[str, Any]:
    place = {"id": network["properties"]["subnets"][0]["id"]}
    return {"name": "only", "properties": {"subnet": place, **more}}


def test_a_subnet_in_the_array_is_a_resource_too(group, network) -> None:
    (inner,) = network["properties"]["subnets"]
    alone = group.get("virtualNetworks/web/subnets/FRONT")
    assert alone == inner
    assert alone["id"] == group.at("virtualNetworks/web/subnets/front")
    assert alone["etag"] == network["etag"]


def test_what_is_being_made_is_updating(group) -> None:
    """The SDKs until 2023 know no state Creating of a network."""
    at = group.at("virtualNetworks/soon")
    body = {"location": "westeurope", "properties": SPACE}
    first = group.ask("PUT", at, body)["properties"]["provisioningState"]
    inner = f"{at}/subnets/a"
    group.put("virtualNetworks/soon", SPACE)
    second = group.ask("PUT", inner, {"properties": {"addressPrefix": "10.0.1.0/24"}})
    assert (first, second["properties"]["provisioningState"]) == (
        "Updating",
        "Updating",
    )


def test_what_is_read_only_of_an_interface_is_not_taken(group, network) -> None:
    settings = {"dnsServers": ["10.0.0.4"], "appliedDnsServers": ["10.0.0.5"]}
    shown = group.put(
        "networkInterfaces/web",
        {
            "ipConfigurations": [configuration(network)],
            "dnsSettings": settings,
            "vnetEncryptionSupported": True,
        },
    )["properties"]
    assert shown["vnetEncryptionSupported"] is False
    assert shown["dnsSettings"] == settings | {"appliedDnsServers": []}


def test_of_what_is_referred_to_the_id_is_kept(group, network) -> None:
    """As a client sends it that puts what it got into another body."""
    rules = group.put("networkSecurityGroups/web", {"securityRules": []})
    address = static(group, "web")
    whole = configuration(network, publicIPAddress=address)
    whole["properties"]["subnet"] = network["properties"]["subnets"][0]
    shown = group.put(
        "networkInterfaces/web",
        {"ipConfigurations": [whole], "networkSecurityGroup": rules},
    )["properties"]
    assert shown["networkSecurityGroup"] == {"id": rules["id"]}
    inner = shown["ipConfigurations"][0]["properties"]
    assert inner["subnet"] == {"id": network["properties"]["subnets"][0]["id"]}
    assert inner["publicIPAddress"] == {"id": address["id"]}
    front = subnet("front", "10.0.0.0/24", networkSecurityGroup=rules)
    after = group.put("virtualNetworks/web", SPACE | {"subnets": [front]})
    (one,) = after["properties"]["subnets"]
    assert one["properties"]["networkSecurityGroup"] == {"id": rules["id"]}


def test_a_subnet_put_alone_joins_the_array(group, network) -> None:
    put = group.put(
        "virtualNetworks/web/subnets/back", {"addressPrefix": "10.0.1.0/24"}
    )
    assert put["properties"]["provisioningState"] == "Succeeded"
    assert group.names("virtualNetworks/web/subnets") == ["front", "back"]
    shown = group.get("virtualNetworks/web")["properties"]["subnets"]
    assert [one["name"] for one in shown] == ["front", "back"]
    assert shown[0]["etag"] != network["etag"]
    group.delete("virtualNetworks/web/subnets/back")
    assert group.names("virtualNetworks/web/subnets") == ["front"]


def test_a_subnet_and_its_network_are_written_one_after_the_other(
    azure, loop, group, network
) -> None:
    cloud = azure.server.cloud
    front, back = (parse(f"{network['id']}/subnets/{name}") for name in ("front", "b"))
    whole = {"location": "westeurope", "properties": SPACE}

    def put(resource_id: ResourceId, body: Any) -> Operation:
        return cloud.put(resource_id, body, api_version="2024-05-01").operation

    async def meet() -> AsyncIterator[tuple[int, str]]:
        first = put(back, {"properties": {"addressPrefix": "10.0.1.0/24"}})
        yield refusal(lambda: put(back.parent, whole))
        yield refusal(lambda: cloud.delete(back.parent))
        yield refusal(lambda: cloud.delete(front))
        await cloud.operations.wait(first)
        second = put(back.parent, whole)
        yield refusal(lambda: cloud.delete(front))
        await cloud.operations.wait(second)
        await cloud.operations.wait(cloud.delete(front))

    async def all_met() -> list[tuple[int, str]]:
        return [each async for each in meet()]

    found = asyncio.run_coroutine_threadsafe(all_met(), loop).result(30)
    assert found == [(409, "AnotherOperationInProgress")] * 4
    assert group.names("virtualNetworks/web/subnets") == ["b"]


def refusal(act: Callable[[], object]) -> tuple[int, str]:
    """The status and code of what is refused at once."""
    with pytest.raises(ArmError) as caught:
        act()
    return caught.value.status, caught.value.code


def test_a_put_of_the_network_replaces_its_subnets(group, network) -> None:
    del network
    group.put("virtualNetworks/web", SPACE | {"subnets": [subnet("b", "10.0.9.0/24")]})
    assert group.names("virtualNetworks/web/subnets") == ["b"]


@pytest.mark.parametrize(
    ("version", "told", "left"),
    [
        pytest.param("2023-06-01", {}, [], id="older"),
        pytest.param("2023-09-01", {}, ["front"], id="not-told"),
        pytest.param("2023-09-01", {"subnets": None}, ["front"], id="null"),
        pytest.param("2023-09-01", {"subnets": []}, [], id="none"),
    ],
)
def test_subnets_that_are_not_told_of_stay(group, network, version, told, left) -> None:
    body = {"location": "westeurope", "properties": SPACE | told}
    group.client.resources.begin_create_or_update_by_id(
        network["id"], body, api_version=version
    ).result()
    assert group.names("virtualNetworks/web/subnets") == left


@pytest.mark.parametrize(
    ("prefix", "code"),
    [
        pytest.param("10.0.0.128/25", "NetcfgSubnetRangesOverlap", id="overlap"),
        pytest.param("10.1.0.0/24", "NetcfgInvalidSubnet", id="outside"),
        pytest.param("10.0.1.1/24", "InvalidCIDRNotation", id="not-the-first"),
    ],
)
def test_a_wrong_prefix_is_refused(group, network, refused, prefix, code) -> None:
    del network
    put = {"addressPrefix": prefix}
    _, said, _ = refused(lambda: group.put("virtualNetworks/web/subnets/x", put))
    assert said == code
    assert group.names("virtualNetworks/web/subnets") == ["front"]


def test_a_subnet_in_use_is_not_deleted(group, network, refused) -> None:
    group.put("networkInterfaces/nic", {"ipConfigurations": [configuration(network)]})
    user = group.at("networkInterfaces/nic/ipConfigurations/only")
    said = (
        400,
        "InUseSubnetCannotBeDeleted",
        (
            f"Subnet front is in use by {user} and cannot be deleted. In order to "
            "delete the subnet, delete all the resources within the subnet. See "
            "aka.ms/deletesubnet."
        ),
    )
    assert refused(lambda: group.delete("virtualNetworks/web/subnets/front")) == said
    assert refused(lambda: group.delete("virtualNetworks/web")) == said
    none = SPACE | {"subnets": []}
    assert refused(lambda: group.put("virtualNetworks/web", none)) == said
    shown = group.get("virtualNetworks/web/subnets/front")["properties"]
    assert shown["ipConfigurations"] == [{"id": user}]


def test_an_interface_has_a_loopback_address_that_it_keeps(group, network) -> None:
    body = {"ipConfigurations": [configuration(network)]}
    made = group.put("networkInterfaces/nic", body)
    other = group.put("networkInterfaces/other", body)
    first, second = (
        one["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"]
        for one in (made, other)
    )
    assert first.startswith("127.")
    assert first != second
    again = group.put("networkInterfaces/nic", made["properties"])
    assert again["properties"]["ipConfigurations"][0]["properties"][
        "privateIPAddress"
    ] == (first)
    assert again["properties"]["macAddress"] == made["properties"]["macAddress"]
    assert group.names("networkInterfaces/nic/ipConfigurations") == ["only"]


def test_a_machine_answers_at_its_public_address(group, network) -> None:
    address = static(group, "ip")
    made = group.put(
        "networkInterfaces/nic",
        {
            "ipConfigurations": [
                configuration(network, publicIPAddress={"id": address["id"]})
            ]
        },
    )
    (inner,) = made["properties"]["ipConfigurations"]
    public = address["properties"]["ipAddress"]
    assert inner["properties"]["privateIPAddress"] == public
    assert group.get("publicIPAddresses/ip")["properties"]["ipConfiguration"] == {
        "id": inner["id"]
    }


def test_an_address_that_a_machine_keeps_is_not_given_again(group, network) -> None:
    address = static(group, "first")
    given = configuration(network, publicIPAddress={"id": address["id"]})
    group.put("networkInterfaces/nic", {"ipConfigurations": [given]})
    group.put("networkInterfaces/nic", {"ipConfigurations": [configuration(network)]})
    group.delete("publicIPAddresses/first")
    again = static(group, "second")["properties"]["ipAddress"]
    assert again != address["properties"]["ipAddress"]


def test_a_dynamic_address_shows_when_something_has_it(group, network) -> None:
    address = group.put("publicIPAddresses/ip")
    assert "ipAddress" not in address["properties"]
    assert address["sku"] == {"name": "Basic", "tier": "Regional"}
    configured = configuration(network, publicIPAddress={"id": address["id"]})
    group.put("networkInterfaces/nic", {"ipConfigurations": [configured]})
    assert group.get("publicIPAddresses/ip")["properties"]["ipAddress"].startswith(
        "127"
    )


def test_a_public_address_serves_one_and_is_not_deleted_from_it(
    group, network, refused
) -> None:
    address = static(group, "ip")
    body = {
        "ipConfigurations": [
            configuration(network, publicIPAddress={"id": address["id"]})
        ]
    }
    group.put("networkInterfaces/nic", body)
    user = group.at("networkInterfaces/nic/ipConfigurations/only")
    other = group.at("networkInterfaces/other/ipConfigurations/only")
    assert refused(lambda: group.put("networkInterfaces/other", body)) == (
        400,
        "PublicIPAddressInUse",
        (
            f"Resource {other} is referencing public IP address {address['id']} that "
            f"is already allocated to resource {user}."
        ),
    )
    assert refused(lambda: group.delete("publicIPAddresses/ip")) == (
        400,
        "PublicIPAddressCannotBeDeleted",
        (
            f"Public IP address {address['id']} can not be deleted since it is still "
            f"allocated to resource {user}. In order to delete the public IP, "
            "disassociate/detach the Public IP address from the resource.  To learn "
            "how to do this, see aka.ms/deletepublicip."
        ),
    )


def test_a_standard_address_must_be_static(group, refused) -> None:
    status, code, _ = refused(
        lambda: group.put("publicIPAddresses/ip", {}, sku={"name": "Standard"})
    )
    assert (status, code) == (400, "StandardSkuPublicIPAddressMustBeStatic")


def test_a_gateway_and_a_group_know_their_subnets(group, refused) -> None:
    address = static(group, "out")
    gateway = group.put(
        "natGateways/out",
        {"publicIpAddresses": [{"id": address["id"]}]},
        sku={"name": "Standard"},
    )
    rules = group.put("networkSecurityGroups/web")
    both = {
        "natGateway": {"id": gateway["id"]},
        "networkSecurityGroup": {"id": rules["id"]},
    }
    group.put(
        "virtualNetworks/web", SPACE | {"subnets": [subnet("s", "10.0.0.0/24", **both)]}
    )
    users = [{"id": group.at("virtualNetworks/web/subnets/s")}]
    assert group.get("natGateways/out")["properties"]["subnets"] == users
    assert group.get("networkSecurityGroups/web")["properties"]["subnets"] == users
    assert refused(lambda: group.delete("natGateways/out")) == (
        400,
        "CannotDeleteNatGatewayAssociatedToSubnet",
        (
            f"NAT Gateway {gateway['id']} is still configured on 1 subnets. Remove NAT "
            "Gateway from all referenced subnets and then delete NAT Gateway."
        ),
    )
    _, code, _ = refused(lambda: group.delete("networkSecurityGroups/web"))
    assert code == "InUseNetworkSecurityGroupCannotBeDeleted"


def test_rules_of_a_group_are_checked(group, refused) -> None:
    group.put(
        "networkSecurityGroups/web",
        {"securityRules": [{"name": "site", "properties": rule(100)}]},
    )
    assert len(group.names("networkSecurityGroups/web/defaultSecurityRules")) == 6
    path = "networkSecurityGroups/web/securityRules"
    assert refused(lambda: group.put(f"{path}/more", rule(100))) == (
        400,
        "SecurityRuleConflict",
        (
            "Security rule more conflicts with rule site. Rules cannot have the same "
            "Priority and Direction."
        ),
    )
    group.put(f"{path}/more", rule(101, access="deny"))
    assert group.get(f"{path}/more")["properties"]["access"] == "Deny"
    _, code, _ = refused(lambda: group.put(f"{path}/odd", rule(99)))
    assert code == "InvalidRequestFormat"
    assert group.names(path) == ["site", "more"]


def test_a_reference_to_nothing_is_named(group, refused) -> None:
    nowhere = group.at("virtualNetworks/no/subnets/such")
    body = {
        "ipConfigurations": [
            {"name": "only", "properties": {"subnet": {"id": nowhere}}}
        ]
    }
    assert refused(lambda: group.put("networkInterfaces/nic", body)) == (
        400,
        "InvalidResourceReference",
        (
            f"Resource {nowhere} referenced by resource "
            f"{group.at('networkInterfaces/nic')} was not found. Please make sure that "
            "the referenced resource exists, and that both resources are in the same "
            "region."
        ),
    )


def test_a_name_that_azure_would_not_take_is_refused(group, refused) -> None:
    _, code, _ = refused(lambda: group.put("routeTables/no.", {}))
    assert code == "InvalidResourceName"


def test_routes_have_a_table(group) -> None:
    group.put("routeTables/all")
    group.put(
        "routeTables/all/routes/out",
        {"addressPrefix": "0.0.0.0/0", "nextHopType": "Internet"},
    )
    assert group.names("routeTables/all/routes") == ["out"]


def test_the_space_of_a_subnet_is_that_of_all_its_prefixes(group) -> None:
    two = {"addressPrefixes": ["10.0.0.0/29", "10.0.1.0/24"]}
    tiny = {"addressPrefix": "10.0.2.0/30"}
    named = [{"name": "two", "properties": two}, {"name": "tiny", "properties": tiny}]
    group.put("virtualNetworks/web", SPACE | {"subnets": named})
    usages = group.get("virtualNetworks/web/usages")["value"]
    assert [one["limit"] for one in usages] == [3 + 251, 0]

    def check(address: str) -> Any:
        query = f"CheckIPAddressAvailability?ipAddress={address}"
        found = group.get(f"virtualNetworks/web/{query}")
        return found["available"], found["availableIPAddresses"]

    assert check("10.0.1.4") == (True, [])
    assert check("10.0.0.3") == (False, ["10.0.0.4", "10.0.0.5", "10.0.0.6"])
    assert check("10.0.2.1") == (False, [])


def test_usages_count_what_is_there(group, network) -> None:
    del network
    provider = group.id.split("/resourceGroups/")[0] + "/providers/Microsoft.Network"
    path = f"{provider}/locations/westeurope/usages"
    # Of the region: other tests' networks there count too.
    networks = group.ask("GET", f"{provider}/virtualNetworks")["value"]
    there = [each for each in networks if each["location"] == "westeurope"]
    found = {one["name"]["value"]: one for one in group.ask("GET", path)["value"]}
    assert found["VirtualNetworks"] == {
        "id": path + "/VirtualNetworks",
        "currentValue": len(there),
        "limit": 1000,
        "unit": "Count",
        "name": {"value": "VirtualNetworks", "localizedValue": "Virtual Networks"},
    }


def test_usages_of_addresses_are_by_sku(group) -> None:
    provider = group.id.split("/resourceGroups/")[0] + "/providers/Microsoft.Network"

    def used() -> tuple[int, int]:
        listed = group.ask("GET", f"{provider}/locations/westeurope/usages")["value"]
        found = {one["name"]["value"]: one["currentValue"] for one in listed}
        return found["PublicIPAddresses"], found["IPv4StandardSkuPublicIpAddresses"]

    every, standard = used()
    group.put("publicIPAddresses/basic")
    assert used() == (every + 1, standard)
    static(group, "standard")
    assert used() == (every + 2, standard + 1)


@pytest.mark.parametrize("location", ["westeurope", "West%20Europe"])
def test_a_label_that_is_taken_is_told(group, location) -> None:
    provider = group.id.split("/resourceGroups/")[0] + "/providers/Microsoft.Network"
    check = f"{provider}/locations/{location}/CheckDnsNameAvailability"
    group.put("publicIPAddresses/a", {"dnsSettings": {"domainNameLabel": "taken"}})
    told = [
        group.ask("GET", f"{check}?domainNameLabel={label}")["available"]
        for label in ("TAKEN", "free")
    ]
    assert told == [False, True]


def test_a_reference_keeps_what_becomes_of_the_address(group, network) -> None:
    address = static(group, "going") | {
        "properties": {"deleteOption": "Delete", "idleTimeoutInMinutes": 9}
    }
    body = {"ipConfigurations": [configuration(network, publicIPAddress=address)]}
    shown = group.put("networkInterfaces/going", body)["properties"]
    assert shown["ipConfigurations"][0]["properties"]["publicIPAddress"] == {
        "id": address["id"],
        "properties": {"deleteOption": "Delete"},
    }
