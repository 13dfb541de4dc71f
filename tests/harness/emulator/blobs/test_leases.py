"""Leases, through the SDK."""

from datetime import timedelta

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobLeaseClient, ContainerClient

from tests.harness.emulator.blobs.conftest import Plane

MINE = "0b6d1fcd-4a4c-4ac1-b3ab-0b3e2f0f5d70"
OTHER = "4f7c3f5e-7d0a-4b63-9b54-6b0f5e1f6c11"


def test_a_lease_keeps_others_from_writing(container: ContainerClient) -> None:
    blob = container.get_blob_client("a")
    blob.upload_blob(b"1")
    lease = blob.acquire_lease(lease_id=MINE)

    with pytest.raises(HttpResponseError) as caught:
        blob.upload_blob(b"2", overwrite=True)
    assert (caught.value.status_code, caught.value.error_code) == (
        412,
        "LeaseIdMissing",
    )
    with pytest.raises(HttpResponseError) as caught:
        blob.delete_blob(lease=OTHER)
    assert caught.value.error_code == "LeaseIdMismatchWithBlobOperation"
    assert blob.download_blob().readall() == b"1"

    blob.upload_blob(b"3", overwrite=True, lease=lease)
    found = blob.get_blob_properties().lease
    assert (found.status, found.state, found.duration) == (
        "locked",
        "leased",
        "infinite",
    )
    lease.release()
    blob.delete_blob()


def test_a_lease_id_may_be_written_as_any_guid(container: ContainerClient) -> None:
    blob = container.get_blob_client("a")
    blob.upload_blob(b"1")
    blob.acquire_lease(lease_id=MINE.upper())

    for spelled in (MINE, MINE.upper(), f"{{{MINE}}}", MINE.replace("-", "")):
        blob.upload_blob(b"2", overwrite=True, lease=spelled)
        assert blob.download_blob(lease=spelled).readall() == b"2"
    with pytest.raises(HttpResponseError) as caught:
        blob.delete_blob(lease="mine")
    assert (caught.value.status_code, caught.value.error_code) == (
        400,
        "InvalidHeaderValue",
    )


def test_one_of_two_gets_the_lease(container: ContainerClient) -> None:
    blob = container.get_blob_client("a")
    blob.upload_blob(b"1")
    blob.acquire_lease(lease_id=MINE)

    with pytest.raises(HttpResponseError) as caught:
        blob.acquire_lease(lease_id=OTHER)

    assert (caught.value.status_code, caught.value.error_code) == (
        409,
        "LeaseAlreadyPresent",
    )


def test_a_lease_expires_and_is_renewed(
    plane: Plane, container: ContainerClient
) -> None:
    blob = container.get_blob_client("a")
    blob.upload_blob(b"1")
    lease = blob.acquire_lease(lease_duration=15, lease_id=MINE)

    plane.world.ahead = timedelta(seconds=14)
    lease.renew()
    plane.world.ahead = timedelta(seconds=28)
    assert blob.get_blob_properties().lease.state == "leased"
    plane.world.ahead = timedelta(seconds=30)
    assert blob.get_blob_properties().lease.state == "expired"
    with pytest.raises(HttpResponseError) as caught:
        blob.upload_blob(b"2", overwrite=True, lease=lease)
    assert caught.value.error_code == "LeaseLost"
    blob.upload_blob(b"2", overwrite=True)
    with pytest.raises(HttpResponseError) as caught:
        lease.renew()
    assert caught.value.error_code == "LeaseNotPresentWithLeaseOperation"


def test_a_break_takes_effect_after_its_period(
    plane: Plane, container: ContainerClient
) -> None:
    lease = container.acquire_lease(lease_duration=60, lease_id=MINE)

    assert lease.break_lease(lease_break_period=10) == 10
    with pytest.raises(HttpResponseError) as caught:
        container.delete_container()
    assert caught.value.error_code == "LeaseIdMissing"
    with pytest.raises(HttpResponseError) as caught:
        lease.renew()
    assert caught.value.error_code == "LeaseIsBrokenAndCannotBeRenewed"
    plane.world.ahead = timedelta(seconds=11)
    assert container.get_container_properties().lease.state == "broken"
    container.delete_container()


def test_a_lease_changes_hands(container: ContainerClient) -> None:
    lease = BlobLeaseClient(container, lease_id=MINE)
    lease.acquire()
    lease.change(OTHER)

    with pytest.raises(HttpResponseError) as caught:
        BlobLeaseClient(container, lease_id=MINE).release()

    assert caught.value.error_code == "LeaseIdMismatchWithLeaseOperation"
    BlobLeaseClient(container, lease_id=OTHER).release()
