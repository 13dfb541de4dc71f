"""Scale sets through the SDK: instances, model, scaling, protection."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

WEB = "web"


@pytest.fixture
def web(estate: Any, first: str) -> Iterator[Any]:
    """A scale set of two instances of build one."""
    yield estate.deploy(WEB, estate.scale_set(first, capacity=2))
    estate.delete(WEB)


def update(estate: Any, *ids: str) -> None:
    sets = estate.compute.virtual_machine_scale_sets
    sets.begin_update_instances(estate.group, WEB, {"instanceIds": ids}).result()


def latest(estate: Any) -> dict[str, bool]:
    return {i.instance_id: i.latest_model_applied for i in estate.instances(WEB)}


def addresses(estate: Any) -> list[str]:
    """The private addresses of the instances, as the network tells them."""
    page = estate.azure.resources.resources.get_by_id(
        f"{estate.here}/virtualMachineScaleSets/{WEB}/virtualMachines/0", "2024-11-01"
    )
    assert page.id.endswith("/0")
    cloud = estate.azure.server.cloud
    kind = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines"
    return [i.private["address"] for i in cloud.store.of_type(kind)]


def test_instances_run_the_image_and_become_healthy(estate: Any, web: Any) -> None:
    estate.all_become(WEB, "healthy")
    assert estate.builds(WEB) == {"0": "one", "1": "one"}
    found = estate.instances(WEB)
    assert [i.os_profile.computer_name for i in found] == ["web000000", "web000001"]
    assert [s.code for s in found[0].instance_view.statuses] == [
        "ProvisioningState/succeeded",
        "PowerState/running",
    ]
    view = estate.compute.virtual_machine_scale_sets.get_instance_view(
        estate.group, WEB
    )
    counts = {s.code: s.count for s in view.virtual_machine.statuses_summary}
    assert counts == {"ProvisioningState/succeeded": 2, "PowerState/running": 2}


def test_a_manual_upgrade_keeps_id_and_address(
    estate: Any, web: Any, first: str, second: str
) -> None:
    before = addresses(estate)
    estate.deploy(WEB, estate.scale_set(second, capacity=2))
    assert latest(estate) == {"0": False, "1": False}
    update(estate, "0")
    assert latest(estate) == {"0": True, "1": False}
    assert estate.builds(WEB) == {"0": "two", "1": "one"}
    update(estate, "*")
    estate.all_become(WEB, "healthy")
    assert estate.builds(WEB) == {"0": "two", "1": "two"}
    assert addresses(estate) == before


def test_a_write_of_capacity_alone_keeps_the_model(estate: Any, web: Any) -> None:
    scaled = estate.deploy(
        WEB,
        {"location": "West Europe", "sku": {"name": "Standard_B2s", "capacity": 1}},
    )
    assert scaled.virtual_machine_profile.os_profile.computer_name_prefix == "web"
    assert latest(estate) == {"0": True}


def test_an_address_of_a_gone_instance_is_free_again(estate: Any, web: Any) -> None:
    before = addresses(estate)
    sets = estate.compute.virtual_machine_scale_sets
    sets.begin_delete_instances(estate.group, WEB, {"instanceIds": ["1"]}).result()
    assert sets.get(estate.group, WEB).sku.capacity == 1
    estate.deploy(
        WEB, {"location": "westeurope", "sku": {"name": "Standard_B2s", "capacity": 2}}
    )
    assert latest(estate) == {"0": True, "2": True}
    assert addresses(estate) == before


def test_a_protected_instance_survives_a_scale_in(estate: Any, web: Any) -> None:
    vms = estate.compute.virtual_machine_scale_set_vms
    instance = vms.get(estate.group, WEB, "1")
    instance.protection_policy = {"protectFromScaleIn": True}
    vms.begin_update(estate.group, WEB, "1", instance).result()
    estate.deploy(
        WEB, {"location": "westeurope", "sku": {"name": "Standard_B2s", "capacity": 1}}
    )
    assert latest(estate) == {"1": True}


def test_power_goes_by_instance(estate: Any, web: Any) -> None:
    vms = estate.compute.virtual_machine_scale_set_vms
    vms.begin_deallocate(estate.group, WEB, "0").result()
    listed = vms.list(
        estate.group,
        WEB,
        expand="instanceView",
        filter="startswith(instanceView/statuses/code,'PowerState/deallocated') "
        "eq true",
    )
    assert [i.instance_id for i in listed] == ["0"]
    sets = estate.compute.virtual_machine_scale_sets
    sets.begin_start(estate.group, WEB, {"instanceIds": ["0"]}).result()
    estate.all_become(WEB, "healthy")


def test_reimage_gives_a_fresh_disk(estate: Any, web: Any) -> None:
    vms = estate.compute.virtual_machine_scale_set_vms
    script = {"commandId": "RunShellScript", "script": ["echo x > /srv/web/build"]}
    vms.begin_run_command(estate.group, WEB, "0", script).result()
    assert estate.builds(WEB)["0"] == "x"
    vms.begin_reimage(estate.group, WEB, "0").result()
    assert estate.builds(WEB)["0"] == "one"


def test_tags_are_replaced_and_do_not_touch_instances(estate: Any, web: Any) -> None:
    sets = estate.compute.virtual_machine_scale_sets
    sets.begin_update(estate.group, WEB, {"tags": {"a": "1"}}).result()
    found = sets.begin_update(estate.group, WEB, {"tags": {"b": "2"}}).result()
    assert found.tags == {"b": "2"}
    assert latest(estate) == {"0": True, "1": True}


def refused(estate: Any, body: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(HttpResponseError) as raised:
        estate.deploy("refused", body)
    return raised.value.error.code, raised.value.error.message


def test_flexible_orchestration_is_refused(estate: Any, first: str) -> None:
    body = estate.scale_set(first, orchestrationMode="Flexible")
    assert refused(estate, body) == (
        "OperationNotAllowed",
        "orchestrationMode Flexible is not supported by this embedded Azure: use "
        "Uniform.",
    )


def test_a_rolling_mode_needs_a_source_of_health(estate: Any, first: str) -> None:
    body = estate.scale_set(first, upgradePolicy={"mode": "Rolling"})
    del body["properties"]["virtualMachineProfile"]["extensionProfile"]
    assert refused(estate, body) == (
        "InvalidParameter",
        "Rolling Upgrade mode is not supported for this Virtual Machine Scale Set "
        "because a health probe or health extension was not specified.",
    )


def test_an_image_that_is_not_there_is_named(estate: Any, first: str) -> None:
    missing = first.replace("1.0.0", "7.0.0")
    assert refused(estate, estate.scale_set(missing)) == (
        "GalleryImageNotFound",
        f"The gallery image {missing} is not available in westeurope region. Please "
        "contact image owner to replicate to this region, or change your requested "
        "region.",
    )


def test_more_than_the_quota_is_refused(estate: Any, first: str) -> None:
    code, message = refused(estate, estate.scale_set(first, capacity=500))
    assert code == "OperationNotAllowed"
    assert "exceeding approved Total Regional Cores quota" in message


def test_an_unknown_size_lists_those_that_exist(estate: Any, first: str) -> None:
    body = copy.deepcopy(estate.scale_set(first))
    body["sku"]["name"] = "Standard_Z9"
    code, message = refused(estate, body)
    assert code == "InvalidParameter"
    assert message.startswith(
        "The value Standard_Z9 provided for the VM size is not valid. The valid sizes "
        "in the current region are: Standard_A1,"
    )


def test_a_second_write_meanwhile_is_a_conflict(estate: Any, web: Any) -> None:
    sets = estate.compute.virtual_machine_scale_sets
    going = sets.begin_restart(estate.group, WEB)
    with pytest.raises(HttpResponseError) as raised:
        sets.begin_update(estate.group, WEB, {"tags": {}})
    assert raised.value.status_code == 409
    assert raised.value.error.code == "AnotherOperationInProgress"
    going.result()


def test_an_absent_instance_is_named(estate: Any, web: Any) -> None:
    with pytest.raises(HttpResponseError) as raised:
        update(estate, "9")
    assert raised.value.error.message == (
        "The provided instanceId 9 is not an active Virtual Machine Scale Set VM "
        "instanceId; the scale set has 0, 1."
    )
