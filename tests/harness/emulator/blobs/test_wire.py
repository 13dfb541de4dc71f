"""Requests to the blob service as no SDK sends them: refused in Azure's own shape."""

from __future__ import annotations

import base64
import gzip
import hashlib
import itertools
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import requests

from tests.harness.emulator.blobs.conftest import Plane

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE")
PATHS = (
    *("/", "/shop", "/shop/", "/shop/pictures", "/shop/pictures/one", "/nobody/a/b"),
    *("/shop/pictures/%F0%9F%98%80/a%2Fb", "/shop/$root", "/shop/a//b", "/%00/%ff"),
    "/shop/pictures/" + "y" * 1100,
)
QUERIES = (
    *("", "restype=container", "comp=list", "restype=container&comp=list"),
    *("comp=nothing", "comp=", "restype=nothing", "comp=metadata", "comp=lease"),
    *("restype=container&comp=list&maxresults=x", "comp=list&maxresults=-1"),
    *("restype=container&comp=list&maxresults=0", "comp=list&marker=%00%ff"),
    *("restype=container&comp=list&marker=!&delimiter=%2F&prefix=%F0", "timeout=x"),
    *("restype=container&comp=list&include=nothing,,metadata", "comp=block"),
    *("comp=block&blockid=!!", "comp=blocklist&blocklisttype=x", "comp=appendblock"),
    *("comp=page", "comp=pagelist", "comp=tags", "comp=tier", "comp=properties"),
    *("comp=batch", "restype=container&comp=batch"),
    *("restype=account&comp=properties", "restype=service&comp=properties"),
    *("restype=service&comp=userdelegationkey", "restype=container&comp=acl"),
    *("snapshot=2020-01-01", "comp=copy&copyid=x", "comp=seal", "&&==&"),
)
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"x-ms-blob-type": "BlockBlob"},
    {"x-ms-blob-type": "Nothing"},
    {"x-ms-blob-type": "PageBlob", "x-ms-blob-content-length": "x"},
    {"x-ms-blob-type": "AppendBlob", "If-None-Match": "*"},
    {"Range": "bytes=x-y"},
    {"x-ms-range": "bytes=9999999-", "x-ms-range-get-content-md5": "true"},
    {"Range": "bytes=5-1"},
    {"If-Modified-Since": "yesterday"},
    {"If-Match": '"nope"', "If-None-Match": "*"},
    {"x-ms-version": "x"},
    {"x-ms-version": "1999-01-01"},
    {"x-ms-lease-action": "nothing", "x-ms-lease-duration": "x"},
    {"x-ms-lease-action": "acquire", "x-ms-lease-duration": "1"},
    {"x-ms-lease-id": "nope"},
    {"x-ms-copy-source": "nothing", "x-ms-requires-sync": "true"},
    {"Content-MD5": "nope", "x-ms-blob-type": "BlockBlob"},
    {"x-ms-access-tier": "Lukewarm"},
    {"x-ms-blob-condition-appendpos": "x", "x-ms-blob-condition-maxsize": "x"},
    {"x-ms-page-write": "update", "x-ms-range": "bytes=1-2"},
    {"x-ms-meta-": "x", "x-ms-meta-1a": "y"},
    {"x-ms-tags": "&&&="},
)
BODIES = (b"", b"x", b"<", b"<BlockList><Latest>!</Latest></BlockList>", b"\xff\xfe")
SIGNED = (
    *("sv=2020-02-10&sr=c&sp=r&sig=%C3%A9",),
    *("sv=2020-02-10&sig=x", "sig=", "sv=x&sp=zz&se=x&sr=q&sig=%00", "se=2020-01-01"),
)


@pytest.fixture
def session(plane: Plane) -> Iterator[requests.Session]:
    with requests.Session() as found:
        found.verify = str(plane.ca)
        found.headers["Authorization"] = "Bearer ada"
        found.headers["x-ms-version"] = "2023-11-03"
        yield found


@pytest.fixture(params=["some", pytest.param("all", marks=pytest.mark.matrix)])
def every(request: pytest.FixtureRequest) -> int:
    """Of so many requests one is sent; the full table is slow."""
    return 293 if request.param == "some" else 1


def send(plane: Plane, session: requests.Session, method: str, tail: str, **more: Any):
    request = requests.Request(method, plane.origin, **more)
    prepared = session.prepare_request(request)
    prepared.url = plane.origin + tail
    return session.send(prepared, verify=str(plane.ca), timeout=30)


def faults(answer: requests.Response) -> str:
    """What is wrong with an answer; "" for nothing."""
    for name in ("x-ms-request-id", "x-ms-version"):
        if name not in answer.headers:
            return f"no {name}"
    if answer.status_code >= 400 and answer.status_code != 501:
        if answer.status_code >= 500:
            return "broke"
        if not answer.headers.get("x-ms-error-code", "").isalnum():
            return "no x-ms-error-code"
        if answer.request.method == "HEAD":
            return ""
        root = ET.fromstring(answer.content)  # noqa: S314 - our own
        code = answer.headers["x-ms-error-code"]
        if (root.tag, root.findtext("Code")) != ("Error", code):
            return "no error document"
    return ""


def test_no_request_breaks_the_service(
    plane: Plane, session: requests.Session, every: int
) -> None:
    put = {"x-ms-blob-type": "BlockBlob"}
    send(plane, session, "PUT", "/shop/pictures?restype=container")
    send(plane, session, "PUT", "/shop/pictures/one", headers=put, data=b"content")
    table = itertools.product(METHODS, PATHS, QUERIES, HEADERS)
    wrong = []
    for number, (method, path, query, headers) in enumerate(table):
        if number % every:
            continue
        tail = f"{path}?{query}" if query else path
        body = BODIES[number // every % len(BODIES)]
        answer = send(plane, session, method, tail, headers=headers, data=body)
        if fault := faults(answer):
            wrong.append(f"{fault}: {method} {tail} {headers} -> {answer.text:.200}")
    assert wrong == []


def test_no_signature_breaks_the_service(
    plane: Plane, session: requests.Session
) -> None:
    del session.headers["Authorization"]
    heads: tuple[dict[str, str], ...] = (
        {},
        {"Authorization": "SharedKey shop:nope"},
        {"Authorization": "SharedKey"},
        {"Authorization": "SharedKey shop:\xe9", "x-ms-date": formatdate(usegmt=True)},
        {"Authorization": "Bearer nobody"},
        {"Authorization": "Basic x", "x-ms-date": "yesterday"},
    )
    wrong = []
    for signed, headers in itertools.product(("", *SIGNED), heads):
        answer = send(
            plane, session, "GET", f"/shop/pictures/one?{signed}", headers=headers
        )
        if answer.status_code not in (401, 403, 404, 400) or faults(answer):
            wrong.append(f"{signed} {headers} -> {answer.status_code} {answer.text}")
    assert wrong == []


def test_a_packed_body_is_kept_as_it_came(
    plane: Plane, session: requests.Session
) -> None:
    send(plane, session, "PUT", "/shop/pictures?restype=container")
    packed = gzip.compress(b"content" * 1000)
    digest = hashlib.md5(packed, usedforsecurity=False).digest()
    kept = {
        "Content-Encoding": "gzip",
        "Content-Language": "de",
        "Content-MD5": base64.b64encode(digest).decode(),
        "Content-Type": "text/plain",
        "Cache-Control": "no-store",
    }
    put = {**kept, "x-ms-blob-type": "BlockBlob", "x-ms-blob-cache-control": "private"}

    made = send(plane, session, "PUT", "/shop/pictures/a", headers=put, data=packed)

    found = send(plane, session, "GET", "/shop/pictures/a")
    assert (made.status_code, int(found.headers["Content-Length"])) == (
        201,
        len(packed),
    )
    assert found.content == b"content" * 1000
    told = {name: found.headers[name] for name in kept}
    assert told == kept | {"Cache-Control": "private"}


@pytest.mark.parametrize("url", ["nothing", "http://[/", "https://h:x/a?sig=secret"])
def test_a_source_that_is_no_url_is_refused(
    plane: Plane, session: requests.Session, url: str
) -> None:
    send(plane, session, "PUT", "/shop/pictures?restype=container")
    source = {"x-ms-copy-source": url}

    answer = send(plane, session, "PUT", "/shop/pictures/a", headers=source)

    assert (answer.status_code, faults(answer)) == (400, "")
    assert f"x-ms-copy-source: {url.partition('?')[0]}<" in answer.text


def test_a_verb_that_there_is_not_is_refused(
    plane: Plane, session: requests.Session
) -> None:
    answer = send(plane, session, "PUT", "/shop?restype=service&comp=properties")
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (
        405,
        "UnsupportedHttpVerb",
    )
    assert (
        "'PUT comp=properties' of a service is not served by this embedded Azure, "
        "which has GET of it."
    ) in answer.text
    assert send(plane, session, "PATCH", "/shop/pictures/one").status_code == 405
