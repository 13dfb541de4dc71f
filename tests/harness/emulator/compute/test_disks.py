"""Disks through the SDK: what they tell of themselves, and what nobody may write."""

from __future__ import annotations

from typing import Any

import pytest

SCHEMA = (
    "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
)


def disk_of(estate: Any, name: str, image: Any = None) -> Any:
    """Make a machine; return its disk, for the test to delete the machine."""
    machines = estate.compute.virtual_machines
    made = machines.begin_create_or_update(
        estate.group, name, estate.vm(name, image=image)
    ).result()
    disk = made.storage_profile.os_disk.name
    return estate.compute.disks.get(estate.group, disk)


def test_a_disk_tells_of_the_image_of_the_marketplace(estate: Any) -> None:
    disk = disk_of(estate, "plain")
    estate.compute.virtual_machines.begin_delete(estate.group, "plain").result()
    assert disk.creation_data.image_reference.id == (
        f"/Subscriptions/{estate.azure.endpoint['subscription']}/Providers"
        "/Microsoft.Compute/Locations/westeurope/Publishers/Debian/ArtifactTypes"
        "/VMImage/Offers/debian-12/Skus/12-gen2/Versions/12.20250601.1"
    )
    assert disk.creation_data.gallery_image_reference is None


def test_a_disk_tells_of_the_version_of_the_gallery(estate: Any, first: str) -> None:
    definition = first.rpartition("/versions/")[0]
    latest = f"{definition}/versions/latest"
    disk = disk_of(estate, "shelved", {"id": latest})
    disk_of(estate, "shelved", {"id": latest.upper()})
    estate.compute.virtual_machines.begin_delete(estate.group, "shelved").result()
    reference = disk.creation_data.gallery_image_reference
    assert reference.id.startswith(f"{definition}/versions/")
    assert disk.creation_data.image_reference is None


@pytest.fixture
def attached(estate: Any) -> Any:
    """A disk that a machine has."""
    yield disk_of(estate, "holder")
    estate.compute.virtual_machines.begin_delete(estate.group, "holder").result()


def test_what_is_read_only_makes_no_other_disk_the_same(
    estate: Any, attached: Any
) -> None:
    """As a client sends it that makes one disk after the picture of another."""
    body = attached.as_dict()
    body["properties"] |= {
        "creationData": {"createOption": "Empty"},
        "diskSizeBytes": 5,
    }
    disks = estate.compute.disks
    made = disks.begin_create_or_update(estate.group, "alike", body).result()
    disks.begin_delete(estate.group, "alike").result()
    assert (made.managed_by, made.disk_state) == (None, "Unattached")
    assert made.disk_size_bytes == attached.disk_size_gb * 2**30
    assert made.unique_id != attached.unique_id
    assert made.time_created > attached.time_created


def test_what_is_read_only_of_a_machine_stays(estate: Any, attached: Any) -> None:
    machines = estate.compute.virtual_machines
    before = machines.get(estate.group, "holder")
    body = before.as_dict() | {"managedBy": attached.id}
    body["properties"] |= {"vmId": "other", "timeCreated": "2001-01-01T00:00:00Z"}
    after = machines.begin_create_or_update(estate.group, "holder", body).result()
    assert after.managed_by is None
    assert (after.vm_id, after.time_created) == (before.vm_id, before.time_created)


def test_what_is_read_only_of_a_scale_set_stays(estate: Any, web: str) -> None:
    before = estate.compute.virtual_machine_scale_sets.get(estate.group, web)
    body = before.as_dict()
    body["properties"] |= {"uniqueId": "other", "timeCreated": "2001-01-01T00:00:00Z"}
    body["properties"]["virtualMachineProfile"]["timeCreated"] = "2001-01-01T00:00:00Z"
    after = estate.deploy(web, body)
    assert (after.unique_id, after.time_created) == (
        before.unique_id,
        before.time_created,
    )
    assert set(estate.latest(web).values()) == {True}


def test_complete_mode_leaves_the_disk_of_a_machine(estate: Any) -> None:
    """A template seldom names the disk that its machine makes."""
    groups = estate.azure.resources.resource_groups
    groups.create_or_update("complete", {"location": "westeurope"})
    machine = {
        "type": "Microsoft.Compute/virtualMachines",
        "apiVersion": "2024-07-01",
        "name": "whole",
        **estate.vm("whole"),
    }
    template = {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": [machine]}
    given = {"properties": {"mode": "Complete", "template": template}}
    deployments = estate.azure.deployments.deployments
    deployments.begin_create_or_update("complete", "d", given).result()
    told = deployments.begin_what_if("complete", "d", given).result().changes
    assert [str(change.change_type.value) for change in told] == ["NoChange", "Ignore"]
    assert len(list(estate.compute.disks.list_by_resource_group("complete"))) == 1
    groups.begin_delete("complete").result()
