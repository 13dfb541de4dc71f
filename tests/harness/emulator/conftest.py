"""One embedded Azure for the whole session, in a thread, and real SDK clients."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.core.credentials import AccessToken
from azure.identity import ClientSecretCredential
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.resource.deployments import DeploymentsMgmtClient
from azure.mgmt.resource.resources import ResourceManagementClient

from release.emulator.server import Options, Server


@dataclass(frozen=True, kw_only=True)
class Running:
    """A running embedded Azure, and clients that nobody here wrote."""

    server: Server
    endpoint: dict[str, Any]
    credential: ClientSecretCredential
    resources: ResourceManagementClient
    deployments: DeploymentsMgmtClient
    compute: ComputeManagementClient

    @property
    def scope(self) -> str:
        """Id of the subscription."""
        return f"/subscriptions/{self.endpoint['subscription']}"

    def token(self) -> AccessToken:
        return self.credential.get_token("https://management.azure.com/.default")

    def tell(self, page: str, method: str, body: Any = None) -> dict[str, Any]:
        """Ask the embedded Azure's own page; return what it answers, errors too."""
        request = urllib.request.Request(
            f"{self.endpoint['arm']}/emulator/{page}",
            method=method,
            data=json.dumps(body).encode() if method == "PUT" else None,
            headers={"Content-Type": "application/json"},
        )
        trust = ssl.create_default_context(cafile=self.endpoint["ca"])
        try:
            with urllib.request.urlopen(request, context=trust) as answer:
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                found = json.load(error)
        return found

    def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Mapping[str, str], Any]:
        """Ask as no SDK would: any path, any body, any headers.

        A version is added to a path that has none.
        """
        if "api-version" not in path:
            path += ("&" if "?" in path else "?") + "api-version=2024-11-01"
        with requests.Session() as session:
            answer = session.request(
                method,
                self.endpoint["arm"] + path,
                data=body if isinstance(body, bytes | None) else json.dumps(body),
                headers={
                    "Authorization": f"Bearer {self.token().token}",
                    "Content-Type": "application/json",
                    **{k.replace("_", "-"): v for k, v in headers.items()},
                },
                verify=self.endpoint["ca"],
                timeout=30,
            )
        return answer.status_code, answer.headers, answer.text and answer.json()

    def requests(self) -> list[dict[str, Any]]:
        """What was asked so far."""
        context = self.server.certificates
        with urllib.request.urlopen(
            self.endpoint["arm"] + "/emulator/requests",
            context=ssl.create_default_context(cafile=context.ca),
        ) as answer:
            found: list[dict[str, Any]] = json.load(answer)["value"]
            return found


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """The event loop that servers run in, in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@pytest.fixture(scope="session")
def serve(loop: asyncio.AbstractEventLoop) -> Iterator[Callable[..., Server]]:
    """Start servers; all are closed at the end."""
    servers: list[Server] = []

    def start(options: Options) -> Server:
        server = asyncio.run_coroutine_threadsafe(_make(options), loop).result(60)
        servers.append(server)
        return server

    yield start
    # An SDK's response that nobody read to its end keeps its socket open.
    gc.collect()
    for server in servers:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(60)
    asyncio.run_coroutine_threadsafe(_hear_closes(), loop).result(60)


async def _hear_closes() -> None:
    """Let the loop read the ends of connections that clients have just closed."""
    for _ in range(20):
        await asyncio.sleep(0)


async def _make(options: Options) -> Server:
    server = Server(options)
    await server.start()
    return server


@pytest.fixture(scope="session")
def azure(
    serve: Callable[..., Server],
    connect: Callable[[Server], contextlib.AbstractContextManager[Running]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Running]:
    """The session's embedded Azure at instant pace, with SDK clients on it."""
    folder: Path = tmp_path_factory.mktemp("azure")
    with connect(serve(Options(folder=folder))) as running:
        yield running


@pytest.fixture(scope="session")
def connect() -> Callable[[Server], contextlib.AbstractContextManager[Running]]:
    """Make SDK clients of a server, for the time of a block."""
    return _connected


@contextlib.contextmanager
def _connected(server: Server) -> Iterator[Running]:
    endpoint = server.endpoint
    trust = {"connection_verify": endpoint["ca"]}
    credential = ClientSecretCredential(
        endpoint["tenant"],
        endpoint["client_id"],
        endpoint["client_secret"],
        authority=endpoint["authority"],
        disable_instance_discovery=True,
        **trust,
    )
    common: dict[str, Any] = {
        "base_url": endpoint["arm"],
        "polling_interval": 0.05,
        **trust,
    }
    subscription = endpoint["subscription"]
    with (
        credential,
        ResourceManagementClient(credential, subscription, **common) as resources,
        DeploymentsMgmtClient(credential, subscription, **common) as deployments,
        ComputeManagementClient(credential, subscription, **common) as compute,
    ):
        yield Running(
            server=server,
            endpoint=endpoint,
            credential=credential,
            resources=resources,
            deployments=deployments,
            compute=compute,
        )
    # Answers that a poller did not read to their end hold a connection each.
    gc.collect()
