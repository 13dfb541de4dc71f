"""What a subscription may have, told and held over HTTPS."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest

from tests.harness.emulator.conftest import Running

NETWORK = "2024-05-01"
Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def conditions(azure: Running) -> Iterator[Ask]:
    """Ask for conditions; they are lifted at the end."""

    def ask(method: str = "PUT", **wanted: Any) -> dict[str, Any]:
        return azure.tell("conditions", method, wanted)

    yield ask
    ask("DELETE")


@pytest.fixture(scope="module")
def group(azure: Running) -> Iterator[str]:
    azure.resources.resource_groups.create_or_update(
        "limits", {"location": "westeurope"}
    )
    yield f"/subscriptions/{azure.endpoint['subscription']}/resourceGroups/limits"
    azure.resources.resource_groups.begin_delete("limits").result()


def get(azure: Running, path: str, version: str = NETWORK) -> dict[str, Any]:
    joined = "&" if "?" in path else "?"
    request = HttpRequest("GET", f"{path}{joined}api-version={version}")
    answer = azure.resources.send_request(request)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def put(azure: Running, path: str, body: dict[str, Any]) -> None:
    azure.resources.resources.begin_create_or_update_by_id(
        path, {"location": "westeurope", **body}, api_version=NETWORK
    ).result()


def refused(azure: Running, path: str, body: dict[str, Any]) -> HttpResponseError:
    with pytest.raises(HttpResponseError) as caught:
        put(azure, path, body)
    return caught.value


def machine(size: str, *zones: str) -> dict[str, Any]:
    found: dict[str, Any] = {"properties": {"hardwareProfile": {"vmSize": size}}}
    return {**found, "zones": list(zones)} if zones else found


def test_conditions_are_told_and_lifted(conditions: Ask) -> None:
    assert conditions(limits={"cores": 4})["limits"] == {"cores": 4}
    assert conditions("GET")["limits"] == {"cores": 4}
    assert conditions("DELETE") == {
        "limits": {},
        "restrictions": [],
        "unregistered": [],
        "taken_accounts": [],
    }


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        pytest.param(
            {"limit": {}},
            "limit is not known: expected limits, restrictions, taken_accounts, "
            "unregistered.",
            id="unknown",
        ),
        pytest.param(
            {"limits": {"cores": "many"}},
            "limits.cores: Input should be a valid integer, unable to parse string "
            "as an integer.",
            id="no-number",
        ),
    ],
)
def test_a_wrong_condition_is_named(
    conditions: Ask, wanted: dict[str, Any], message: str
) -> None:
    assert conditions(**wanted)["error"] == {
        "code": "InvalidConditions",
        "message": message,
    }


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        pytest.param({"cores": 1}, "Total Regional", id="region"),
        pytest.param({"standardBSFamily": 1}, "standardBSFamily", id="family"),
    ],
)
def test_cores_are_limited_and_told(
    azure: Running, conditions: Ask, group: str, limit: dict[str, int], said: str
) -> None:
    conditions(limits=limit)
    told = {one.name.value: one.limit for one in azure.compute.usage.list("westeurope")}
    (name,) = limit
    assert told[name] == 1
    error = refused(
        azure,
        f"{group}/providers/Microsoft.Compute/virtualMachines/big",
        machine("Standard_B2s"),
    )
    assert error.error is not None
    assert error.error.code == "OperationNotAllowed"
    assert f"exceeding approved {said} Cores quota" in (error.error.message or "")


def sku(azure: Running, size: str) -> Any:
    found = azure.compute.resource_skus.list(filter="location eq 'westeurope'")
    return next((one for one in found if one.name == size), None)


@pytest.mark.parametrize(
    ("size", "family", "generations", "architecture"),
    [
        ("Standard_A1", "standardA0_A7Family", "V1", "x64"),
        ("Standard_B1ms", "standardBSFamily", "V1,V2", "x64"),
        ("Standard_DS1_v2", "standardDSv2Family", "V1,V2", "x64"),
        ("Standard_D2as_v5", "standardDASv5Family", "V1,V2", "x64"),
        ("Standard_D2ps_v5", "standardDPSv5Family", "V2", "Arm64"),
    ],
)
def test_a_size_tells_its_family_and_what_it_boots(
    azure: Running, size: str, family: str, generations: str, architecture: str
) -> None:
    found = sku(azure, size)
    told = {one.name: one.value for one in found.capabilities}
    assert found.family == family
    assert told["HyperVGenerations"] == generations
    assert told["CpuArchitectureType"] == architecture
    assert found.location_info[0].zones == ["1", "2", "3"]


def test_a_restricted_size_is_told_and_refused(
    azure: Running, conditions: Ask, group: str
) -> None:
    here = {"size": "Standard_B2s", "location": "westeurope"}
    conditions(restrictions=[{**here, "zones": ["1"]}])
    (told,) = sku(azure, "Standard_B2s").restrictions
    assert (told.type, told.reason_code, told.restriction_info.zones) == (
        "Zone",
        "NotAvailableForSubscription",
        ["1"],
    )
    path = f"{group}/providers/Microsoft.Compute/virtualMachines/zonal"
    error = refused(azure, path, machine("Standard_B2s", "1")).error
    assert error is not None
    assert error.code == "SkuNotAvailable"
    conditions(restrictions=[here])
    (told,) = sku(azure, "Standard_B2s").restrictions
    assert (told.type, told.values_property) == ("Location", ["westeurope"])
    conditions(restrictions=[{**here, "offered": False}])
    assert sku(azure, "Standard_B2s") is None


def test_a_provider_is_registered_before_it_is_used(
    azure: Running, conditions: Ask
) -> None:
    conditions(unregistered=["Microsoft.Network"])
    provider = azure.resources.providers
    assert provider.get("Microsoft.Network").registration_state == "NotRegistered"
    assert provider.register("Microsoft.Network").registration_state == "Registered"
    assert provider.get("Microsoft.Network").registration_state == "Registered"


def test_an_unregistered_provider_is_refused(
    azure: Running, conditions: Ask, group: str
) -> None:
    conditions(unregistered=["Microsoft.Network"])
    # Without the SDK, which would register it and try again.
    request = urllib.request.Request(
        f"{azure.endpoint['arm']}{group}/providers/Microsoft.Network/routeTables/r"
        f"?api-version={NETWORK}",
        method="PUT",
        data=json.dumps({"location": "westeurope"}).encode(),
        headers={
            "Authorization": f"Bearer {azure.token().token}",
            "Content-Type": "application/json",
        },
    )
    trust = ssl.create_default_context(cafile=azure.endpoint["ca"])
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, context=trust)
    with caught.value as answer:
        assert json.load(answer)["error"]["code"] == "MissingSubscriptionRegistration"


def test_public_addresses_are_limited_and_told(
    azure: Running, conditions: Ask, group: str
) -> None:
    conditions(limits={"PublicIPAddresses": 0})
    place = f"/subscriptions/{azure.endpoint['subscription']}/providers"
    usages = get(azure, f"{place}/Microsoft.Network/locations/westeurope/usages")
    limits = {one["name"]["value"]: one["limit"] for one in usages["value"]}
    assert limits["PublicIPAddresses"] == 0
    path = f"{group}/providers/Microsoft.Network/publicIPAddresses/one"
    error = refused(azure, path, {}).error
    assert error is not None
    assert error.code == "PublicIPCountLimitReached"


def test_an_account_s_name_may_be_taken_elsewhere(
    azure: Running, conditions: Ask, group: str
) -> None:
    conditions(taken_accounts=["payloads2"])
    path = f"{group}/providers/Microsoft.Storage/storageAccounts/payloads2"
    body = {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    error = refused(azure, path, body).error
    assert error is not None
    assert error.code == "StorageAccountAlreadyTaken"


def test_a_network_tells_its_subnets_usage(azure: Running, group: str) -> None:
    vnet = f"{group}/providers/Microsoft.Network/virtualNetworks/space"
    subnet = f"{vnet}/subnets/small"
    put(
        azure,
        vnet,
        {
            "properties": {
                "addressSpace": {"addressPrefixes": ["10.1.0.0/16"]},
                "subnets": [
                    {"name": "small", "properties": {"addressPrefix": "10.1.0.0/29"}}
                ],
            }
        },
    )
    interface = f"{group}/providers/Microsoft.Network/networkInterfaces/nic"
    configuration = {"name": "only", "properties": {"subnet": {"id": subnet}}}
    put(azure, interface, {"properties": {"ipConfigurations": [configuration]}})
    assert get(azure, f"{vnet}/usages")["value"] == [
        {
            "id": subnet,
            "currentValue": 1,
            "limit": 3,
            "name": {"localizedValue": "Subnet size and usage", "value": "SubnetSpace"},
            "unit": "Count",
        }
    ]
    ask = f"{vnet}/CheckIPAddressAvailability?ipAddress="
    assert get(azure, f"{ask}10.1.0.4")["available"] is True
    assert get(azure, f"{ask}10.1.0.1")["available"] is False
