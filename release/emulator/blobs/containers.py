"""Operations on containers."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from release.emulator.blobs import conditions, listing, xml
from release.emulator.blobs import lease as leases
from release.emulator.blobs.call import Call
from release.emulator.blobs.errors import BlobError
from release.emulator.blobs.records import Container
from release.emulator.blobs.services import endpoint

_PUBLIC = {None: "", "container": "container", "blob": "blob"}


async def create(call: Call) -> web.Response:
    """Answer Create Container."""
    address = call.address
    if call.store.container(address.account, address.container):
        raise BlobError("ContainerAlreadyExists")
    etag, now = call.stamp()
    container = Container(
        account=address.account,
        name=address.container,
        etag=etag,
        modified_at=now,
        metadata=call.metadata,
        public=_public(call),
    )
    call.store.save_container(container)
    return call.answer(201, container)


async def delete(call: Call) -> web.Response:
    """Answer Delete Container."""
    container = call.container()
    _admit_write(call, container)
    call.store.remove_container(container)
    return call.answer(202)


async def get_properties(call: Call) -> web.Response:
    """Answer Get Container Properties and Get Container Metadata."""
    container = call.container()
    given = call.header("x-ms-lease-id")
    leases.admit_read(container.lease, given=given, noun="Container", now=call.now)
    headers = {
        **{f"x-ms-meta-{name}": value for name, value in container.metadata.items()},
        **container.lease.headers(call.now),
        "x-ms-has-immutability-policy": "false",
        "x-ms-has-legal-hold": "false",
        "x-ms-default-encryption-scope": "$account-encryption-key",
        "x-ms-deny-encryption-scope-override": "false",
    }
    if container.public:
        headers["x-ms-blob-public-access"] = container.public
    return call.answer(200, container, headers)


async def set_metadata(call: Call) -> web.Response:
    """Answer Set Container Metadata."""
    container = call.container()
    _admit_write(call, container, lease_needed=False)
    etag, now = call.stamp()
    container = replace(container, metadata=call.metadata, etag=etag, modified_at=now)
    call.store.save_container(container)
    return call.answer(200, container)


async def get_acl(call: Call) -> web.Response:
    """Answer Get Container ACL."""
    container = call.container()
    public = {"x-ms-blob-public-access": container.public} if container.public else {}
    return call.answer(200, container, public, body=xml.policies(container.policies))


async def set_acl(call: Call) -> web.Response:
    """Answer Set Container ACL."""
    policies = xml.parse_policies(await call.document())
    container = call.container()
    _admit_write(call, container, lease_needed=False)
    etag, now = call.stamp()
    container = replace(
        container,
        public=_public(call),
        policies=policies,
        etag=etag,
        modified_at=now,
    )
    call.store.save_container(container)
    return call.answer(200, container)


async def list_blobs(call: Call) -> web.Response:
    """Answer List Blobs."""
    body = listing.page(call, call.container(), endpoint(call))
    return call.answer(200, body=body)


def _public(call: Call) -> str:
    asked = call.header("x-ms-blob-public-access")
    if asked not in _PUBLIC:
        raise BlobError("InvalidHeaderValue", f"x-ms-blob-public-access: {asked}")
    if asked and not call.account.public_allowed:
        raise BlobError("PublicAccessNotPermitted")
    return _PUBLIC[asked]


def _admit_write(
    call: Call, container: Container, *, lease_needed: bool = True
) -> None:
    conditions.check_write(
        call.request.headers, etag=container.etag, modified_at=container.modified_at
    )
    given = call.header("x-ms-lease-id")
    if lease_needed or given is not None:
        leases.admit_write(container.lease, given=given, noun="Container", now=call.now)
