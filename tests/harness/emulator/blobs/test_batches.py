"""Many requests in the body of one, through the SDK and as none writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import requests
from azure.storage.blob import (
    ContainerClient,
    ContainerSasPermissions,
    PartialBatchErrorException,
    StandardBlobTier,
    generate_container_sas,
)

from tests.harness.emulator.blobs.conftest import KEYS, Plane, Token

NAMES = ("a b", "dir/ü+%", "last")


@pytest.fixture
def filled(container: ContainerClient) -> ContainerClient:
    for name in NAMES:
        container.upload_blob(name, b"x", overwrite=True)
    return container


def remaining(container: ContainerClient) -> list[str]:
    return [blob.name for blob in container.list_blobs()]


def test_blobs_are_deleted_together(filled: ContainerClient) -> None:
    answers = list(filled.delete_blobs(*NAMES))
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert all(answer.headers["x-ms-request-id"] for answer in answers)
    assert remaining(filled) == []


def test_each_is_answered_by_itself(filled: ContainerClient) -> None:
    with pytest.raises(PartialBatchErrorException) as caught:
        filled.delete_blobs("a b", "missing", "last")
    found = [
        (part.status_code, part.headers.get("x-ms-error-code"))
        for part in caught.value.parts
    ]
    assert found == [(202, None), (404, "BlobNotFound"), (202, None)]
    assert remaining(filled) == ["dir/ü+%"]


def test_tiers_are_set_together(filled: ContainerClient) -> None:
    list(filled.set_standard_blob_tier_blobs(StandardBlobTier.COOL, *NAMES))
    assert {blob.blob_tier for blob in filled.list_blobs()} == {"Cool"}


@pytest.mark.parametrize("how", ["token", "signature"])
def test_each_is_signed_by_itself(
    plane: Plane, filled: ContainerClient, how: str
) -> None:
    signature = generate_container_sas(
        "shop",
        filled.container_name,
        account_key=KEYS[0],
        permission=ContainerSasPermissions(delete=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    service = plane.service(Token() if how == "token" else signature)
    with service.get_container_client(filled.container_name) as container:
        list(container.delete_blobs(*NAMES))
    assert remaining(filled) == []


def asked(plane: Plane, kind: str, body: bytes) -> tuple[int, str]:
    answer = requests.post(
        f"{plane.origin}/shop?comp=batch",
        data=body,
        headers={
            "Authorization": "Bearer ada",
            "Content-Type": kind,
            "x-ms-version": "2023-11-03",
        },
        verify=str(plane.ca),
        timeout=30,
    )
    return answer.status_code, answer.text


def part(line: str) -> bytes:
    head = "--b\r\nContent-Type: application/http\r\nContent-ID: 0\r\n\r\n"
    return f"{head}{line} HTTP/1.1\r\n\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        pytest.param(
            "application/xml",
            b"<x/>",
            "The body of a batch is multipart/mixed.",
            id="no-batch",
        ),
        pytest.param(
            "multipart/mixed; boundary=b",
            part("GET /shop/pictures/one") + b"--b--",
            "'GET comp=' is nothing that a batch may ask for: it has DELETE, PUT tier "
            "of blobs.",
            id="another-request",
        ),
        pytest.param(
            "multipart/mixed; boundary=b",
            part("DELETE /shop/pictures/one") * 257 + b"--b--",
            "A batch has at most 256 requests.",
            id="too-many",
        ),
    ],
)
def test_what_is_no_batch_is_refused(
    plane: Plane, kind: str, body: bytes, said: str
) -> None:
    status, text = asked(plane, kind, body)
    assert status == 400
    assert "<Code>InvalidInput</Code>" in text
    assert said in text


def test_a_path_may_leave_the_account_out(
    plane: Plane, filled: ContainerClient
) -> None:
    """As the SDK of 2020 writes it, which signs that path too."""
    line = f"DELETE /{filled.container_name}/last"
    head = "--b\r\nContent-Type: application/http\r\nContent-ID: 7\r\n\r\n"
    one = f"{head}{line} HTTP/1.1\r\nAuthorization: Bearer ada\r\n\r\n\r\n--b--"
    status, text = asked(plane, "multipart/mixed; boundary=b", one.encode())
    assert status == 202
    assert "Content-ID: 7\r\n\r\nHTTP/1.1 202 Accepted" in text
    assert remaining(filled) == ["a b", "dir/ü+%"]


def test_a_part_without_leave_is_refused_alone(plane: Plane) -> None:
    body = part("DELETE /shop/pictures/one") + b"--b--"
    status, text = asked(plane, "multipart/mixed; boundary=b", body)
    assert status == 202
    assert "HTTP/1.1 401 Unauthorized" in text
    assert "NoAuthenticationInformation" in text
