"""A team's archive in Azurite, Microsoft's own emulator of blob storage.

`make test-azurite` names the program in the variable AZURITE. It believes a token of
any signature, so the release's credential is one whose tokens say what it looks at.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
import requests
import trustme
from azure.core.credentials import AccessToken

from release.azure.clients import Azure, Endpoint
from release.errors import ArchiveFailed
from release.history.place import Place
from release.wait import Seen, wait_until
from tests.harness import team

TENANT = "33333333-3333-3333-3333-333333333333"
ACCOUNT = "devstoreaccount1"


class Signed:
    """Tokens of a tenant, for storage."""

    def __init__(self, audience: str = "https://storage.azure.com") -> None:
        self._audience = audience

    def get_token(self, *_scopes: str, **_more: object) -> AccessToken:
        now = int(time.time())
        claims = {
            "aud": self._audience,
            "iss": f"https://sts.windows.net/{TENANT}/",
            "tid": TENANT,
            "iat": now - 60,
            "nbf": now - 60,
            "exp": now + 3600,
        }
        key = "a key that nobody checks, as long as a digest is"
        return AccessToken(jwt.encode(claims, key), now + 3600)


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """Azurite in a process of its own, with a certificate of our own authority."""
    folder = tmp_path_factory.mktemp("azurite")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    own = authority.issue_cert("127.0.0.1")
    own.private_key_pem.write_to_path(folder / "key.pem")
    own.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "--blobHost": "127.0.0.1",
        "--blobPort": str(port),
        "--location": str(folder),
        "--oauth": "basic",
        "--cert": str(folder / "cert.pem"),
        "--key": str(folder / "key.pem"),
    }
    command = [os.environ["AZURITE"], "--silent", "--skipApiVersionCheck"]
    command += [part for pair in options.items() for part in pair]
    url = f"https://127.0.0.1:{port}"
    with subprocess.Popen(command) as process:
        try:
            _wait_for(url, folder / "ca.pem")
            yield Endpoint(
                subscription=TENANT,
                arm_url="https://127.0.0.1:1",
                blob_url=f"{url}/{{account}}",
                ca=folder / "ca.pem",
                polling_interval_s=0.1,
            )
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(url: str, ca: Path) -> None:
    def look() -> Seen[bool]:
        try:
            requests.get(url, verify=str(ca), timeout=5)
        except requests.ConnectionError as error:
            return Seen(what=str(error))
        return Seen(what="it answers", value=True)

    wait_until("Azurite", look, timeout_s=60, interval_s=0.2, fix="see its output")


@pytest.fixture
def azure(endpoint: Endpoint) -> Iterator[Azure]:
    made = Azure(endpoint, Signed())
    yield made
    made.close()


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    """A container of the test's own, which nobody has made yet."""
    name = request.node.name.replace("_", "-")[:60].rstrip("-")
    return Place.of(f"https://{ACCOUNT}.blob.core.windows.net/{name}/shop")


def test_a_build_is_sent_with_its_index(azure: Azure, place: Place, tmp_path: Path):
    assert team.sent(azure, place, tmp_path, 0) == ["2026.1123.0"]
    assert team.types(azure, place) == team.TYPES
    assert team.builds(azure, place) == ["qa/2026.1123.0"]


def test_machines_make_one_history(azure: Azure, place: Place, tmp_path: Path):
    team.together(azure, place, tmp_path, machines=4)
    assert team.builds(azure, place) == [
        "qa/2026.1123.30000",
        "qa/2026.1123.20000",
        "qa/2026.1123.10000",
        "qa/2026.1123.0",
    ]


def test_a_token_for_something_else_is_refused_and_told(
    endpoint: Endpoint, place: Place, tmp_path: Path
):
    azure = Azure(endpoint, Signed(audience="https://vault.azure.net"))
    with pytest.raises(ArchiveFailed) as told:
        team.sent(azure, place, tmp_path, 0)
    azure.close()
    assert told.value.what.startswith(
        f"build qa/2026.1123.0 did not get to {place.url}: opening it failed: "
    )
