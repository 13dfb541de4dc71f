"""Containers, through the SDK."""

import base64

import pytest
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobPrefix, BlobServiceClient, ContainerClient


def test_a_container_is_made_once(service: BlobServiceClient) -> None:
    service.create_container("pictures", metadata={"Owner": "ada"})

    with pytest.raises(ResourceExistsError) as caught:
        service.create_container("pictures")

    assert caught.value.error_code == "ContainerAlreadyExists"
    made = service.get_container_client("pictures").get_container_properties()
    assert (made.name, made.metadata, made.lease.state) == (
        "pictures",
        {"Owner": "ada"},
        "available",
    )


def test_a_deleted_container_is_gone_with_its_blobs(
    service: BlobServiceClient, container: ContainerClient
) -> None:
    container.upload_blob("a", b"1")
    container.delete_container()

    with pytest.raises(ResourceNotFoundError) as caught:
        container.get_container_properties()

    assert caught.value.error_code == "ContainerNotFound"
    service.create_container("pictures")
    assert list(container.list_blob_names()) == []


def test_containers_are_listed_in_pages(service: BlobServiceClient) -> None:
    for name in ("two", "one", "logs-1", "logs-2", "zoo"):
        service.create_container(name, metadata={"name": name})

    found = service.list_containers(include_metadata=True, results_per_page=2)

    assert [(c.name, c.metadata["name"]) for c in found] == [
        ("logs-1", "logs-1"),
        ("logs-2", "logs-2"),
        ("one", "one"),
        ("two", "two"),
        ("zoo", "zoo"),
    ]
    found = service.list_containers(name_starts_with="logs-", results_per_page=1)
    assert [c.name for c in found] == ["logs-1", "logs-2"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("No_Such", "InvalidResourceName"),
        ("ab", "OutOfRangeInput"),
        ("a" * 64, "OutOfRangeInput"),
    ],
)
def test_a_name_that_cannot_be_is_refused(
    service: BlobServiceClient, name: str, code: str
) -> None:
    with pytest.raises(HttpResponseError) as caught:
        service.create_container(name)

    assert caught.value.error_code == code


@pytest.mark.parametrize("name", ["1st", "my-key", ""])
def test_a_name_of_metadata_is_an_identifier(
    container: ContainerClient, name: str
) -> None:
    for write in (
        lambda: container.upload_blob("a", b"", metadata={name: "x"}),
        lambda: container.set_container_metadata({name: "x"}),
    ):
        with pytest.raises(HttpResponseError) as caught:
            write()
        assert caught.value.error_code == "InvalidMetadata"
    assert list(container.list_blobs(include=["metadata"])) == []


def test_a_damaged_document_is_refused(container: ContainerClient) -> None:
    wrong = {"Content-MD5": base64.b64encode(bytes(16)).decode()}
    with pytest.raises(HttpResponseError) as caught:
        container.set_container_access_policy({}, headers=wrong)

    assert caught.value.error_code == "Md5Mismatch"


def test_metadata_is_replaced(container: ContainerClient) -> None:
    before = container.get_container_properties().etag

    container.set_container_metadata({"a": "1"})

    after = container.get_container_properties()
    assert after.metadata == {"a": "1"}
    assert after.etag != before


def test_blobs_are_listed_in_pages(container: ContainerClient) -> None:
    names = [f"{i:03}" for i in range(12)]
    for name in names:
        container.upload_blob(name, name, metadata={"name": name})

    listed = list(container.list_blobs(include=["metadata"], results_per_page=5))

    assert [blob.name for blob in listed] == names
    assert [blob.metadata["name"] for blob in listed] == names
    assert {blob.size for blob in listed} == {3}


def test_a_delimiter_rolls_names_up(container: ContainerClient) -> None:
    for name in ("a.txt", "b/1", "b/2", "b/c/3", "d/4", "e"):
        container.upload_blob(name, b"")

    top = sorted(b.name for b in container.walk_blobs(results_per_page=2))
    below = list(container.walk_blobs(name_starts_with="b/", results_per_page=1))

    assert top == ["a.txt", "b/", "d/", "e"]
    assert [b.name for b in below] == ["b/1", "b/2", "b/c/"]
    assert isinstance(below[-1], BlobPrefix)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("grüße & <more>/ü.txt", id="not-ascii"),
        pytest.param("a b+c%20d?e=f#g", id="escapes"),
        pytest.param("//double//slash", id="slashes"),
        pytest.param("bell\x07", id="not-in-xml"),
    ],
)
def test_names_come_back_as_they_were(container: ContainerClient, name: str) -> None:
    container.upload_blob(name, b"here")

    assert [blob.name for blob in container.list_blobs()] == [name]
    assert container.download_blob(name).readall() == b"here"


def test_a_stored_access_policy_comes_back(container: ContainerClient) -> None:
    from azure.storage.blob import AccessPolicy  # noqa: PLC0415

    policy = AccessPolicy(permission="r", expiry="2099-01-01T00:00:00Z")
    container.set_container_access_policy({"readers": policy})

    found = container.get_container_access_policy()["signed_identifiers"]

    assert [(one.id, one.access_policy.permission) for one in found] == [
        ("readers", "r")
    ]


def test_public_access_needs_the_account_to_allow_it(
    service: BlobServiceClient,
) -> None:
    with pytest.raises(HttpResponseError) as caught:
        service.create_container("open", public_access="blob")

    assert caught.value.error_code == "PublicAccessNotPermitted"
