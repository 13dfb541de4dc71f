"""Rolling upgrades through the SDK: batches, policy, cancel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from release.emulator.conditions import Conditions
from release.emulator.ids import parse


def policy(**changes: Any) -> dict[str, Any]:
    percents = {
        "maxBatchInstancePercent": 50,
        "maxUnhealthyInstancePercent": 100,
        "maxUnhealthyUpgradedInstancePercent": 20,
        "rollbackFailedInstancesOnPolicyBreach": False,
        "maxSurge": False,
    }
    return {
        "upgradePolicy": {"mode": "Rolling", "rollingUpgradePolicy": percents | changes}
    }


def unhealthy(estate: Any, image: str, **changes: Any) -> dict[str, Any]:
    """A model whose instances are asked for a page that they do not have."""
    body = estate.scale_set(image, capacity=2, **policy(**changes))
    profile = body["properties"]["virtualMachineProfile"]
    extension = profile["extensionProfile"]["extensions"][0]
    extension["properties"]["settings"]["requestPath"] = "/missing"
    return body


def latest(estate: Any, web: str) -> Any:
    upgrades = estate.compute.virtual_machine_scale_set_rolling_upgrades
    return upgrades.get_latest(estate.group, web)


def test_a_new_model_rolls_out_in_batches(estate: Any, web: str, second: str) -> None:
    before = estate.ids(web)
    estate.deploy(web, estate.scale_set(second, capacity=2, **policy()))
    found = latest(estate, web)
    assert found.running_status.code == "Completed"
    assert found.progress.as_dict() == {
        "successfulInstanceCount": 2,
        "failedInstanceCount": 0,
        "inProgressInstanceCount": 0,
        "pendingInstanceCount": 0,
    }
    assert set(estate.health(web).values()) == {"healthy"}
    assert estate.builds(web) == dict.fromkeys(before, "two")


def test_a_surge_replaces_instances_by_new_ones(
    estate: Any, web: str, second: str
) -> None:
    before = estate.ids(web)
    surge = policy(maxSurge=True, maxBatchInstancePercent=100)
    body = estate.scale_set(second, capacity=2, **surge)
    estate.deploy(web, body)
    assert not set(before) & set(estate.ids(web))
    assert list(estate.builds(web).values()) == ["two", "two"]


@pytest.mark.usefixtures("fast")
def test_a_breach_stops_the_upgrade_and_rolls_failed_instances_back(
    estate: Any, web: str, first: str
) -> None:
    body = unhealthy(estate, first, rollbackFailedInstancesOnPolicyBreach=True)
    with pytest.raises(HttpResponseError) as raised:
        estate.deploy(web, body)
    code = "MaxUnhealthyUpgradedInstancePercentExceededInRollingUpgrade"
    assert raised.value.error.code == code
    found = latest(estate, web)
    assert (found.running_status.code, found.error.code) == ("Faulted", code)
    assert found.error.message.startswith(
        "Rolling Upgrade failed after exceeding the "
        "MaxUnhealthyUpgradedInstancePercent value defined in the "
        "RollingUpgradePolicy. 100% of instances are in an unhealthy state after being "
        "upgraded - more than the threshold of 20%."
    )
    assert set(estate.latest(web).values()) == {False}
    estate.all_become(web, "healthy")


def told(estate: Any, web: str, command: str, instance: str) -> None:
    script = {"commandId": "RunShellScript", "script": [command]}
    vms = estate.compute.virtual_machine_scale_set_vms
    vms.begin_run_command(estate.group, web, instance, script).result()


def with_script(body: dict[str, Any], command: str) -> dict[str, Any]:
    """Add a custom script to a model."""
    profile = body["properties"]["virtualMachineProfile"]
    profile["extensionProfile"]["extensions"].append(
        {
            "name": "script",
            "properties": {
                "publisher": "Microsoft.Azure.Extensions",
                "type": "CustomScript",
                "typeHandlerVersion": "2.1",
                "settings": {"commandToExecute": command},
            },
        }
    )
    return body


def test_a_machine_that_does_not_boot_faults_the_upgrade_and_is_rolled_back(
    estate: Any, web: str, first: str
) -> None:
    one, other = estate.ids(web)
    told(estate, web, "rm /etc/hosts; mkdir -p /etc/hosts/in-the-way", one)
    changes = policy(rollbackFailedInstancesOnPolicyBreach=True)
    body = estate.scale_set(first, capacity=2, **changes)
    body["sku"]["name"] = "Standard_B2ms"
    with pytest.raises(HttpResponseError, match="did not boot"):
        estate.deploy(web, body)
    found = latest(estate, web)
    assert (found.running_status.code, found.error.code) == (
        "Faulted",
        "InternalExecutionError",
    )
    assert found.progress.failed_instance_count == 1
    sets = estate.compute.virtual_machine_scale_sets
    past = next(iter(sets.get_os_upgrade_history(estate.group, web)))
    assert past.properties.rollback_info.successfully_rolledback_instance_count == 1
    assert estate.latest(web) == {one: False, other: False}
    assert {i.sku.name for i in estate.instances(web)} == {"Standard_B2s"}
    estate.all_become(web, "healthy")


def test_an_upgrade_that_breaks_is_faulted_and_not_cancelled(
    estate: Any, web: str, first: str
) -> None:
    instance = f"{estate.here}/virtualMachineScaleSets/{web}/virtualMachines/"
    one = estate.azure.server.cloud.store.get(parse(instance + estate.ids(web)[0]))
    sku = one.body.pop("sku")
    body = estate.scale_set(first, capacity=2, **policy())
    with pytest.raises(HttpResponseError, match="internal execution error"):
        estate.deploy(web, with_script(body, "true"))
    one.body["sku"] = sku
    found = latest(estate, web)
    assert (found.running_status.code, found.error.code) == (
        "Faulted",
        "InternalExecutionError",
    )


def test_what_a_script_failed_has_no_model_and_can_be_tried_again(
    estate: Any, web: str, first: str
) -> None:
    one, other = estate.ids(web)
    body = estate.scale_set(first, capacity=2, **policy())
    with pytest.raises(HttpResponseError) as raised:
        estate.deploy(web, with_script(body, "test -e /srv/ready"))
    assert raised.value.error.code == "VMExtensionProvisioningError"
    found = latest(estate, web)
    assert found.running_status.code == "Faulted"
    assert found.progress.as_dict() == {
        "successfulInstanceCount": 0,
        "failedInstanceCount": 1,
        "inProgressInstanceCount": 0,
        "pendingInstanceCount": 1,
    }
    sets = estate.compute.virtual_machine_scale_sets
    with pytest.raises(HttpResponseError):
        sets.begin_update_instances(estate.group, web, {"instanceIds": [one]}).result()
    told(estate, web, "touch /srv/ready", one)
    sets.begin_update_instances(estate.group, web, {"instanceIds": [one]}).result()
    assert estate.latest(web) == {one: True, other: False}
    assert {i.provisioning_state for i in estate.instances(web)} == {"Succeeded"}
    rollback = policy(rollbackFailedInstancesOnPolicyBreach=True)
    worse = with_script(estate.scale_set(first, capacity=2, **rollback), "exit 3")
    with pytest.raises(HttpResponseError):
        estate.deploy(web, worse)
    past = next(iter(sets.get_os_upgrade_history(estate.group, web)))
    assert past.properties.rollback_info.failed_rolledback_instance_count == 1
    body["properties"]["upgradePolicy"] = {"mode": "Manual"}
    estate.deploy(web, body)
    assert estate.latest(web) == {one: False, other: False}


def test_a_surge_whose_instances_fail_takes_them_away(
    estate: Any, web: str, first: str
) -> None:
    before = estate.ids(web)
    body = estate.scale_set(first, capacity=2, **policy(maxSurge=True))
    with pytest.raises(HttpResponseError) as raised:
        estate.deploy(web, with_script(body, "exit 3"))
    assert raised.value.error.code == "VMExtensionProvisioningError"
    assert estate.ids(web) == before
    found = latest(estate, web)
    assert found.running_status.code == "Faulted"
    assert found.progress.failed_instance_count == 1


def test_a_cancelled_upgrade_leaves_the_set_mixed(
    estate: Any, web: str, first: str
) -> None:
    body = unhealthy(estate, first, maxUnhealthyUpgradedInstancePercent=100)
    sets = estate.compute.virtual_machine_scale_sets
    going = sets.begin_create_or_update(estate.group, web, body)

    def under_way() -> bool:
        found = latest(estate, web)
        going_on = found.progress.in_progress_instance_count == 1
        return bool(going_on and found.running_status.code == "RollingForward")

    estate.until(under_way)
    upgrades = estate.compute.virtual_machine_scale_set_rolling_upgrades
    upgrades.begin_cancel(estate.group, web).result()
    going.result()
    found = latest(estate, web)
    assert (found.running_status.code, found.running_status.last_action) == (
        "Cancelled",
        "Cancel",
    )
    assert list(estate.latest(web).values()) == [True, False]
    with pytest.raises(HttpResponseError) as raised:
        upgrades.begin_cancel(estate.group, web)
    assert raised.value.error.message == (
        "There is no rolling upgrade in progress on the Virtual Machine Scale Set "
        "'web' to cancel."
    )


def test_an_extension_that_rolls_out_holds_the_scale_set(
    estate: Any, web: str, first: str
) -> None:
    lenient = policy(maxUnhealthyUpgradedInstancePercent=100)
    estate.deploy(web, estate.scale_set(first, capacity=2, **lenient))
    compute, group = estate.compute, estate.group
    extensions = compute.virtual_machine_scale_set_extensions
    body = unhealthy(estate, first)["properties"]["virtualMachineProfile"]
    (health,) = body["extensionProfile"]["extensions"]
    going = extensions.begin_create_or_update(group, web, "health", health)
    estate.until(lambda: "unhealthy" in estate.health(web).values())
    sets, vms = (
        compute.virtual_machine_scale_sets,
        compute.virtual_machine_scale_set_vms,
    )
    one = estate.ids(web)[1]
    for refused in (
        lambda: sets.begin_update(group, web, {"properties": lenient}),
        lambda: sets.begin_update_instances(group, web, {"instanceIds": [one]}),
        lambda: vms.begin_restart(group, web, one),
        lambda: vms.begin_delete(group, web, one),
        lambda: extensions.begin_delete(group, web, "health"),
    ):
        with pytest.raises(HttpResponseError) as raised:
            refused()
        assert raised.value.error.code == "AnotherOperationInProgress"
    upgrades = compute.virtual_machine_scale_set_rolling_upgrades
    upgrades.begin_cancel(group, web).result()
    assert latest(estate, web).running_status.code == "Cancelled"
    going.result()


def copied(estate: Any, version: str, source: str) -> None:
    """Publish a version with the content of another."""
    body = {
        "location": "westeurope",
        "properties": {"storageProfile": {"source": {"id": source}}},
    }
    versions = estate.compute.gallery_image_versions
    versions.begin_create_or_update(
        estate.group, "shelf", "web", version, body
    ).result()


@pytest.fixture
def newest(estate: Any, first: str) -> Iterator[str]:
    """The definition, whose latest version is a copy of build one."""
    copied(estate, "8.0.0", first)
    yield first.partition("/versions/")[0]
    versions = estate.compute.gallery_image_versions
    for version in ("8.0.0", "8.1.0"):
        versions.begin_delete(estate.group, "shelf", "web", version).result()


@pytest.mark.matrix
def test_an_image_upgrade_takes_the_latest_version(
    estate: Any, web: str, newest: str, second: str
) -> None:
    at_once = policy(maxBatchInstancePercent=100)
    estate.deploy(web, estate.scale_set(newest, capacity=2, **at_once))
    assert set(estate.builds(web).values()) == {"one"}
    copied(estate, "8.1.0", second)
    assert set(estate.latest(web).values()) == {True}
    upgrades = estate.compute.virtual_machine_scale_set_rolling_upgrades
    upgrades.begin_start_os_upgrade(estate.group, web).result()
    assert set(estate.builds(web).values()) == {"two"}
    exact = {
        i.storage_profile.image_reference.exact_version for i in estate.instances(web)
    }
    assert exact == {"8.1.0"}


def test_an_image_upgrade_of_a_fixed_version_is_refused(estate: Any, web: str) -> None:
    upgrades = estate.compute.virtual_machine_scale_set_rolling_upgrades
    with pytest.raises(HttpResponseError) as raised:
        upgrades.begin_start_os_upgrade(estate.group, web)
    assert raised.value.error.message == (
        "OS Rolling Upgrade is not supported for this Virtual Machine Scale Set "
        "because the image version in its model is not 'latest'."
    )


def test_a_scale_out_fails_when_the_image_was_deleted(
    estate: Any, web: str, first: str
) -> None:
    copied(estate, "0.5.0", first)
    gone = first.replace("1.0.0", "0.5.0")
    estate.deploy(web, estate.scale_set(gone, capacity=2))
    versions = estate.compute.gallery_image_versions
    versions.begin_delete(estate.group, "shelf", "web", "0.5.0").result()
    before = estate.ids(web)
    with pytest.raises(HttpResponseError) as raised:
        estate.deploy(web, estate.scale_set(gone, capacity=3))
    assert raised.value.error.code == "GalleryImageNotFound"
    states = [i.provisioning_state for i in estate.instances(web)]
    assert states == ["Succeeded", "Succeeded", "Failed"]
    assert estate.ids(web)[:2] == before


@pytest.fixture
def pool(estate: Any) -> Iterator[str]:
    """Id of a pool each of whose members has a port of its own."""
    address = estate.put(
        "publicIPAddresses/late",
        {
            "sku": {"name": "Standard"},
            "properties": {"publicIPAllocationMethod": "Static"},
        },
    )
    base = f"{estate.network}/loadBalancers/late"
    front = {"name": "site", "properties": {"publicIPAddress": {"id": address}}}
    rule = {
        "protocol": "Tcp",
        "frontendIPConfiguration": {"id": f"{base}/frontendIPConfigurations/site"},
        "backendAddressPool": {"id": f"{base}/backendAddressPools/all"},
        "frontendPortRangeStart": 50000,
        "frontendPortRangeEnd": 50009,
        "backendPort": 8080,
    }
    properties = {
        "frontendIPConfigurations": [front],
        "backendAddressPools": [{"name": "all"}],
        "inboundNatRules": [{"name": "each", "properties": rule}],
    }
    estate.put(
        "loadBalancers/late", {"sku": {"name": "Standard"}, "properties": properties}
    )
    yield f"{base}/backendAddressPools/all"
    resources = estate.azure.resources.resources
    for one in (base, address):
        resources.begin_delete_by_id(one, api_version="2024-05-01").result()


@pytest.mark.matrix
def test_an_instance_that_an_upgrade_makes_is_balanced(
    estate: Any, first: str, pool: str
) -> None:
    gone = first.replace("1.0.0", "0.4.0")
    copied(estate, "0.4.0", first)
    body = estate.scale_set(gone, capacity=0, upgradePolicy={"mode": "Automatic"})
    profile = body["properties"]["virtualMachineProfile"]
    (interface,) = profile["networkProfile"]["networkInterfaceConfigurations"]
    (address,) = interface["properties"]["ipConfigurations"]
    address["properties"]["loadBalancerBackendAddressPools"] = [{"id": pool}]
    estate.deploy("late", body)
    versions = estate.compute.gallery_image_versions
    versions.begin_delete(estate.group, "shelf", "web", "0.4.0").result()
    body["sku"]["capacity"] = 1
    with pytest.raises(HttpResponseError, match="GalleryImageNotFound"):
        estate.deploy("late", body)
    copied(estate, "0.4.0", first)
    (health,) = profile["extensionProfile"]["extensions"]
    extensions = estate.compute.virtual_machine_scale_set_extensions
    extensions.begin_create_or_update(estate.group, "late", "health", health).result()
    resources = estate.azure.resources.resources
    shown = resources.get_by_id(pool, api_version="2024-05-01").properties
    (member,) = shown["loadBalancerBackendAddresses"]
    (mapped,) = member["properties"]["inboundNatRulesPortMapping"]
    assert (mapped["frontendPort"], mapped["backendPort"]) == (50000, 8080)
    sets = estate.compute.virtual_machine_scale_sets
    sets.begin_delete(estate.group, "late").result()
    versions.begin_delete(estate.group, "shelf", "web", "0.4.0").result()


def test_rich_states_come_with_the_second_version_of_the_extension(
    estate: Any, web: str, first: str
) -> None:
    body = estate.scale_set(first, capacity=2)
    profile = body["properties"]["virtualMachineProfile"]
    properties = profile["extensionProfile"]["extensions"][0]["properties"]
    properties["typeHandlerVersion"] = "2.0"
    estate.deploy(web, body)
    sets = estate.compute.virtual_machine_scale_sets
    sets.begin_update_instances(estate.group, web, {"instanceIds": ["*"]}).result()
    assert set(estate.health(web).values()) <= {"initializing", "healthy"}
    estate.all_become(web, "healthy")


@pytest.mark.matrix
def test_short_of_quota_a_surge_goes_in_place_and_tells_nobody(
    estate: Any, web: str, second: str
) -> None:
    before = estate.ids(web)
    cloud = estate.azure.server.cloud
    usual, cloud.conditions = cloud.conditions, Conditions(limits={"cores": 0})
    try:
        body = estate.scale_set(second, capacity=2, **policy(maxSurge=True))
        estate.deploy(web, body)
    finally:
        cloud.conditions = usual
    assert estate.ids(web) == before
    assert set(estate.builds(web).values()) == {"two"}
    found = latest(estate, web)
    assert (found.running_status.code, found.error) == ("Completed", None)
    assert found.policy.max_surge is True


@pytest.mark.matrix
def test_a_rolling_upgrade_leaves_a_protected_instance(
    estate: Any, web: str, second: str
) -> None:
    kept, other = estate.ids(web)
    vms = estate.compute.virtual_machine_scale_set_vms
    one = vms.get(estate.group, web, kept)
    one.protection_policy = {"protectFromScaleSetActions": True}
    vms.begin_update(estate.group, web, kept, one).result()
    estate.deploy(web, estate.scale_set(second, capacity=2, **policy(maxSurge=True)))
    assert latest(estate, web).running_status.code == "Completed"
    found = estate.builds(web)
    assert (found.pop(kept), list(found.values())) == ("one", ["two"])
    assert other not in found
    one.protection_policy = {"protectFromScaleSetActions": False}
    vms.begin_update(estate.group, web, kept, one).result()


@pytest.mark.matrix
def test_a_surge_that_is_cancelled_deletes_no_old_instance(
    estate: Any, web: str, first: str
) -> None:
    before = estate.ids(web)
    body = unhealthy(
        estate, first, maxUnhealthyUpgradedInstancePercent=100, maxSurge=True
    )
    sets = estate.compute.virtual_machine_scale_sets
    going = sets.begin_create_or_update(estate.group, web, body)
    estate.until(lambda: len(estate.ids(web)) == 3)
    upgrades = estate.compute.virtual_machine_scale_set_rolling_upgrades
    upgrades.begin_cancel(estate.group, web).result()
    going.result()
    assert latest(estate, web).running_status.code == "Cancelled"
    assert estate.ids(web) == before


@pytest.mark.matrix
def test_a_change_of_policy_starts_what_is_behind(
    estate: Any, web: str, second: str
) -> None:
    estate.deploy(web, estate.scale_set(second, capacity=2))
    assert set(estate.latest(web).values()) == {False}
    sets = estate.compute.virtual_machine_scale_sets
    sets.begin_update(estate.group, web, {"properties": policy()}).result()
    assert latest(estate, web).running_status.code == "Completed"
    assert set(estate.builds(web).values()) == {"two"}
