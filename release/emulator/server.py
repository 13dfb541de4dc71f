"""HTTPS on loopback: listeners, and what runs beneath.

`Server` builds the cloud from its state folder, listens, and puts everything back
as it was when it closes. It refuses any address that is not loopback.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import secrets
import ssl
import stat
import urllib.parse
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from release.emulator import auth, blobs, metadata, tls
from release.emulator.addresses import Addresses, take_slice
from release.emulator.balancer import Balancer
from release.emulator.cloud import Cloud
from release.emulator.errors import HostFault
from release.emulator.faults import Faults
from release.emulator.identity import Identity
from release.emulator.kinds import Kinds
from release.emulator.machines import Machines, free_port
from release.emulator.pace import Pace
from release.emulator.proxy import Proxy
from release.emulator.resources import KINDS, RESTORE, ROUTES, storage
from release.emulator.store import Store
from release.emulator.traffic import Traffic
from release.emulator.wire import Wire


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
        HostFault: The state folder stays open to other users.
    """

    def __init__(self, options: Options) -> None:
        if not ipaddress.ip_address(options.host).is_loopback:
            raise ValueError(
                f"{options.host} is not a loopback address: the embedded Azure keeps "
                "no secret safe and listens on loopback only."
            )
        options.folder.mkdir(parents=True, exist_ok=True)
        _close_to_others(options.folder)
        self.options = options
        self.traffic = Traffic()
        self.certificates = tls.certificates(options.folder)
        self.store = Store(options.folder / "state.sqlite")
        self.authority = auth.Authority(Identity.of(self.store), _key(self.store))
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
        wire = Wire(
            self.cloud,
            self.authority,
            self.traffic,
            page_size=self.options.page_size,
        )
        secure = self.certificates.context()
        self.cloud.arm_origin = await self._listen(
            _runner(wire.application()), "arm", self.options.arm_port, secure
        )
        self.cloud.machines.metadata_origin = await self._listen(
            _runner(metadata.application(self.cloud)), "metadata", 0, None
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
        secure = self.certificates.context()
        self.cloud.blob_origin = await self._listen(
            blobs.runner(service), "blob", self.options.blob_port, secure
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
        self, runner: web.AppRunner, name: str, port: int, secure: ssl.SSLContext | None
    ) -> str:
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


def _runner(app: web.Application) -> web.AppRunner:
    return web.AppRunner(app, access_log=None, shutdown_timeout=2)


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


def _close_to_others(folder: Path) -> None:
    """Close a folder that was there already, too: it holds secrets."""
    if not folder.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return
    try:
        folder.chmod(0o700)
    except PermissionError:
        raise HostFault(
            f"the state folder {folder} is open to other users, and only its owner "
            "can close it",
            fix=f"chmod 700 {folder} as its owner, or name another folder",
        ) from None


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


@contextlib.asynccontextmanager
async def serving(options: Options) -> AsyncIterator[Server]:
    """Serve while the block runs."""
    server = Server(options)
    try:
        await server.start()
        yield server
    finally:
        await server.close()
