"""Scale sets through the SDK: instances, model, scaling, protection."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError


def capacity(count: int) -> dict[str, Any]:
    """What ``az vmss scale`` writes: nothing but location and size."""
    sku = {"name": "Standard_B2s", "capacity": count}
    return {"location": "West Europe", "sku": sku}


def update(estate: Any, web: str, *ids: str) -> None:
    sets = estate.compute.virtual_machine_scale_sets
    sets.begin_update_instances(estate.group, web, {"instanceIds": ids}).result()


def addresses(estate: Any) -> list[str]:
    """The private addresses of the instances."""
    store = estate.azure.server.cloud.store
    kind = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines"
    return sorted(found.private["address"] for found in store.of_type(kind))


def test_instances_run_the_image_and_are_healthy(estate: Any, web: str) -> None:
    assert list(estate.builds(web).values()) == ["one", "one"]
    found = estate.instances(web)[0]
    number = int(found.instance_id)
    assert found.os_profile.computer_name == f"web{number:06d}"
    assert [s.code for s in found.instance_view.statuses] == [
        "ProvisioningState/succeeded",
        "PowerState/running",
    ]
    sets = estate.compute.virtual_machine_scale_sets
    view = sets.get_instance_view(estate.group, web)
    counts = {s.code: s.count for s in view.virtual_machine.statuses_summary}
    assert counts == {"ProvisioningState/succeeded": 2, "PowerState/running": 2}


def test_those_of_a_region_are_listed(estate: Any, web: str) -> None:
    compute = estate.compute
    found = compute.virtual_machine_scale_sets.list_by_location("West Europe")
    assert web in [one.name for one in found]
    assert not list(compute.virtual_machine_scale_sets.list_by_location("westus2"))
    everywhere = {one.id for one in compute.virtual_machines.list_all()}
    here = compute.virtual_machines.list_by_location("westeurope")
    assert {one.id for one in here} == everywhere


def test_a_manual_upgrade_keeps_ids_and_addresses(
    estate: Any, web: str, second: str
) -> None:
    one, two = estate.ids(web)
    before = addresses(estate)
    estate.deploy(web, estate.scale_set(second, capacity=2))
    assert estate.latest(web) == {one: False, two: False}
    update(estate, web, one)
    assert estate.latest(web) == {one: True, two: False}
    assert estate.builds(web) == {one: "two", two: "one"}
    update(estate, web, "*")
    assert estate.builds(web) == {one: "two", two: "two"}
    assert addresses(estate) == before
    estate.all_become(web, "healthy")


def test_the_timeline_tells_of_disk_power_and_health(estate: Any, web: str) -> None:
    timeline = estate.azure.server.cloud.timeline
    before, one = timeline.count, estate.ids(web)[0]
    sets = estate.compute.virtual_machine_scale_sets
    sets.begin_reimage(estate.group, web, {"instanceIds": [one]}).result()
    estate.all_become(web, "healthy")
    assert [
        (told["what"], told["state"])
        for told in timeline.since(before)
        if told["resource"].endswith(f"/{one}")
    ] == [
        ("power", "stopping"),
        ("power", "stopped"),
        ("disk", "copying"),
        ("power", "starting"),
        ("power", "running"),
        ("health", "Healthy"),
    ]


def test_capacity_alone_keeps_the_model_and_ids_are_never_used_again(
    estate: Any, web: str
) -> None:
    one, two = estate.ids(web)
    before = addresses(estate)
    scaled = estate.deploy(web, capacity(1))
    assert scaled.virtual_machine_profile.os_profile.computer_name_prefix == "web"
    assert estate.latest(web) == {one: True}
    estate.deploy(web, capacity(2))
    assert estate.ids(web) == [one, str(int(two) + 1)]
    # The one that stayed keeps its address; the new one gets any that is free.
    after = addresses(estate)
    assert len(after) == len(before) == 2
    assert set(after) & set(before)


def test_deleted_instances_lower_the_capacity(estate: Any, web: str) -> None:
    one, two = estate.ids(web)
    sets = estate.compute.virtual_machine_scale_sets
    sets.begin_delete_instances(estate.group, web, {"instanceIds": [one]}).result()
    assert sets.get(estate.group, web).sku.capacity == 1
    assert estate.ids(web) == [two]


def test_a_protected_instance_survives_a_scale_in(estate: Any, web: str) -> None:
    _, newest = estate.ids(web)
    vms = estate.compute.virtual_machine_scale_set_vms
    instance = vms.get(estate.group, web, newest)
    instance.protection_policy = {"protectFromScaleIn": True}
    vms.begin_update(estate.group, web, newest, instance).result()
    estate.deploy(web, capacity(1))
    assert estate.ids(web) == [newest]
    vms.begin_update(estate.group, web, newest, {"properties": {}}).result()
    assert vms.get(estate.group, web, newest).protection_policy is None


def test_power_goes_by_instance(estate: Any, web: str) -> None:
    one, two = estate.ids(web)
    vms = estate.compute.virtual_machine_scale_set_vms
    vms.begin_deallocate(estate.group, web, one).result()
    listed = vms.list(
        estate.group,
        web,
        expand="instanceView",
        filter="startswith(instanceView/statuses/code,'PowerState/deallocated') "
        "eq true",
    )
    assert [i.instance_id for i in listed] == [one]
    sets = estate.compute.virtual_machine_scale_sets
    sets.begin_start(estate.group, web, {"instanceIds": [one]}).result()
    estate.all_become(web, "healthy")
    assert estate.ids(web) == [one, two]


def test_reimage_gives_a_fresh_disk(estate: Any, web: str) -> None:
    one, _ = estate.ids(web)
    vms = estate.compute.virtual_machine_scale_set_vms
    script = {"commandId": "RunShellScript", "script": ["echo x > /srv/web/build"]}
    vms.begin_run_command(estate.group, web, one, script).result()
    assert estate.builds(web)[one] == "x"
    vms.begin_reimage(estate.group, web, one).result()
    assert estate.builds(web)[one] == "one"


def test_tags_are_replaced_and_do_not_touch_instances(estate: Any, web: str) -> None:
    sets = estate.compute.virtual_machine_scale_sets
    sets.begin_update(estate.group, web, {"tags": {"a": "1"}}).result()
    found = sets.begin_update(estate.group, web, {"tags": {"b": "2"}}).result()
    assert found.tags == {"b": "2"}
    assert set(estate.latest(web).values()) == {True}


def test_interfaces_tell_the_private_addresses(estate: Any, web: str) -> None:
    client = estate.azure.resources.resources
    found = client.get_by_id(
        f"{estate.here}/virtualMachineScaleSets/{web}/networkInterfaces",
        api_version="2018-10-01",
    )
    told = [
        interface["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"]
        for interface in found.as_dict()["value"]
    ]
    assert sorted(told) == addresses(estate)


def test_a_second_write_meanwhile_is_a_conflict(estate: Any, web: str) -> None:
    sets = estate.compute.virtual_machine_scale_sets
    going = sets.begin_restart(estate.group, web)
    with pytest.raises(HttpResponseError) as raised:
        sets.begin_update(estate.group, web, {"tags": {}})
    assert raised.value.status_code == 409
    assert raised.value.error.code == "AnotherOperationInProgress"
    going.result()


def test_an_absent_instance_is_named(estate: Any, web: str) -> None:
    with pytest.raises(HttpResponseError) as raised:
        update(estate, web, "999")
    assert raised.value.error.message == (
        "The provided instanceId 999 is not an active Virtual Machine Scale Set VM "
        f"instanceId; the scale set has {', '.join(estate.ids(web))}."
    )


def refused(estate: Any, body: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(HttpResponseError) as raised:
        estate.deploy("refused", body)
    return raised.value.error.code, raised.value.error.message


def test_flexible_orchestration_is_refused(estate: Any, first: str) -> None:
    body = estate.scale_set(first, orchestrationMode="Flexible")
    message = (
        "orchestrationMode Flexible is not supported by this embedded Azure: use "
        "Uniform."
    )
    assert refused(estate, body) == ("OperationNotAllowed", message)


def test_a_rolling_mode_needs_a_source_of_health(estate: Any, first: str) -> None:
    body = estate.scale_set(first, upgradePolicy={"mode": "Rolling"})
    del body["properties"]["virtualMachineProfile"]["extensionProfile"]
    message = (
        "Rolling Upgrade mode is not supported for this Virtual Machine Scale Set "
        "because a health probe or health extension was not specified."
    )
    assert refused(estate, body) == ("InvalidParameter", message)


def test_an_image_that_is_not_there_is_named(estate: Any, first: str) -> None:
    missing = first.replace("1.0.0", "7.0.0")
    message = (
        f"The gallery image {missing} is not available in westeurope region. Please "
        "contact image owner to replicate to this region, or change your requested "
        "region."
    )
    assert refused(estate, estate.scale_set(missing)) == (
        "GalleryImageNotFound",
        message,
    )


@pytest.mark.parametrize(
    ("part", "value", "missing"),
    [
        pytest.param("name", "", "name", id="an-interface"),
        pytest.param(
            "ipConfigurations",
            [{"properties": {}}],
            "ipConfigurations[0].name",
            id="an-ip-configuration",
        ),
        pytest.param(
            "networkSecurityGroup",
            {"location": "westeurope"},
            "networkSecurityGroup.id",
            id="a-security-group",
        ),
    ],
)
def test_what_a_network_configuration_lacks_is_named(
    estate: Any, first: str, part: str, value: object, missing: str
) -> None:
    body = estate.scale_set(first)
    profile = body["properties"]["virtualMachineProfile"]["networkProfile"]
    (interface,) = profile["networkInterfaceConfigurations"]
    (interface if part == "name" else interface["properties"])[part] = value
    where = f"networkInterfaceConfigurations[0].{missing}"
    assert refused(estate, body) == (
        "InvalidParameter",
        f"Required parameter '{where}' is missing (null).",
    )


def test_more_than_the_quota_is_refused(estate: Any, first: str) -> None:
    code, message = refused(estate, estate.scale_set(first, capacity=500))
    assert code == "OperationNotAllowed"
    assert "exceeding approved Total Regional Cores quota" in message


def test_an_unknown_size_lists_those_that_exist(estate: Any, first: str) -> None:
    body = estate.scale_set(first)
    body["sku"]["name"] = "Standard_Z9"
    code, message = refused(estate, body)
    assert code == "InvalidParameter"
    assert message.startswith(
        "The value Standard_Z9 provided for the VM size is not valid. The valid sizes "
        "in the current region are: Standard_A1,"
    )
