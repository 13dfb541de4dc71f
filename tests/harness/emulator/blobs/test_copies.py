"""Copies and blocks from a URL, through the SDK."""

import asyncio
import contextlib
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import ClientTimeout, web
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.blob import (
    BlobBlock,
    BlobClient,
    ContainerClient,
    ContentSettings,
    generate_blob_sas,
)

from release.emulator import blobs
from release.emulator.blobs.files import Files
from release.emulator.blobs.records import Piece
from release.wait import Seen, wait_until
from tests.harness.emulator.blobs.conftest import KEYS, Start, stop

SOON = datetime(2099, 1, 1, tzinfo=UTC)
SIZE_BYTES = 24 * 1024 * 1024


def signed(blob: BlobClient) -> str:
    sas = generate_blob_sas(
        "shop", blob.container_name, blob.blob_name, account_key=KEYS[0],
        permission="r", expiry=SOON,
    )  # fmt: skip
    return f"{blob.url}?{sas}"


@pytest.fixture
def source(container: ContainerClient) -> BlobClient:
    blob = container.get_blob_client("from")
    blob.upload_blob(
        b"0123456789",
        metadata={"a": "b"},
        content_settings=ContentSettings(content_type="text/plain"),
    )
    return blob


class Slow:
    """An export that waits half-way until it is told to go on."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.loop = asyncio.new_event_loop()
        self.breaks_off = False

    async def answer(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(SIZE_BYTES)})
        await response.prepare(request)
        await response.write(bytes(SIZE_BYTES // 2))
        await self.go_on.wait()
        if self.breaks_off:
            assert request.transport is not None
            request.transport.abort()
            return response
        with contextlib.suppress(ConnectionError):
            await response.write(bytes(SIZE_BYTES // 2))
        return response

    def finish(self) -> None:
        self.loop.call_soon_threadsafe(self.go_on.set)


@pytest.fixture
def slow(tls: tuple[ssl.SSLContext, Path]) -> Iterator[tuple[str, Slow]]:
    export = Slow()
    thread = threading.Thread(target=export.loop.run_forever)
    thread.start()

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_get("/disk.vhd", export.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls[0]).start()
        return runner

    runner = asyncio.run_coroutine_threadsafe(start(), export.loop).result(10)
    yield f"https://127.0.0.1:{runner.addresses[0][1]}/disk.vhd?sig=secret", export
    export.finish()
    asyncio.run_coroutine_threadsafe(stop(runner), export.loop).result(10)
    export.loop.call_soon_threadsafe(export.loop.stop)
    thread.join(10)
    export.loop.close()


def ended(blob: BlobClient) -> str:
    def look() -> Seen[str]:
        status = blob.get_blob_properties().copy.status
        assert status is not None
        return Seen(what=status, value=status if status != "pending" else None)

    return wait_until("ended copy", look, timeout_s=10, interval_s=0.02, fix="-")


def test_a_copy_takes_content_and_properties(
    container: ContainerClient, source: BlobClient
) -> None:
    blob = container.get_blob_client("to")

    begun = blob.start_copy_from_url(signed(source))

    found = blob.get_blob_properties()
    assert begun["copy_status"] == found.copy.status == "success"
    assert begun["copy_id"] == found.copy.id
    assert found.copy.source == source.url
    assert found.copy.progress == "10/10"
    assert found.copy.completion_time is not None
    assert found.metadata == {"a": "b"}
    assert found.content_settings.content_type == "text/plain"
    assert blob.download_blob().readall() == b"0123456789"


def test_an_owner_copies_within_the_account_without_a_signature(
    container: ContainerClient, source: BlobClient
) -> None:
    blob = container.get_blob_client("to")

    blob.start_copy_from_url(source.url, metadata={"c": "d"})

    assert blob.get_blob_properties().metadata == {"c": "d"}
    assert blob.download_blob().readall() == b"0123456789"


@pytest.mark.parametrize("how", [{}, {"requires_sync": True}], ids=["later", "at-once"])
@pytest.mark.parametrize("url", [signed, lambda blob: blob.url], ids=["sas", "own"])
def test_a_copy_onto_itself_changes_metadata_alone(
    container: ContainerClient,
    tmp_path: Path,
    url: Callable[[BlobClient], str],
    how: dict[str, bool],
) -> None:
    blob = container.get_blob_client("disk")
    content = os.urandom(3 * 1024 * 1024)
    blob.upload_blob(content, metadata={"a": "b"})

    blob.start_copy_from_url(url(blob), metadata={"c": "d"}, **how)

    assert ended(blob) == "success"
    assert blob.get_blob_properties().metadata == {"c": "d"}
    assert blob.download_blob().readall() == content
    kept = list((tmp_path / "blobs" / "content").glob("*/*"))
    assert [path.stat().st_size for path in kept] == [len(content)]


def test_files_that_are_held_outlast_their_blobs(tmp_path: Path) -> None:
    async def work() -> tuple[bytes, bool, int]:
        files = Files(tmp_path)
        name = files.new()
        files.path(name).write_bytes(b"content")
        pieces = [Piece(file=name, size_bytes=7)]
        with files.held(pieces):
            files.drop([name])
            read = [chunk async for chunk in files.read(pieces, 0, 7)]
        return b"".join(read), files.path(name).exists(), len(files._readers)  # noqa: SLF001 - nothing tells it

    assert asyncio.run(work()) == (b"content", False, 0)


@pytest.mark.parametrize("kind", ["append", "page"])
def test_a_copy_is_of_the_same_kind(container: ContainerClient, kind: str) -> None:
    source = container.get_blob_client("from")
    content = b"x" * 512
    if kind == "append":
        source.create_append_blob()
        source.append_block(content)
    else:
        source.create_page_blob(1024)
        source.upload_page(content, 512, 512)
        content = bytes(512) + content
    blob = container.get_blob_client("to")

    blob.start_copy_from_url(source.url)

    assert blob.get_blob_properties().blob_type == f"{kind.capitalize()}Blob"
    assert blob.download_blob().readall() == content


def test_a_long_copy_tells_how_far_it_is(
    container: ContainerClient, slow: tuple[str, Slow]
) -> None:
    url, export = slow
    blob = container.get_blob_client("disk.vhd")

    begun = blob.start_copy_from_url(url)

    found = blob.get_blob_properties()
    assert begun["copy_status"] == found.copy.status == "pending"
    assert found.size == 0
    assert found.copy.source == url.partition("?")[0]
    assert found.copy.progress.endswith(f"/{SIZE_BYTES}")
    with pytest.raises(ResourceExistsError) as caught:
        blob.upload_blob(b"", overwrite=True)
    assert caught.value.error_code == "PendingCopyOperation"
    export.finish()
    assert ended(blob) == "success"
    found = blob.get_blob_properties()
    assert (found.size, found.copy.progress) == (
        SIZE_BYTES,
        f"{SIZE_BYTES}/{SIZE_BYTES}",
    )


def test_a_copy_is_aborted(container: ContainerClient, slow: tuple[str, Slow]) -> None:
    blob = container.get_blob_client("disk.vhd")
    begun = blob.start_copy_from_url(slow[0])
    with pytest.raises(HttpResponseError) as caught:
        blob.abort_copy("another")
    assert caught.value.error_code == "CopyIdMismatch"

    blob.abort_copy(begun["copy_id"])

    found = blob.get_blob_properties()
    assert (found.copy.status, found.size) == ("aborted", 0)
    with pytest.raises(HttpResponseError) as caught:
        blob.abort_copy(begun["copy_id"])
    assert caught.value.error_code == "NoPendingCopyOperation"
    blob.upload_blob(b"other", overwrite=True)


def test_a_source_that_breaks_off_fails_the_copy(
    container: ContainerClient, slow: tuple[str, Slow]
) -> None:
    url, export = slow
    export.breaks_off = True
    blob = container.get_blob_client("disk.vhd")
    blob.start_copy_from_url(url)

    export.finish()

    assert ended(blob) == "failed"
    found = blob.get_blob_properties()
    assert found.size == 0
    assert "500 InternalError" in str(found.copy.status_description)


def test_a_source_that_breaks_off_refuses_a_block(
    container: ContainerClient, slow: tuple[str, Slow]
) -> None:
    url, export = slow
    export.breaks_off = True
    export.finish()

    with pytest.raises(HttpResponseError) as caught:
        container.get_blob_client("disk").stage_block_from_url("a", url)

    assert (caught.value.status_code, caught.value.error_code) == (
        404,
        "CannotVerifyCopySource",
    )


def test_a_copy_lasts_as_long_as_its_source_sends(tmp_path: Path) -> None:
    service = blobs.Service(
        store=blobs.Store(tmp_path),
        accounts=lambda _: None,
        tokens=lambda _: None,
        authority=lambda: "",
    )

    async def patience() -> object:
        runner = blobs.runner(service)
        await runner.setup()
        assert service.session is not None
        found = service.session.timeout
        await runner.cleanup()
        return found

    assert asyncio.run(patience()) == ClientTimeout(
        total=None, sock_connect=30, sock_read=60
    )
    service.store.close()


def test_a_restart_fails_what_was_being_copied(
    tmp_path: Path, start: Start, slow: tuple[str, Slow]
) -> None:
    with start(tmp_path / "kept") as plane, plane.service() as client:
        container = client.create_container("pictures")
        container.get_blob_client("disk.vhd").start_copy_from_url(slow[0])

    with start(tmp_path / "kept") as plane, plane.service() as client:
        found = client.get_blob_client("pictures", "disk.vhd").get_blob_properties()

    assert (found.copy.status, found.size) == ("failed", 0)
    assert found.copy.status_description == (
        "500 InternalError the service was restarted while copying"
    )


@pytest.mark.parametrize(
    ("url", "detail"),
    [
        pytest.param(
            lambda blob: blob.url + "-not",
            "The specified blob does not exist: pictures/from-not.",
            id="absent",
        ),
        pytest.param(
            lambda blob: signed(blob) + "00",
            "AuthenticationFailed",
            id="badly-signed",
        ),
        pytest.param(
            lambda _: "https://example.com/a",
            "This embedded Azure reads from loopback only, not from example.com.",
            id="not-loopback",
        ),
        pytest.param(
            lambda _: "https://127.0.0.1:9/a",
            "Cannot connect to host 127.0.0.1:9",
            id="nobody-there",
        ),
    ],
)
def test_a_source_that_cannot_be_read_is_told(
    container: ContainerClient,
    source: BlobClient,
    url: Callable[[BlobClient], str],
    detail: str,
) -> None:
    blob = container.get_blob_client("to")

    with pytest.raises(HttpResponseError) as caught:
        blob.start_copy_from_url(url(source))

    assert caught.value.error_code == "CannotVerifyCopySource"
    assert detail in str(caught.value)
    assert not blob.exists()


def test_a_copy_at_once_is_done_when_answered(
    container: ContainerClient, source: BlobClient
) -> None:
    blob = container.get_blob_client("to")

    begun = blob.start_copy_from_url(signed(source), requires_sync=True)

    assert begun["copy_status"] == "success"
    assert blob.download_blob().readall() == b"0123456789"


def test_blobs_and_blocks_are_put_from_a_url(
    container: ContainerClient, source: BlobClient
) -> None:
    url = signed(source)
    whole = container.get_blob_client("whole")
    whole.upload_blob_from_url(url)
    parts = container.get_blob_client("parts")
    parts.stage_block_from_url("a", url, source_offset=0, source_length=3)
    parts.stage_block_from_url("b", url, source_offset=8, source_length=2)
    parts.commit_block_list([BlobBlock("b"), BlobBlock("a")])
    log = container.get_blob_client("log")
    log.create_append_blob()
    log.append_block_from_url(url, source_offset=2, source_length=2)

    assert whole.download_blob().readall() == b"0123456789"
    assert whole.get_blob_properties().content_settings.content_type == "text/plain"
    assert parts.download_blob().readall() == b"89012"
    assert log.download_blob().readall() == b"23"


# --- page blobs -----------------------------------------------------------


def test_pages_are_written_cleared_and_listed(container: ContainerClient) -> None:
    disk = container.get_blob_client("disk")
    disk.create_page_blob(4096, sequence_number=5)
    data = os.urandom(1024)

    disk.upload_page(data, 512, 1024)
    disk.upload_page(data[:512], 3072, 512, if_sequence_number_lte=5)
    disk.clear_page(512, 512)

    listed = [(page.start, page.end) for page in disk.list_page_ranges()]
    assert listed == [(1024, 1535), (3072, 3583)]
    expected = bytes(1024) + data[512:] + bytes(1536) + data[:512] + bytes(512)
    assert disk.download_blob().readall() == expected
    with pytest.raises(HttpResponseError) as caught:
        disk.upload_page(data, 0, 1024, if_sequence_number_lt=5)
    assert caught.value.error_code == "SequenceNumberConditionNotMet"
    disk.resize_blob(2048)
    assert disk.get_blob_properties().size == 2048
    assert [p.start for p in disk.list_page_ranges()] == [1024]


def test_a_large_page_blob_takes_no_space(
    container: ContainerClient, tmp_path: Path
) -> None:
    disk = container.get_blob_client("disk")
    disk.create_page_blob(30 * 1024**3)
    disk.clear_page(0, 30 * 1024**3)

    kept = list((tmp_path / "blobs" / "content").glob("*/*"))

    assert [path.stat().st_size for path in kept] == [30 * 1024**3]
    assert sum(path.stat().st_blocks for path in kept) == 0


def test_more_than_four_mebibytes_of_pages_are_not_put_at_once(
    container: ContainerClient, slow: tuple[str, Slow]
) -> None:
    disk = container.get_blob_client("disk")
    disk.create_page_blob(8 * 2**20)

    with pytest.raises(HttpResponseError) as caught:
        disk.upload_pages_from_url(slow[0], 0, 5 * 2**20, 0)

    assert caught.value.error_code == "RequestBodyTooLarge"


def test_pages_are_cleared_around_holes(
    container: ContainerClient, tmp_path: Path
) -> None:
    disk = container.get_blob_client("disk")
    disk.create_page_blob(3 * 2**20)
    for offset in (2**20 - 512, 2**20, 2 * 2**20):
        disk.upload_page(b"x" * 512, offset, 512)

    disk.clear_page(2**20, 2 * 2**20)

    (kept,) = (tmp_path / "blobs" / "content").glob("*/*")
    assert kept.stat().st_blocks < 100
    assert disk.download_blob().readall().strip(b"\0") == b"x" * 512
    assert [(p.start, p.end) for p in disk.list_page_ranges()] == [
        (2**20 - 512, 2**20 - 1)
    ]
