"""Block and append blobs, through the SDK."""

import base64
import hashlib
import os
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import (
    BlobBlock,
    BlobServiceClient,
    BlobType,
    ContainerClient,
    ContentSettings,
    generate_container_sas,
)

from release.wait import Seen, wait_until
from tests.harness.emulator.blobs.conftest import KEYS, Plane, Start


def test_a_blob_comes_back_with_its_properties(container: ContainerClient) -> None:
    began = datetime.now(UTC).replace(microsecond=0)
    container.upload_blob(
        "page.html",
        b"<p>hello</p>",
        metadata={"Build": "2026.1123.1"},
        content_settings=ContentSettings(
            content_type="text/html; charset=utf-8", cache_control="no-store"
        ),
    )

    blob = container.get_blob_client("page.html")
    found = blob.get_blob_properties()

    assert blob.download_blob().readall() == b"<p>hello</p>"
    assert found.blob_type is BlobType.BLOCKBLOB
    assert found.size == 12
    assert found.metadata == {"Build": "2026.1123.1"}
    assert found.content_settings.content_type == "text/html; charset=utf-8"
    assert found.content_settings.cache_control == "no-store"
    assert found.content_settings.content_md5 == bytearray(
        hashlib.md5(b"<p>hello</p>", usedforsecurity=False).digest()
    )
    assert found.last_modified >= began
    assert found.creation_time >= began
    assert (found.blob_tier, found.blob_tier_inferred) == ("Hot", True)


def test_an_empty_blob_is_a_blob(container: ContainerClient) -> None:
    container.upload_blob("nothing", b"")

    assert container.download_blob("nothing").readall() == b""


def test_a_blob_is_not_overwritten_unless_asked(container: ContainerClient) -> None:
    container.upload_blob("a", b"1")

    with pytest.raises(ResourceExistsError) as caught:
        container.upload_blob("a", b"2")

    assert caught.value.error_code == "BlobAlreadyExists"
    container.upload_blob("a", b"3", overwrite=True)
    assert container.download_blob("a").readall() == b"3"


def test_a_part_is_downloaded(container: ContainerClient) -> None:
    container.upload_blob("a", b"0123456789")
    blob = container.get_blob_client("a")

    assert blob.download_blob(offset=3, length=4).readall() == b"3456"
    assert blob.download_blob(offset=8).readall() == b"89"
    assert blob.download_blob(offset=8, length=50).readall() == b"89"
    with pytest.raises(HttpResponseError) as caught:
        blob.download_blob(offset=10)
    assert (caught.value.status_code, caught.value.error_code) == (416, "InvalidRange")


def test_blocks_make_a_blob_in_the_order_of_the_list(
    container: ContainerClient,
) -> None:
    blob = container.get_blob_client("parts")
    for name in ("a", "b", "c"):
        blob.stage_block(name, name * 3)
    with pytest.raises(ResourceNotFoundError):
        blob.get_blob_properties()
    assert [b.id for b in blob.get_block_list("uncommitted")[1]] == ["a", "b", "c"]

    blob.commit_block_list([BlobBlock("c"), BlobBlock("a")])

    assert blob.download_blob().readall() == b"cccaaa"
    committed, uncommitted = blob.get_block_list("all")
    assert [(b.id, b.size) for b in committed] == [("c", 3), ("a", 3)]
    assert uncommitted == []
    blob.stage_block("d", b"d")
    blob.commit_block_list([BlobBlock("a"), BlobBlock("d")])
    assert blob.download_blob().readall() == b"aaad"


def test_a_block_list_that_names_no_block_is_refused(
    container: ContainerClient,
) -> None:
    blob = container.get_blob_client("parts")

    with pytest.raises(HttpResponseError) as caught:
        blob.commit_block_list([BlobBlock("a")])

    assert caught.value.error_code == "InvalidBlockList"
    missing = base64.b64encode(b"a").decode()
    assert f"There is no block {missing}." in str(caught.value)


def test_a_large_blob_goes_up_in_blocks_and_comes_down_in_ranges(
    plane: Plane, container: ContainerClient
) -> None:
    content = os.urandom(9 * 1024 * 1024 + 17)
    small_steps = BlobServiceClient(
        f"{plane.origin}/shop",
        credential=container.credential,
        connection_verify=str(plane.ca),
        max_single_put_size=1024 * 1024,
        max_block_size=1024 * 1024,
        max_single_get_size=1024 * 1024,
        max_chunk_get_size=2 * 1024 * 1024,
    )
    with small_steps:
        blob = small_steps.get_blob_client("pictures", "large")
        blob.upload_blob(content, max_concurrency=2)
        assert blob.download_blob(max_concurrency=2).readall() == content
        assert len(blob.get_block_list("committed")[0]) == 10


def test_an_append_blob_grows_where_it_is_expected_to(
    container: ContainerClient,
) -> None:
    log = container.get_blob_client("out.log")
    log.create_append_blob()

    first = log.append_block(b"one\n")
    second = log.append_block(b"two\n", appendpos_condition=4)

    assert (first["blob_append_offset"], second["blob_append_offset"]) == ("0", "4")
    assert second["blob_committed_block_count"] == 2
    assert log.download_blob().readall() == b"one\ntwo\n"
    with pytest.raises(HttpResponseError) as caught:
        log.append_block(b"three\n", appendpos_condition=4)
    assert caught.value.error_code == "AppendPositionConditionNotMet"
    with pytest.raises(HttpResponseError) as caught:
        log.append_block(b"three\n", maxsize_condition=10)
    assert caught.value.error_code == "MaxBlobSizeConditionNotMet"
    found = log.get_blob_properties()
    assert (found.size, found.append_blob_committed_block_count) == (8, 2)
    log.seal_append_blob()
    with pytest.raises(HttpResponseError) as caught:
        log.append_block(b"more")
    assert caught.value.error_code == "BlobIsSealed"


def test_upload_blob_appends_to_an_append_blob(container: ContainerClient) -> None:
    log = container.get_blob_client("out.log")
    log.upload_blob(b"one ", blob_type=BlobType.APPENDBLOB)
    log.upload_blob(b"two", blob_type=BlobType.APPENDBLOB)

    assert log.download_blob().readall() == b"one two"


def test_a_wrong_kind_is_refused(container: ContainerClient) -> None:
    container.upload_blob("a", b"1")

    with pytest.raises(HttpResponseError) as caught:
        container.get_blob_client("a").append_block(b"2")

    assert (caught.value.status_code, caught.value.error_code) == (
        409,
        "InvalidBlobType",
    )


def test_conditions_hold_writes_and_reads(container: ContainerClient) -> None:
    blob = container.get_blob_client("a")
    blob.upload_blob(b"1")
    etag = blob.get_blob_properties().etag
    blob.upload_blob(
        b"2", overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified
    )

    for call in (
        lambda: blob.upload_blob(
            b"3",
            overwrite=True,
            etag=etag,
            match_condition=MatchConditions.IfNotModified,
        ),
        lambda: blob.delete_blob(
            etag=etag, match_condition=MatchConditions.IfNotModified
        ),
        lambda: blob.get_blob_properties(
            etag=etag, match_condition=MatchConditions.IfNotModified
        ),
    ):
        with pytest.raises(ResourceModifiedError):
            call()
    with pytest.raises(HttpResponseError) as caught:
        blob.download_blob(
            etag=blob.get_blob_properties().etag,
            match_condition=MatchConditions.IfModified,
        )
    assert caught.value.status_code == 304


def test_an_entity_tag_may_lack_its_quotes(container: ContainerClient) -> None:
    blob = container.get_blob_client("a")
    blob.upload_blob(b"1")
    etag = str(blob.get_blob_properties().etag).strip('"')

    assert blob.get_blob_properties(
        etag=etag, match_condition=MatchConditions.IfNotModified
    )
    with pytest.raises(HttpResponseError) as caught:
        blob.download_blob(etag=etag, match_condition=MatchConditions.IfModified)
    assert caught.value.status_code == 304


def test_a_damaged_body_is_refused(container: ContainerClient) -> None:
    with pytest.raises(HttpResponseError) as caught:
        container.upload_blob(
            "a",
            b"1",
            headers={"Content-MD5": base64.b64encode(bytes(16)).decode()},
        )

    assert caught.value.error_code == "Md5Mismatch"
    assert list(container.list_blob_names()) == []


def test_properties_metadata_tier_and_tags_are_set(container: ContainerClient) -> None:
    blob = container.get_blob_client("a")
    blob.upload_blob(b"1")

    blob.set_http_headers(ContentSettings(content_type="text/plain"))
    blob.set_blob_metadata({"a": "b"})
    blob.set_standard_blob_tier("Cool")
    blob.set_blob_tags({"team": "web"})

    found = blob.get_blob_properties()
    assert found.content_settings.content_type == "text/plain"
    assert found.metadata == {"a": "b"}
    assert (found.blob_tier, found.tag_count) == ("Cool", 1)
    assert blob.get_blob_tags() == {"team": "web"}


def test_a_deleted_blob_is_gone_with_its_content(
    container: ContainerClient, tmp_path: Path
) -> None:
    container.upload_blob("a", b"1")
    container.delete_blob("a")

    with pytest.raises(ResourceNotFoundError) as caught:
        container.download_blob("a")

    assert caught.value.error_code == "BlobNotFound"
    assert list((tmp_path / "blobs" / "content").glob("*/*")) == []


def test_all_is_there_after_a_restart(tmp_path: Path, start: Start) -> None:
    with start(tmp_path / "kept") as plane, plane.service() as client:
        before = client.create_container("pictures")
        blob = before.get_blob_client("a")
        blob.upload_blob(b"1", metadata={"a": "b"})
        blob.acquire_lease(lease_id="0b6d1fcd-4a4c-4ac1-b3ab-0b3e2f0f5d70")
        before.get_blob_client("log").create_append_blob()
        before.get_blob_client("log").append_block(b"one")
        before.get_blob_client("parts").stage_block("a", b"staged")
        etag = blob.get_blob_properties().etag
    (tmp_path / "kept" / "content" / "zz").mkdir()
    orphan = tmp_path / "kept" / "content" / "zz" / "zz-left-by-a-kill"
    orphan.touch()

    with start(tmp_path / "kept") as plane, plane.service() as client:
        after = client.get_container_client("pictures")
        found = after.get_blob_client("a").get_blob_properties()
        assert (found.etag, found.metadata) == (etag, {"a": "b"})
        assert found.lease.state == "leased"
        assert after.download_blob("a").readall() == b"1"
        after.get_blob_client("log").append_block(b"two", appendpos_condition=3)
        assert after.download_blob("log").readall() == b"onetwo"
        after.get_blob_client("parts").commit_block_list([BlobBlock("a")])
        assert after.download_blob("parts").readall() == b"staged"
        assert not orphan.exists()


def test_what_is_missing_is_refused_by_name(container: ContainerClient) -> None:
    blob = container.get_blob_client("a")
    blob.upload_blob(b"1")

    with pytest.raises(HttpResponseError) as caught:
        blob.create_snapshot()

    assert caught.value.status_code == 501
    assert "'PUT comp=snapshot' of a blob is not served" in str(caught.value)


def test_an_upload_that_breaks_off_leaves_nothing(
    plane: Plane,
    container: ContainerClient,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sas = generate_container_sas(
        "shop",
        "pictures",
        account_key=KEYS[0],
        permission="w",
        expiry=datetime(2099, 1, 1, tzinfo=UTC),
    )
    host, _, port = plane.origin.removeprefix("https://").partition(":")
    trust = ssl.create_default_context(cafile=plane.ca)
    with (
        socket.create_connection((host, int(port))) as plain,
        trust.wrap_socket(plain, server_hostname=host) as connection,
    ):
        connection.sendall(
            f"PUT /shop/pictures/half?{sas} HTTP/1.1\r\nHost: {host}\r\n"
            "x-ms-blob-type: BlockBlob\r\nContent-Length: 1000000\r\n\r\n".encode()
            + bytes(500_000)
        )

        def begun() -> Seen[bool]:
            kept = [path.stat().st_size for path in contents(tmp_path)]
            return Seen(what=f"{kept} bytes", value=True if any(kept) else None)

        wait_until("upload begun", begun, timeout_s=10, interval_s=0.01, fix="-")

    def gone() -> Seen[bool]:
        left = contents(tmp_path)
        return Seen(what=f"{len(left)} files", value=None if left else True)

    wait_until("file dropped", gone, timeout_s=10, interval_s=0.01, fix="-")
    assert list(container.list_blob_names()) == []
    assert [record for record in caplog.records if record.levelname != "DEBUG"] == []


def test_a_download_that_breaks_off_is_no_error(
    plane: Plane, container: ContainerClient, caplog: pytest.LogCaptureFixture
) -> None:
    container.upload_blob("large", bytes(8 * 1024 * 1024))
    sas = generate_container_sas(
        "shop",
        "pictures",
        account_key=KEYS[0],
        permission="r",
        expiry=datetime(2099, 1, 1, tzinfo=UTC),
    )
    host, _, port = plane.origin.removeprefix("https://").partition(":")
    trust = ssl.create_default_context(cafile=plane.ca)
    with (
        socket.create_connection((host, int(port))) as plain,
        trust.wrap_socket(plain, server_hostname=host) as connection,
    ):
        path = f"/shop/pictures/large?{sas}"
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 200"

    container.delete_blob("large")
    assert [record for record in caplog.records if record.levelname != "DEBUG"] == []


def contents(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "blobs" / "content").glob("*/*"))
