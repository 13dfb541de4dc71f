"""HTTPS on loopback: listeners, authentication, envelope, and what runs beneath.

`Server` builds the cloud from its state folder, listens, and puts everything back
as it was when it closes. It refuses any address that is not loopback.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import logging
import os
import secrets
import ssl
import time
import urllib.parse
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from release.emulator import (
    auth,
    blobs,
    conditions,
    faults,
    graph,
    metadata,
    principal,
    tls,
)
from release.emulator.addresses import Addresses, take_slice
from release.emulator.balancer import Balancer
from release.emulator.cloud import Cloud, Identity
from release.emulator.errors import ArmError, bad_request
from release.emulator.faults import Faults
from release.emulator.kinds import Kinds, Reply
from release.emulator.machines import Machines, free_port
from release.emulator.pace import Pace
from release.emulator.proxy import Proxy
from release.emulator.request import Request
from release.emulator.resources import KINDS, RESTORE, ROUTES, storage
from release.emulator.resources.compute.catalog import aliases
from release.emulator.routes import answer
from release.emulator.store import Store
from release.emulator.template import lenient
from release.emulator.traffic import Traffic

log = logging.getLogger(__name__)

RETRY_AFTER = "Retry-After"
MOST_BYTES = 4 * 2**20
"""Of a request (source: "Azure subscription and service limits", Template size)."""
TENANT = "11111111-1111-1111-1111-111111111111"
SUBSCRIPTION = "22222222-2222-2222-2222-222222222222"
OTHERS = ("22222222-2222-2222-2222-222222222223",)
CLIENT_ID = "33333333-3333-3333-3333-333333333333"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How to serve.

    Args:
        folder: The state folder; made when missing.
        host: A loopback address to listen on.
        arm_port: Port of the Resource Manager; 0 takes the last one, or any.
        blob_port: Port of the blob service; likewise.
        pace: 0 does things at once, 1 takes Azure-like times.
        page_size: Entries on a page of a list.
    """

    folder: Path
    host: str = "127.0.0.1"
    arm_port: int = 0
    blob_port: int = 0
    pace: float = 0
    page_size: int = 50


class Server:
    """The embedded Azure, listening.

    Args:
        options: How to serve.

    Raises:
        ValueError: The address is not loopback.
    """

    def __init__(self, options: Options) -> None:
        if not ipaddress.ip_address(options.host).is_loopback:
            raise ValueError(
                f"{options.host} is not a loopback address: the embedded Azure keeps "
                "no secret safe and listens on loopback only."
            )
        options.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.options = options
        self.traffic = Traffic()
        self.certificates = tls.certificates(options.folder)
        self.store = Store(options.folder / "state.sqlite")
        self.authority = auth.Authority(_identity(self.store), _key(self.store))
        self._exits = contextlib.AsyncExitStack()
        taken = take_slice(options.folder, self.store.fact("slice"))
        self._exits.callback(taken.mark.close)
        self.store.remember("slice", taken.second)
        self.cloud = _cloud(
            self.store,
            options,
            self.authority.identity,
            self.certificates.ca,
            Addresses(taken.second),
        )
        self.cloud.trust.load_verify_locations(self.certificates.ca)
        self._proxy_url = ""

    @property
    def endpoint(self) -> dict[str, Any]:
        """What a client must know to come here, secret included."""
        identity = self.authority.identity
        return {
            "schema": 1,
            "pid": os.getpid(),
            "arm": self.cloud.arm_origin,
            "blob": self.cloud.blob_origin,
            "ssh_port": self.cloud.machines.ssh_port,
            "proxy": self._proxy_url,
            "authority": self.cloud.arm_origin,
            "ca": str(self.certificates.ca),
            "pace": self.cloud.pace.scale,
            "tenant": identity.tenant,
            "subscription": identity.subscription,
            "client_id": identity.client_id,
            "client_secret": identity.client_secret,
            "started_at": datetime.now(UTC).isoformat(),
        }

    async def start(self) -> None:
        """Listen, boot what ran before, and write ``endpoint.json``.

        Raises:
            HostFault: This computer lacks what the balancer or the machines need.
        """
        # First of all: without HAProxy no machine need boot.
        await self.cloud.balancer.start()
        app = web.Application(client_max_size=MOST_BYTES)
        app.router.add_route("*", "/{path:.*}", self._handle)
        secure = self.certificates.context()
        self.cloud.arm_origin = await self._listen(
            app, "arm", self.options.arm_port, secure
        )
        self.cloud.machines.metadata_origin = await self._listen(
            metadata.application(self.cloud), "metadata", 0, None
        )
        await self._listen_for_blobs()
        await self._listen_for_tunnels()
        for restore in RESTORE:
            await restore(self.cloud)
        path = self.options.folder / "endpoint.json"
        draft = path.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(self.endpoint, indent=1), encoding="utf-8")
        draft.replace(path)

    async def _listen_for_blobs(self) -> None:
        service = storage.data_plane(
            self.cloud,
            tokens=self.authority.storage_identity,
            trust=ssl.create_default_context(cafile=self.certificates.ca),
            note=self._note_blob,
        )
        app = blobs.application(service)
        secure = self.certificates.context()
        self.cloud.blob_origin = await self._listen(
            app, "blob", self.options.blob_port, secure
        )

    async def _listen_for_tunnels(self) -> None:
        proxy = Proxy(
            arm=_host_and_port(self.cloud.arm_origin),
            blob=_host_and_port(self.cloud.blob_origin),
        )
        host = self.options.host
        remembered = self.store.fact("port.proxy") or 0
        try:
            listening = await proxy.start(host, remembered)
        except OSError:
            listening = await proxy.start(host, 0)
        port = listening.sockets[0].getsockname()[1]
        self.store.remember("port.proxy", port)
        self._proxy_url = f"http://{_bracketed(host)}:{port}"
        self._exits.push_async_callback(proxy.close)
        self._exits.callback(listening.close)

    def _note_blob(self, asked: blobs.Asked) -> None:
        self.traffic.note(
            method=asked.method,
            path=self.cloud.blob_origin + asked.path,
            query=asked.query,
            status=asked.status,
            client=asked.client,
            body=None,
        )

    async def _listen(
        self, app: web.Application, name: str, port: int, secure: ssl.SSLContext | None
    ) -> str:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
        await runner.setup()
        self._exits.push_async_callback(runner.cleanup)
        self._exits.callback(_drop_connections, runner)
        remembered = self.store.fact(f"port.{name}")
        for candidate in (port,) if port else (remembered or 0, 0):
            site = web.TCPSite(runner, self.options.host, candidate, ssl_context=secure)
            try:
                await site.start()
                break
            except OSError:
                await site.stop() if site in runner.sites else None
                if candidate == port:
                    raise
        bound = runner.addresses[0][1]
        self.store.remember(f"port.{name}", bound)
        scheme = "https" if secure else "http"
        return f"{scheme}://{_bracketed(self.options.host)}:{bound}"

    async def close(self) -> None:
        """Stop listening, stop machines and balancer; the state stays."""
        (self.options.folder / "endpoint.json").unlink(missing_ok=True)
        await self.cloud.operations.close()
        await self.cloud.background.close()
        await self.cloud.machines.close()
        await self.cloud.balancer.stop()
        await self._exits.aclose()
        self.cloud.blobs.close()
        self.store.close()

    # --- one request --------------------------------------------------------

    async def _handle(self, raw: web.Request) -> web.Response:
        started = time.monotonic()
        body: Any = None
        try:
            body, unreadable = await _body(raw)
            reply = await self._answer(raw, body, unreadable)
        except ArmError as error:
            reply = Reply(
                status=error.status,
                body={"error": error.body()},
                headers=error.headers,
            )
        except Exception:
            log.exception("%s %s broke", raw.method, raw.path)
            reply = Reply(
                status=500,
                body={
                    "error": {
                        "code": "InternalServerError",
                        "message": "The embedded Azure met an error of its own; its "
                        "log has the traceback.",
                    }
                },
            )
        if not raw.path.startswith("/emulator/"):
            self.traffic.note(
                method=raw.method,
                path=raw.path,
                query=raw.query_string,
                status=reply.status,
                client=raw.headers.get("User-Agent", ""),
                body=body,
            )
        log.debug(
            "%s %s %d %.3f s",
            raw.method,
            raw.path,
            reply.status,
            time.monotonic() - started,
        )
        if await self.cloud.faults.answer(raw.method, raw.path) and raw.transport:
            raw.transport.abort()
        return _response(raw, reply)

    async def _answer(
        self, raw: web.Request, body: Any, unreadable: ArmError | None
    ) -> Reply:
        origin = f"{raw.scheme}://{raw.host}"
        path = raw.path
        open_reply = self._without_token(raw, body, origin)
        if open_reply:
            return open_reply
        self.authority.check(raw.headers.get("Authorization"), origin=origin)
        if unreadable:
            raise unreadable
        if path.startswith(graph.PREFIX):
            wanted = raw.query.get("$filter", "")
            return graph.answer(self.cloud, raw.method, path, wanted, body)
        request = Request(
            method=raw.method,
            path=path,
            query={name.lower(): value for name, value in raw.query.items()},
            headers={name.lower(): value for name, value in raw.headers.items()},
            body=body,
            origin=origin,
        )
        reply = await answer(self.cloud, request, page_size=self.options.page_size)
        if RETRY_AFTER in reply.headers:
            headers = {**reply.headers, RETRY_AFTER: str(self.cloud.pace.poll_s)}
            return replace(reply, headers=headers)
        return reply

    def _no_token(self, raw: web.Request) -> Reply | None:
        """Refuse a token in Entra's form where a fault says so."""
        try:
            self.cloud.faults.token(raw.method, raw.path)
        except ArmError as error:
            said = {"error": error.code, "error_description": error.message}
            return Reply(status=error.status, body=said, headers=error.headers)
        return None

    def _without_token(
        self,
        raw: web.Request,
        body: Any,
        origin: str,
    ) -> Reply | None:
        """Answer what needs no token: Entra, metadata, the emulator's own pages."""
        path = raw.path.lower().rstrip("/")
        tenant = self.authority.identity.tenant
        if path.endswith(("/oauth2/token", "/oauth2/v2.0/token")):
            v1 = not path.endswith("/v2.0/token")
            endpoint = origin + raw.path
            refused = self._no_token(raw)
            return refused or self.authority.token(body or {}, endpoint=endpoint, v1=v1)
        if path.endswith("/.well-known/openid-configuration"):
            return Reply(body=auth.openid_configuration(origin, tenant))
        if path == "/emulator/principal":
            return self._principal(raw.method, body)
        if path == "/emulator/faults":
            return Reply(body=faults.answer(self.cloud.faults, raw.method, body))
        if path == "/emulator/conditions":
            self.cloud.conditions, told = conditions.answer(
                self.cloud.conditions, raw.method, body
            )
            return Reply(body=told)
        since = raw.query.get("since", "0")
        pages: dict[str, Callable[[], Any]] = {
            "/common/discovery/instance": lambda: _discovery(raw, origin, tenant),
            "/metadata/endpoints": lambda: _metadata(
                raw.query.get("api-version", ""), origin
            ),
            "/emulator/aliases.json": aliases,
            "/emulator/health": lambda: {"status": "ok", "pid": os.getpid()},
            "/emulator/requests": lambda: {
                "count": self.traffic.count,
                "value": self.traffic.since(_since(since)),
            },
            "/emulator/timeline": lambda: {
                "count": self.cloud.timeline.count,
                "value": self.cloud.timeline.since(_since(since)),
            },
        }
        return Reply(body=pages[path]()) if path in pages else None

    def _principal(self, method: str, body: Any) -> Reply:
        """Answer a request to ``/emulator/principal``; see `principal`."""
        principal.refuse_method(method)
        if method == "PUT":
            self.authority.principal = principal.read(body)
            self.cloud.roles.owner = self.authority.principal.owner
        identity = self.authority.identity
        ids = {"client_id": identity.client_id, "object_id": identity.object_id}
        return Reply(body=principal.shown(self.authority.principal, ids))


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _host_and_port(origin: str) -> tuple[str, int]:
    found = urllib.parse.urlsplit(origin)
    return found.hostname or "", found.port or 0


def _drop_connections(runner: web.AppRunner) -> None:
    """Drop what clients keep open: a TLS goodbye would be waited for, 30 s each."""
    for connection in runner.server.connections if runner.server else ():
        if connection.transport is not None:
            connection.transport.abort()


def _identity(store: Store) -> Identity:
    secret = store.fact("client_secret")
    if secret is None:
        secret = secrets.token_urlsafe(24)
        store.remember("client_secret", secret)
    return Identity(
        tenant=TENANT,
        subscription=SUBSCRIPTION,
        others=OTHERS,
        client_id=CLIENT_ID,
        client_secret=secret,
    )


def _key(store: Store) -> str:
    key = store.fact("token_key")
    if key is None:
        key = secrets.token_hex(32)
        store.remember("token_key", key)
    return str(key)


def _cloud(
    store: Store, options: Options, identity: Identity, ca: Path, addresses: Addresses
) -> Cloud:
    return Cloud(
        identity=identity,
        store=store,
        kinds=Kinds(KINDS, ROUTES),
        pace=Pace(options.pace),
        faults=Faults(),
        addresses=addresses,
        machines=Machines(
            options.folder / "machines",
            ca_pem=ca.read_bytes(),
            ssh_port=free_port(addresses.last),
        ),
        balancer=Balancer(options.folder / "balancer"),
        blobs=blobs.Store(options.folder / "blobs"),
    )


async def _body(raw: web.Request) -> tuple[Any, ArmError | None]:
    """Return what a request brings, or what is wrong with it."""
    try:
        content = await raw.read()
    except web.HTTPRequestEntityTooLarge:
        return None, ArmError(
            413,
            "RequestEntityTooLarge",
            "The request content size exceeds the maximum size of "
            f"{MOST_BYTES // 2**20} MB.",
        )
    if not content.strip():
        return None, None
    try:
        if raw.content_type == "application/x-www-form-urlencoded":
            return dict(urllib.parse.parse_qsl(content.decode())), None
        return lenient.loads(content), None
    except (UnicodeDecodeError, lenient.UnreadableJson) as error:
        return None, bad_request(
            "InvalidRequestContent",
            f"The request content was invalid and could not be deserialized: {error}",
        )


def _since(text: str) -> int:
    """Return the number from which on the emulator's own pages list."""
    if not text.isascii() or not text.isdecimal():
        raise bad_request(
            "InvalidParameter",
            f"The value '{text}' of parameter 'since' is invalid: expected a whole "
            "number.",
            target="since",
        )
    return int(text)


def _discovery(raw: web.Request, origin: str, tenant: str) -> dict[str, Any]:
    return {
        "tenant_discovery_endpoint": f"{origin}/{tenant}/v2.0/.well-known/"
        "openid-configuration",
        "api-version": "1.1",
        "metadata": [
            {
                "preferred_network": raw.host,
                "preferred_cache": raw.host,
                "aliases": [raw.host],
            }
        ],
    }


def _metadata(version: str, origin: str) -> Any:
    """Return the cloud's endpoints: an object since 2022-09-01, a list before."""
    cloud = {
        "name": "EmbeddedAzure",
        "portal": origin,
        "authentication": {
            "loginEndpoint": origin,
            "audiences": [
                "https://management.azure.com/",
                "https://management.core.windows.net/",
            ],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "resourceManager": origin,
        "graphAudience": "https://graph.windows.net/",
        "graph": "https://graph.windows.net/",
        "microsoftGraphResourceId": f"{origin}/",
        "media": "https://rest.media.azure.net",
        "batch": "https://batch.core.windows.net/",
        "gallery": origin,
        "vmImageAliasDoc": f"{origin}/emulator/aliases.json",
        "activeDirectoryDataLake": "https://datalake.azure.net/",
        "sqlManagement": "https://management.core.windows.net:8443/",
        "suffixes": {
            "storage": "core.windows.net",
            "keyVaultDns": "vault.azure.net",
            "sqlServerHostname": "database.windows.net",
            "acrLoginServer": "azurecr.io",
        },
    }
    return cloud if version >= "2022-09-01" else [cloud]


def _response(raw: web.Request, reply: Reply) -> web.Response:
    request_id = str(uuid.uuid4())
    headers = {
        "x-ms-request-id": request_id,
        "x-ms-correlation-request-id": raw.headers.get(
            "x-ms-correlation-request-id", request_id
        ),
        "x-ms-routing-request-id": f"WESTEUROPE:{request_id}",
        "Cache-Control": "no-cache",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "x-ms-client-request-id": raw.headers.get("x-ms-client-request-id", ""),
        **_rate_limits(raw.method),
        **reply.headers,
    }
    if reply.body is None:
        return web.Response(status=reply.status, headers=headers)
    return web.json_response(reply.body, status=reply.status, headers=headers)


def _rate_limits(method: str) -> Mapping[str, str]:
    """Return the header that counts what is left of Azure's token buckets.

    Nothing is throttled unless a fault asks for it; the numbers are the buckets'
    sizes (https://learn.microsoft.com/azure/azure-resource-manager/management/
    request-limits-and-throttling).
    """
    what = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}.get(method, "writes")
    left = {"reads": "249", "deletes": "199", "writes": "199"}[what]
    return {f"x-ms-ratelimit-remaining-subscription-{what}": left}


@contextlib.asynccontextmanager
async def serving(options: Options) -> AsyncIterator[Server]:
    """Serve while the block runs."""
    server = Server(options)
    try:
        await server.start()
        yield server
    finally:
        await server.close()
