"""The data plane as a web application: let in, carry out, answer as Azure does."""

from __future__ import annotations

import asyncio
import functools
import logging
import re
import uuid
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web

from release.emulator.blobs import address as addresses
from release.emulator.blobs import copies, routes, xml
from release.emulator.blobs.address import Address
from release.emulator.blobs.auth import Ask, Grant, authenticate
from release.emulator.blobs.call import Asked, Call, Service
from release.emulator.blobs.errors import BlobError

log = logging.getLogger(__name__)

NEWEST_VERSION = "2026-10-06"
"""Told to requests that name no version; newer ones are accepted too."""
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}$")
_SIGNATURE = re.compile(r"((?:^|&)sig=)[^&]*", re.IGNORECASE)
_CLIENT_GONE = 499
"""What the list of requests says; nobody is there to read it."""
_PATIENCE = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=60)
"""With the source of a copy: a large one takes long, a silent one is dead."""
_RESOURCE_LETTERS = {"service": "s", "container": "c", "blob": "o"}
_NOT_SERVED = (
    "x-ms-encryption-key",
    "x-ms-encryption-scope",
    "x-ms-content-crc64",
    "x-ms-source-content-crc64",
    "x-ms-structured-body",
    "x-ms-immutability-policy-mode",
    "x-ms-legal-hold",
)


def application(service: Service) -> web.Application:
    """Return the application that serves every account's blobs.

    A URL is `https://HOST/ACCOUNT/CONTAINER/BLOB`, or without the account when the
    Host header is `ACCOUNT.blob.ANYTHING`.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        response = await _serve(service, request)
        path, _, query = request.raw_path.partition("?")
        asked = Asked(
            method=request.method,
            path=path,
            query=_SIGNATURE.sub(r"\1***", query),
            status=response.status,
            client=request.headers.get("User-Agent", ""),
        )
        service.note(asked)
        return response

    async def sources(_: web.Application) -> AsyncIterator[None]:
        connector = aiohttp.TCPConnector(ssl=service.trust or True)
        async with aiohttp.ClientSession(
            connector=connector, timeout=_PATIENCE, auto_decompress=False
        ) as session:
            service.session = session
            copies.fail_interrupted(service.store, service.now())
            yield
            under_way = list(service.copies.values())
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            service.session = None

    app = web.Application()
    app.cleanup_ctx.append(sources)
    app.on_response_prepare.append(_add_headers)
    app.router.add_route("*", "/{path:.*}", handle)
    return app


def runner(service: Service) -> web.AppRunner:
    """Return what listens for the application: a body is stored as it comes."""
    return web.AppRunner(
        application(service),
        access_log=None,
        shutdown_timeout=2,
        auto_decompress=False,
    )


async def _add_headers(request: web.BaseRequest, response: web.StreamResponse) -> None:
    headers = response.headers
    headers["Server"] = "Embedded-Azure-Blob/1.0"
    headers["x-ms-request-id"] = str(uuid.uuid4())
    headers["x-ms-version"] = request.headers.get("x-ms-version", NEWEST_VERSION)
    if "x-ms-client-request-id" in request.headers:
        given = request.headers["x-ms-client-request-id"]
        headers["x-ms-client-request-id"] = given


async def _serve(service: Service, request: web.Request) -> web.StreamResponse:
    try:
        return await _carry_out(service, request)
    except BlobError as error:
        return _refusal(request, error)
    except ConnectionError as error:
        log.debug("%s %s: the client is gone: %s", request.method, request.path, error)
        return web.Response(status=_CLIENT_GONE)
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        return _refusal(request, BlobError("InternalError"))


def _refusal(request: web.Request, error: BlobError) -> web.Response:
    body = None
    headers = {"x-ms-error-code": error.code, **error.headers}
    if request.method != "HEAD" and error.status != web.HTTPNotModified.status_code:
        body = xml.error(error.code, error.message, error.fields)
        headers["Content-Type"] = "application/xml"
    return web.Response(status=error.status, headers=headers, body=body)


async def _carry_out(service: Service, request: web.Request) -> web.StreamResponse:
    raw_path, _, raw_query = request.raw_path.partition("?")
    query = addresses.parse_query(raw_query)
    fields = dict(query)
    address = addresses.parse(
        host=request.host,
        raw_path=raw_path,
        is_container=fields.get("restype") == "container",
    )
    service.check(request.method, raw_path)
    _check_headers(request)
    account = service.accounts(address.account)
    if account is None:
        raise BlobError(
            "ResourceNotFound", f"There is no storage account '{address.account}'."
        )
    ask = Ask(
        method=request.method,
        raw_path=raw_path,
        headers=request.headers,
        query=query,
        remote=request.remote or "",
        now=service.now(),
    )
    grant = authenticate(
        ask,
        address=address,
        account=account,
        container=service.store.container(address.account, address.container),
        tokens=service.tokens,
        challenge=f"Bearer authorization_uri={service.authority()}/oauth2/authorize"
        " resource_id=https://storage.azure.com",
    )
    route = routes.find(request.method, address, fields, request.headers)
    _check_allowed(route, grant, address)
    call = Call(
        request=request,
        address=address,
        account=account,
        grant=grant,
        fields=fields,
        now=ask.now,
        service=service,
        again=functools.partial(_serve, service),
    )
    return await route.handler(call)


def _check_headers(request: web.Request) -> None:
    version = request.headers.get("x-ms-version")
    if version is not None and not _VERSION.match(version):
        raise BlobError("InvalidHeaderValue", f"x-ms-version: {version}")
    for name in _NOT_SERVED:
        if name in request.headers:
            raise BlobError(
                "UnsupportedHeader", f"{name} is not served by this embedded Azure."
            )


def _check_allowed(route: routes.Route, grant: Grant, address: Address) -> None:
    if grant.how in {"key", "bearer"}:
        return
    if not grant.allows(route.permissions):
        raise BlobError("AuthorizationPermissionMismatch")
    if grant.how == "sas":
        if _RESOURCE_LETTERS[address.level] not in grant.resource_types:
            raise BlobError("AuthorizationResourceTypeMismatch")
    elif not route.service_sas and grant.how == "service-sas":
        raise BlobError("AuthorizationFailure")
