"""The recipe of docs/workers: a scale set of load workers, on the embedded Azure."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler
from http.server import ThreadingHTTPServer as Server
from pathlib import Path

import pytest

from release import environments
from release.azure import deployments, groups
from release.azure.clients import Azure
from release.load.health import lost
from release.load.profile import Profile, Workers
from release.load.run import run
from release.settings import load

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "docs" / "workers"
VISITORS = """
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.1)

    @task
    def visit(self):
        self.client.get("/")
"""
VNET = {
    "$schema": "https://schema.management.azure.com/schemas/2019-04-01/"
    "deploymentTemplate.json#",
    "contentVersion": "1.0.0.0",
    "resources": [
        {
            "type": "Microsoft.Network/virtualNetworks",
            "apiVersion": "2024-05-01",
            "name": "net",
            "location": "westeurope",
            "properties": {
                "addressSpace": {"addressPrefixes": ["10.90.0.0/16"]},
                "subnets": [
                    {"name": "workers", "properties": {"addressPrefix": "10.90.0.0/24"}}
                ],
            },
        }
    ],
    "outputs": {
        "subnet": {
            "type": "string",
            "value": "[resourceId('Microsoft.Network/virtualNetworks/subnets', 'net', "
            "'workers')]",
        }
    },
}
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGYRn8Tq0bT1mYxJ0sX2l3Yk2vQpZ2hJ8iCw4nKcG5aT"


class Site(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


def serve(handler: type[BaseHTTPRequestHandler] | partial) -> Iterator[str]:
    server = Server(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    yield from serve(Site)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the project of a service with a locustfile."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "load").mkdir()
    (folder / "load" / "locustfile.py").write_text(VISITORS)
    shutil.copy2(ROOT / "release.toml", folder)
    return folder


@pytest.fixture(scope="module")
def bundle(project: Path) -> Iterator[str]:
    """Pack the bundle as a user does; yield where machines can fetch it."""
    (project / "shared").mkdir()
    packed = (sys.executable, "load", "shared/load-worker.tar.gz")
    subprocess.run(["sh", str(RECIPE / "bundle.sh"), *packed], cwd=project, check=True)
    handler = partial(SimpleHTTPRequestHandler, directory=str(project / "shared"))
    for url in serve(handler):
        yield f"{url}/load-worker.tar.gz"


@pytest.fixture(scope="module")
def azure(project: Path) -> Iterator[Azure]:
    settings = load(project, "local", options={}, variables={})
    environments.up(project)
    connected = environments.connect(settings)
    yield connected
    connected.close()
    environments.down(project, forget=True)


def test_a_scale_set_of_workers_sends_two_loads(
    azure: Azure, bundle: str, site: str, project: Path
) -> None:
    groups.create(azure, "workers", location="westeurope", labels={})
    net = deployments.begin(azure, "workers", "net", VNET, {})
    template = json.loads((RECIPE / "scale-set.json").read_text())
    values = {
        "subnetId": net.collect(timeout_s=60)["subnet"],
        "instanceCount": 2,
        "processes": 2,
        "master": "127.0.0.1:6557",
        "bundleUrl": bundle,
        "sshPublicKey": KEY,
    }
    deployments.begin(azure, "workers", "workers", template, values).collect(
        timeout_s=120
    )
    plan = Profile(
        locustfile=project / "load" / "locustfile.py",
        users=8,
        spawn_rate=8,
        time_s=3,
        warmup_s=1,
        answer_s=1,
        processes=2,
        workers=Workers(
            expect=2, host="127.0.0.1", port=6557, wait_s=120, least_ratio=1
        ),
    )

    # A machine serves one release after the other.
    for name in ("first", "second"):
        told: list[str] = []
        found = run(
            plan,
            host=site,
            folder=project / name,
            progress=lambda live, told=told: told.append(str(live)),
        )

        assert lost(found) == ""
        hosts = Counter(each.name.rpartition("-")[0] for each in found.senders)
        assert hosts == {"load-worker000000": 2, "load-worker000001": 2}
        assert found.everything.failed == 0
        assert found.everything.good > 100
