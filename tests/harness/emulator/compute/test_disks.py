"""Disks through the SDK: what they tell of themselves, and what nobody may write."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from release.emulator.ids import parse

SCHEMA = (
    "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
)


def disk_of(estate: Any, name: str, image: Any = None) -> Any:
    """Make a machine; return its disk, for the test to delete the machine."""
    machines = estate.compute.virtual_machines
    body = estate.vm(name, image=image)
    body["properties"]["storageProfile"]["osDisk"]["createOption"] = "fromImage"
    made = machines.begin_create_or_update(estate.group, name, body).result()
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


def attaching(estate: Any, name: str, disk_id: str) -> Any:
    """Return the body of a machine that is to boot from a disk that is there."""
    body = estate.vm(name)
    del body["properties"]["osProfile"]
    body["properties"]["storageProfile"] = {
        "osDisk": {
            "createOption": "Attach",
            "osType": "Linux",
            "managedDisk": {"id": disk_id},
        }
    }
    return body


def make(estate: Any, what: str, name: str, creation: Any, **properties: Any) -> str:
    """Make a disk or a snapshot; return its id."""
    body = {
        "location": "westeurope",
        "properties": {"creationData": creation, **properties},
    }
    operations = getattr(estate.compute, what)
    return str(operations.begin_create_or_update(estate.group, name, body).result().id)


def said(estate: Any, name: str, script: str) -> str:
    """Return what a script says in a machine."""
    command = {"commandId": "RunShellScript", "script": [script]}
    answer = estate.compute.virtual_machines.begin_run_command(
        estate.group, name, command
    ).result()
    return str(answer.value[0].message.split("[stdout]\n")[1].split("\n")[0])


def test_a_disk_of_an_image_keeps_what_its_machines_write(
    estate: Any, first: str, loop: Any
) -> None:
    """From disk to machine, snapshot, disk and machine again; nothing is left."""
    compute, cloud = estate.compute, estate.azure.server.cloud
    vms = compute.virtual_machines

    def images() -> set[str]:
        listed = asyncio.run_coroutine_threadsafe(cloud.machines.images(), loop)
        return set(listed.result(10))

    before = images()
    image = {"createOption": "fromImage", "galleryImageReference": {"id": first}}
    disk = make(estate, "disks", "kept", image)
    body = attaching(estate, "writes", disk)
    kept = cloud.store.get(parse(disk)).private["image"]
    content, machines = (cloud.machines.folder / n for n in ("images", "machines"))
    content /= kept
    hidden = content.rename(content.with_suffix(".hidden"))
    there = set(machines.iterdir())
    with pytest.raises(HttpResponseError):
        vms.begin_create_or_update(estate.group, "writes", body).result()
    assert set(machines.iterdir()) == there
    hidden.rename(content)
    vms.begin_create_or_update(estate.group, "writes", body).result()
    write = "cat /srv/web/build; echo changed > /srv/web/build"
    assert said(estate, "writes", write) == "one"
    vms.begin_deallocate(estate.group, "writes").result()
    copy = {"createOption": "Copy", "sourceResourceId": disk}
    snapshot = make(estate, "snapshots", "kept", copy)
    vms.begin_delete(estate.group, "writes").result()
    compute.disks.begin_delete(estate.group, "kept").result()
    copy = {"createOption": "Copy", "sourceResourceId": snapshot}
    body = attaching(estate, "reads", make(estate, "disks", "again", copy))
    vms.begin_create_or_update(estate.group, "reads", body).result()
    assert said(estate, "reads", "cat /srv/web/build") == "changed"
    with pytest.raises(HttpResponseError) as raised:
        vms.begin_reimage(estate.group, "reads")
    assert raised.value.error.message == (
        "Operation 'reimage' is not allowed on VM 'reads' since its OS disk was "
        "attached, and not created from an image."
    )
    vms.begin_delete(estate.group, "reads").result()
    compute.disks.begin_delete(estate.group, "again").result()
    compute.snapshots.begin_delete(estate.group, "kept").result()
    assert images() == before


def test_a_disk_is_made_of_an_image_of_the_marketplace(estate: Any) -> None:
    image = (
        f"/Subscriptions/{estate.azure.endpoint['subscription']}/Providers"
        "/Microsoft.Compute/Locations/westeurope/Publishers/Debian/ArtifactTypes"
        "/VMImage/Offers/debian-12/Skus/12-gen2/Versions/12.20250601.1"
    )
    creation: dict[str, Any] = {
        "createOption": "FromImage",
        "imageReference": {"id": image},
    }
    make(estate, "disks", "market", creation)
    with pytest.raises(HttpResponseError) as raised:
        make(estate, "disks", "market", creation, maxShares=2)
    assert raised.value.error.message == (
        "The value '2' of parameter 'maxShares' is invalid: expected 1, since this "
        "embedded Azure has no shared disks."
    )
    estate.compute.disks.begin_delete(estate.group, "market").result()
    creation["imageReference"] = {"id": image.replace("debian-12", "debian-99")}
    with pytest.raises(HttpResponseError) as raised:
        make(estate, "disks", "market", creation)
    assert raised.value.error.code == "PlatformImageNotFound"
    del creation["imageReference"]
    with pytest.raises(HttpResponseError) as raised:
        make(estate, "disks", "market", creation)
    assert raised.value.error.message == "Required parameter 'id' is missing (null)."


def refused(estate: Any, body: Any) -> tuple[int, str, str]:
    with pytest.raises(HttpResponseError) as raised:
        estate.compute.virtual_machines.begin_create_or_update(
            estate.group, "other", body
        )
    error = raised.value.error
    return raised.value.status_code, error.code, error.message


def test_a_disk_has_one_machine(estate: Any, attached: Any) -> None:
    body = attaching(estate, "other", attached.id.upper())
    assert refused(estate, body) == (
        409,
        "ConflictingUserInput",
        (
            f"Disk '{attached.id}' cannot be attached as the disk is already owned by "
            f"VM '{attached.managed_by}'."
        ),
    )


def test_a_disk_that_is_there_is_not_made(estate: Any, attached: Any) -> None:
    body = estate.vm("other")
    body["properties"]["storageProfile"]["osDisk"]["name"] = attached.name
    assert refused(estate, body) == (
        409,
        "ConflictingUserInput",
        (
            f"Disk {attached.name} already exists in resource group compute. Only "
            "CreateOption.Attach is supported."
        ),
    )


def test_a_disk_that_is_not_there_is_not_attached(estate: Any) -> None:
    disk = {"lun": 0, "createOption": "Attach"}
    body = estate.vm("other")
    storage = body["properties"]["storageProfile"]
    storage["dataDisks"] = [disk | {"managedDisk": {"id": f"{estate.here}/disks/no"}}]
    assert refused(estate, body) == (
        404,
        "ResourceNotFound",
        (
            "The Resource 'Microsoft.Compute/disks/no' under resource group 'compute' "
            "was not found. For more details please go to "
            "https://aka.ms/ARMResourceNotFoundFix"
        ),
    )
    storage["dataDisks"][0]["createOption"] = "Empty"
    assert refused(estate, body) == (
        400,
        "InvalidParameterConflictingProperties",
        (
            "The property 'createOption' of disk 'no' must be 'Attach' when property "
            "'managedDisk.id' is set."
        ),
    )


def test_a_disk_of_another_group_stays_there(estate: Any, attached: Any) -> None:
    compute, groups = estate.compute, estate.azure.resources.resource_groups
    groups.create_or_update("disks", {"location": "westeurope"})
    empty = {"creationData": {"createOption": "Empty"}, "diskSizeGB": 4}
    body = {"location": "westeurope", "properties": empty}
    disk = compute.disks.begin_create_or_update("disks", "data", body).result()

    def data_disks(*declared: Any) -> list[str]:
        body = {"properties": {"storageProfile": {"dataDisks": declared}}}
        vm = compute.virtual_machines.begin_update(estate.group, "holder", body)
        return [d.managed_disk.id for d in vm.result().storage_profile.data_disks]

    data = {"lun": 0, "createOption": "Attach", "managedDisk": {"id": disk.id}}
    assert data_disks(data) == [disk.id]
    assert compute.disks.get("disks", "data").managed_by == attached.managed_by
    assert data_disks() == []
    assert compute.disks.get("disks", "data").managed_by is None
    groups.begin_delete("disks").result()


def test_tags_of_a_disk_change_however_it_was_made(estate: Any, attached: Any) -> None:
    tags = {"tags": {"team": "roc"}}
    disks = estate.compute.disks
    changed = disks.begin_update(estate.group, attached.name, tags).result()
    assert (changed.tags, changed.creation_data.create_option) == (
        tags["tags"],
        "FromImage",
    )


def test_tags_change_of_what_was_made_of_something_that_is_gone(estate: Any) -> None:
    compute = estate.compute
    empty = {"createOption": "Empty"}
    disk = make(estate, "disks", "source", empty, diskSizeGB=4)
    copy = {"createOption": "Copy", "sourceResourceId": disk}
    snapshot = make(estate, "snapshots", "copied", copy)
    system = {"osType": "Linux", "osState": "Generalized", "snapshot": {"id": snapshot}}
    compute.images.begin_create_or_update(
        estate.group,
        "copied",
        {
            "location": "westeurope",
            "properties": {"storageProfile": {"osDisk": system}},
        },
    ).result()
    tags = {"tags": {"team": "roc"}}
    compute.disks.begin_delete(estate.group, "source").result()
    changed = compute.snapshots.begin_update(estate.group, "copied", tags).result()
    assert changed.tags == tags["tags"]
    compute.snapshots.begin_delete(estate.group, "copied").result()
    changed = compute.images.begin_update(estate.group, "copied", tags).result()
    assert changed.tags == tags["tags"]
    compute.images.begin_delete(estate.group, "copied").result()


def test_what_failed_to_be_made_is_no_source(estate: Any) -> None:
    empty = {"createOption": "Empty"}
    disk = make(estate, "disks", "hollow", empty, diskSizeGB=4)
    cloud = estate.azure.server.cloud
    cloud.store.get(parse(disk)).state = "Updating"
    copy = {"createOption": "Copy", "sourceResourceId": disk}
    make(estate, "disks", "of-hollow", copy)
    cloud.store.get(parse(disk)).state = "Succeeded"
    estate.compute.disks.begin_delete(estate.group, "of-hollow").result()
    fault = {"kind": "fails", "type": "Microsoft.Compute/snapshots/write"}
    estate.azure.tell("faults", "PUT", {"faults": [fault]})
    with pytest.raises(HttpResponseError):
        make(estate, "snapshots", "hollow", copy)
    source = disk.replace("/disks/", "/snapshots/")
    copy = {"createOption": "Copy", "sourceResourceId": source}
    with pytest.raises(HttpResponseError) as raised:
        make(estate, "disks", "of-hollow", copy)
    assert raised.value.error.message == (
        f"The source resource '{source}' has no content: its provisioning state is "
        "'Failed'. Wait until it is Succeeded, or create it again."
    )
    estate.compute.snapshots.begin_delete(estate.group, "hollow").result()
    estate.compute.disks.begin_delete(estate.group, "hollow").result()
