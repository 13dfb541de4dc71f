"""A data plane of its own for a test, over HTTPS on loopback."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trustme
from aiohttp import web
from azure.core.credentials import AccessToken
from azure.storage.blob import BlobServiceClient, ContainerClient

from release.emulator import blobs

T = TypeVar("T")
KEYS = ("c2VjcmV0LW9uZS1vZi10aGUtYWNjb3VudA==", "c2VjcmV0LXR3by1vZi10aGUtYWNjb3VudA==")
TENANT = "11111111-1111-1111-1111-111111111111"
ADA = blobs.Identity(object_id="ada", tenant_id=TENANT)


@dataclass
class World:
    """What the data plane is told, for a test to change."""

    accounts: dict[str, blobs.Account] = field(
        default_factory=lambda: {"shop": blobs.Account(name="shop", keys=KEYS)}
    )
    tokens: dict[str, blobs.Identity] = field(default_factory=lambda: {"ada": ADA})
    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True)
class Plane:
    """A running data plane."""

    origin: str
    ca: Path
    world: World

    def service(
        self, credential: object | None = KEYS[0], account: str = "shop"
    ) -> BlobServiceClient:
        return BlobServiceClient(
            f"{self.origin}/{account}",
            credential=credential,
            connection_verify=str(self.ca),
            retry_total=0,
        )


class Token:
    """A credential that has its token already."""

    def __init__(self, token: str = "ada") -> None:  # noqa: S107 - no secret
        self.token = token

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        return AccessToken(self.token, 4102444800)


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's context, and the certificate to trust for it."""
    authority = trustme.CA()
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context, path


Start = Callable[[Path], AbstractContextManager[Plane]]


@pytest.fixture(scope="session")
def start(tls: tuple[ssl.SSLContext, Path]) -> Iterator[Start]:
    """Run data planes on folders, in one event loop of their own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(step: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(step, loop).result(20)

    @contextmanager
    def start(folder: Path) -> Iterator[Plane]:
        world = World()
        store, runner, origin = run(_serve(folder, world, tls))
        try:
            yield Plane(origin=origin, ca=tls[1], world=world)
        finally:
            run(_stop(store, runner))

    yield start
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


async def _serve(
    folder: Path, world: World, tls: tuple[ssl.SSLContext, Path]
) -> tuple[blobs.Store, web.AppRunner, str]:
    store = blobs.Store(folder)
    service = blobs.Service(
        store=store,
        accounts=world.accounts.get,
        tokens=world.tokens.get,
        authority=lambda: f"https://127.0.0.1:1/{TENANT}",
        trust=ssl.create_default_context(cafile=tls[1]),
        now=world.now,
    )
    runner = blobs.runner(service)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls[0]).start()
    return store, runner, f"https://127.0.0.1:{runner.addresses[0][1]}"


async def _stop(store: blobs.Store, runner: web.AppRunner) -> None:
    await stop(runner)
    store.close()


async def stop(runner: web.AppRunner) -> None:
    """Stop a server without waiting for clients that keep a connection open."""
    assert runner.server is not None
    for connection in runner.server.connections:
        if connection.transport is not None:
            connection.transport.abort()
    await runner.cleanup()


@pytest.fixture
def plane(tmp_path: Path, start: Start) -> Iterator[Plane]:
    """A fresh data plane with the account `shop`."""
    with start(tmp_path / "blobs") as running:
        yield running


@pytest.fixture
def service(plane: Plane) -> Iterator[BlobServiceClient]:
    """A client that signs with the account's key."""
    with plane.service() as client:
        yield client


@pytest.fixture
def container(service: BlobServiceClient) -> Iterator[ContainerClient]:
    """The container `pictures`, empty."""
    with service.get_container_client("pictures") as client:
        client.create_container()
        yield client
