"""Images through the SDK: managed, snapshots, gallery versions, marketplace."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from release.emulator.ids import parse
from release.emulator.resources.compute.references import VERSION, resolve


def refused(write: Any) -> tuple[str, str]:
    with pytest.raises(HttpResponseError) as raised:
        write()
    return raised.value.error.code, raised.value.error.message


@pytest.mark.usefixtures("first")
def test_a_version_tells_its_replication_when_asked(estate: Any) -> None:
    versions = estate.compute.gallery_image_versions
    plain = versions.get(estate.group, "shelf", "web", "1.0.0")
    assert plain.replication_status is None
    asked = versions.get(
        estate.group, "shelf", "web", "1.0.0", expand="ReplicationStatus"
    )
    assert asked.replication_status.as_dict() == {
        "aggregatedState": "Completed",
        "summary": [
            {
                "region": "West Europe",
                "state": "Completed",
                "details": "",
                "progress": 100,
            }
        ],
    }


@pytest.mark.usefixtures("first")
def test_tags_of_a_version_change_and_its_source_stays(estate: Any) -> None:
    versions = estate.compute.gallery_image_versions
    found = versions.begin_update(
        estate.group, "shelf", "web", "1.0.0", {"tags": {"verdict": "passed"}}
    ).result()
    assert found.tags == {"verdict": "passed"}
    assert found.storage_profile.source.virtual_machine_id.endswith("/first")


def test_a_version_that_is_being_updated_is_still_the_latest(
    estate: Any, first: str
) -> None:
    cloud = estate.azure.server.cloud
    versions = cloud.store.of_type(VERSION, parse(first).parent)
    definition = {"id": first.rpartition("/versions/")[0]}
    latest = resolve(cloud, definition, "westeurope")
    for version in versions:
        version.state = "Updating"
    try:
        assert resolve(cloud, definition, "westeurope") == latest
    finally:
        for version in versions:
            version.state = "Succeeded"


@pytest.mark.usefixtures("first")
def test_a_managed_image_becomes_a_version_in_the_old_form(estate: Any) -> None:
    compute = estate.compute
    machine = {"id": f"{estate.here}/virtualMachines/first"}
    image = compute.images.begin_create_or_update(
        estate.group,
        "managed",
        {"location": "West Europe", "properties": {"sourceVirtualMachine": machine}},
    ).result()
    assert (image.location, image.storage_profile.os_disk.os_state) == (
        "westeurope",
        "Generalized",
    )
    body = {
        "location": "West Europe",
        "properties": {
            "publishingProfile": {
                "source": {"managedImage": {"id": image.id}},
                "targetRegions": [{"name": "westeurope"}],
                "excludeFromLatest": True,
            }
        },
    }
    version = f"{estate.here}/galleries/shelf/images/web/versions/0.0.1"
    resources = estate.azure.resources.resources
    made = resources.begin_create_or_update_by_id(
        version, body, api_version="2019-03-01"
    ).result()
    assert made.properties["provisioningState"] == "Succeeded"
    compute.images.begin_delete(estate.group, "managed").result()
    resources.begin_delete_by_id(version, api_version="2019-03-01").result()


@pytest.mark.usefixtures("first")
def test_a_snapshot_of_a_disk_can_be_a_version(estate: Any) -> None:
    compute = estate.compute
    machine = compute.virtual_machines.get(estate.group, "first")
    disk = machine.storage_profile.os_disk.managed_disk.id
    creation = {"createOption": "Copy", "sourceResourceId": disk}
    snapshot = compute.snapshots.begin_create_or_update(
        estate.group,
        "frozen",
        {"location": "westeurope", "properties": {"creationData": creation}},
    ).result()
    body = {
        "location": "westeurope",
        "properties": {
            "storageProfile": {"osDiskImage": {"source": {"id": snapshot.id}}},
            "publishingProfile": {"excludeFromLatest": True},
        },
    }
    made = compute.gallery_image_versions.begin_create_or_update(
        estate.group, "shelf", "web", "0.0.2", body
    ).result()
    assert made.publishing_profile.target_regions[0].name == "westeurope"


def test_an_image_of_a_running_machine_is_refused(estate: Any) -> None:
    vms = estate.compute.virtual_machines
    made = vms.begin_create_or_update(
        estate.group, "running", estate.vm("running")
    ).result()
    assert refused(lambda: estate.publish("0.0.3", made.id)) == (
        "OperationNotAllowed",
        f"The operation requires the Virtual Machine '{made.id}' to be Generalized.",
    )
    vms.begin_delete(estate.group, "running").result()


@pytest.mark.usefixtures("first")
def test_the_name_of_a_version_is_three_numbers(estate: Any) -> None:
    machine = f"{estate.here}/virtualMachines/first"
    code, message = refused(lambda: estate.publish("2026.01.1", machine))
    assert (code, message) == (
        "InvalidParameter",
        (
            "The gallery image version name '2026.01.1' is invalid: expected "
            "<MajorVersion>.<MinorVersion>.<Patch>, each a number from 0 to 2147483647 "
            "without leading zeros."
        ),
    )


@pytest.mark.usefixtures("first")
def test_a_definition_is_shown_in_azures_spelling(estate: Any) -> None:
    path = f"{estate.here}/galleries/shelf/images/spelled"
    properties = {
        "osType": "linux",
        "osState": "generalized",
        "identifier": {"publisher": "p", "offer": "o", "sku": "s"},
    }
    body = {"location": "westeurope", "properties": properties}
    _, _, made = estate.azure.ask("PUT", path, body)
    estate.azure.ask("DELETE", path)
    assert made["properties"]["osType"] == "Linux"
    assert made["properties"]["osState"] == "Generalized"


@pytest.mark.usefixtures("first")
def test_a_gallery_with_definitions_is_not_deleted(estate: Any) -> None:
    code, message = refused(
        lambda: estate.compute.galleries.begin_delete(estate.group, "shelf")
    )
    assert code == "CannotDeleteResource"
    assert message.startswith(
        "Can not delete resource before nested resources are deleted."
    )


@pytest.mark.usefixtures("first")
def test_tags_alone_take_no_time_of_a_publish(estate: Any) -> None:
    pace = estate.azure.server.cloud.pace
    pace.scale = 1
    try:
        changing = estate.compute.gallery_image_versions.begin_update(
            estate.group, "shelf", "web", "1.0.0", {"tags": {"told": "soon"}}
        )
        changing.wait(10)
        assert changing.done()
    finally:
        pace.scale = 0
    assert changing.result().tags == {"told": "soon"}


def test_the_marketplace_lists_what_it_has(estate: Any) -> None:
    images = estate.compute.virtual_machine_images
    assert [p.name for p in images.list_publishers("westeurope")] == [
        "Canonical",
        "Debian",
        "Microsoft.Azure.Extensions",
        "Microsoft.ManagedServices",
        "MicrosoftCBLMariner",
        "OpenLogic",
        "RedHat",
        "SUSE",
        "almalinux",
    ]
    newest = images.list(
        "westeurope", "Debian", "debian-12", "12-gen2", top=1, orderby="name desc"
    )
    assert [v.name for v in newest] == ["12.20250601.1"]


def test_a_gallery_may_say_whom_it_is_shared_with(estate: Any) -> None:
    galleries = estate.compute.galleries
    body = {
        "location": "westeurope",
        "properties": {"sharingProfile": {"permissions": "Private"}},
    }
    made = galleries.begin_create_or_update(estate.group, "shared", body).result()
    galleries.begin_delete(estate.group, "shared").result()
    assert made.sharing_profile.permissions == "Private"


def test_a_version_of_an_extension_is_shown(estate: Any) -> None:
    images = estate.compute.virtual_machine_extension_images
    of = ("westeurope", "Microsoft.Azure.Extensions", "CustomScript")
    (version,) = images.list_versions(*of)
    found = images.get(*of, version.name)
    assert (found.id, found.operating_system) == (version.id, "Linux")
    code, message = refused(lambda: images.get(*of, "1.0"))
    assert code == "NotFound"
    assert message == (
        "Extension 'CustomScript' of publisher 'Microsoft.Azure.Extensions' has no "
        f"version '1.0': this embedded Azure has {version.name}."
    )


def test_an_unknown_image_lists_those_that_exist(estate: Any) -> None:
    body = estate.vm("wrong")
    body["properties"]["storageProfile"]["imageReference"]["offer"] = "debian-99"
    code, message = refused(
        lambda: estate.compute.virtual_machines.begin_create_or_update(
            estate.group, "wrong", body
        )
    )
    assert code == "PlatformImageNotFound"
    assert message.startswith(
        "The platform image 'Debian:debian-99:12-gen2:latest' is not available."
    )


def test_quota_is_told(estate: Any) -> None:
    cores = next(
        u for u in estate.compute.usage.list("westeurope") if u.name.value == "cores"
    )
    assert cores.limit == 100
