"""Disks through the SDK: what they tell of themselves, and what nobody may write."""

from __future__ import annotations

from typing import Any

import pytest


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
    disk = disk_of(estate, "shelved", {"id": definition})
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
