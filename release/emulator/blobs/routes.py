"""Which request is which operation, and what a SAS must allow for it.

Permissions are those of "Create an account SAS" and "Create a service SAS" in the
REST reference of Azure Storage; one of the letters is enough.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from release.emulator.blobs import (
    appends,
    batch,
    containers,
    copies,
    downloads,
    leasing,
    pages,
    services,
    uploads,
)
from release.emulator.blobs.address import Address
from release.emulator.blobs.call import Call
from release.emulator.blobs.errors import BlobError

Handler = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """An operation."""

    handler: Handler
    permissions: str
    """Letters of which a SAS needs one; "" when no SAS is enough."""
    service_sas: bool = True
    """Whether a SAS of a container or blob may do it; else only one of the account."""


_CONTAINER_READ = Route(containers.get_properties, "r", service_sas=False)
_BATCH = Route(batch.carry_out, "racwdxyltfmeiop")
"""Whatever a signature allows: each request in it has one of its own."""
_BLOB_HEAD = Route(downloads.get_properties, "r")

ROUTES: Mapping[tuple[str, str, str], Route] = {
    ("GET", "service", "list"): Route(services.list_containers, "l"),
    ("GET", "service", "properties"): Route(services.get_properties, "r"),
    ("POST", "service", "batch"): _BATCH,
    ("POST", "service", "userdelegationkey"): Route(
        services.get_user_delegation_key, ""
    ),
    ("PUT", "container", ""): Route(containers.create, "cw", service_sas=False),
    ("GET", "container", ""): _CONTAINER_READ,
    ("HEAD", "container", ""): _CONTAINER_READ,
    ("GET", "container", "metadata"): _CONTAINER_READ,
    ("HEAD", "container", "metadata"): _CONTAINER_READ,
    ("PUT", "container", "metadata"): Route(
        containers.set_metadata, "w", service_sas=False
    ),
    ("DELETE", "container", ""): Route(containers.delete, "d", service_sas=False),
    ("GET", "container", "list"): Route(containers.list_blobs, "l"),
    ("GET", "container", "acl"): Route(containers.get_acl, ""),
    ("PUT", "container", "acl"): Route(containers.set_acl, ""),
    ("POST", "container", "batch"): _BATCH,
    ("PUT", "container", "lease"): Route(
        leasing.lease_container, "wd", service_sas=False
    ),
    ("GET", "blob", ""): Route(downloads.get, "r"),
    ("HEAD", "blob", ""): _BLOB_HEAD,
    ("GET", "blob", "metadata"): Route(downloads.get_metadata, "r"),
    ("HEAD", "blob", "metadata"): Route(downloads.get_metadata, "r"),
    ("PUT", "blob", "put BlockBlob"): Route(uploads.put_block_blob, "cw"),
    ("PUT", "blob", "put AppendBlob"): Route(appends.create, "cw"),
    ("PUT", "blob", "put PageBlob"): Route(pages.create, "cw"),
    ("PUT", "blob", "page"): Route(pages.put_page, "w"),
    ("GET", "blob", "pagelist"): Route(pages.get_ranges, "r"),
    ("PUT", "blob", "copy from url"): Route(copies.copy, "cw"),
    ("PUT", "blob", "copy from url now"): Route(copies.copy_now, "cw"),
    ("PUT", "blob", "put from url"): Route(copies.put_from_url, "cw"),
    ("PUT", "blob", "copy"): Route(copies.abort, "w"),
    ("PUT", "blob", "block"): Route(uploads.put_block, "cw"),
    ("PUT", "blob", "blocklist"): Route(uploads.put_block_list, "cw"),
    ("GET", "blob", "blocklist"): Route(uploads.get_block_list, "r"),
    ("PUT", "blob", "appendblock"): Route(appends.append_block, "aw"),
    ("PUT", "blob", "seal"): Route(appends.seal, "w"),
    ("PUT", "blob", "metadata"): Route(uploads.set_metadata, "w"),
    ("PUT", "blob", "properties"): Route(pages.set_properties, "w"),
    ("PUT", "blob", "tier"): Route(uploads.set_tier, "w"),
    ("GET", "blob", "tags"): Route(uploads.get_tags, "t"),
    ("PUT", "blob", "tags"): Route(uploads.set_tags, "t"),
    ("PUT", "blob", "lease"): Route(leasing.lease_blob, "wd"),
    ("DELETE", "blob", ""): Route(uploads.delete, "d"),
}

ACCOUNT_INFORMATION = Route(services.get_account_information, "rwlacup")
_VERBS = {method for method, _, _ in ROUTES}
_NOT_SERVED = (
    "snapshot",
    "versionid",
)


def find(
    method: str,
    address: Address,
    fields: Mapping[str, str],
    headers: Mapping[str, str],
) -> Route:
    """Return the operation that a request asks for.

    Raises:
        BlobError: There is none; the message says what there is.
    """
    for name in _NOT_SERVED:
        if name in fields:
            raise BlobError("NotImplemented", f"This embedded Azure has no {name}s.")
    if fields.get("restype") == "account":
        return ACCOUNT_INFORMATION
    what = fields.get("comp", "")
    if (method, address.level, what) == ("PUT", "blob", ""):
        what = _put(headers)
    route = ROUTES.get((method, address.level, what))
    others = {m for m, level, w in ROUTES if (level, w) == (address.level, what)}
    if route is None and (others or method not in _VERBS):
        raise BlobError(
            "UnsupportedHttpVerb",
            f"'{method} comp={what}' of a {address.level} is not served by this"
            f" embedded Azure, which has {', '.join(sorted(others or _VERBS))} of it.",
            headers={"Allow": ", ".join(sorted(others or _VERBS))},
        )
    if route is None:
        have = sorted(
            f"{m} {w}".rstrip() for m, level, w in ROUTES if level == address.level
        )
        raise BlobError(
            "NotImplemented",
            f"'{method} comp={what}' of a {address.level} is not served by this"
            f" embedded Azure, which has: {', '.join(have)}.",
        )
    return route


def _put(headers: Mapping[str, str]) -> str:
    kind = headers.get("x-ms-blob-type")
    if "x-ms-copy-source" not in headers:
        if kind is None:
            raise BlobError("MissingRequiredHeader", "x-ms-blob-type")
        return f"put {kind}"
    if kind is not None:
        return "put from url"
    now = headers.get("x-ms-requires-sync") == "true"
    return "copy from url now" if now else "copy from url"
