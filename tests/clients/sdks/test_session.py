"""The same session of two generations of Azure's SDKs for Python."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.clients.conftest import Embedded

SESSION = Path(__file__).with_name("session.py")


@pytest.mark.parametrize("generation", ["track-1", "track-2"])
def test_a_generation_reads_all_that_it_is_told(
    embedded: Embedded, generation: str
) -> None:
    if "SDKS" not in os.environ:
        pytest.fail("SDKS is not set: run this with make test-sdks")
    done = subprocess.run(
        [f"{os.environ['SDKS']}/{generation}/bin/python", SESSION],
        env={
            "PATH": os.environ["PATH"],
            "REQUESTS_CA_BUNDLE": embedded.ca,
            "HTTPS_PROXY": embedded.proxy,
            "NO_PROXY": "127.0.0.1",
            "GENERATION": generation,
            "ENDPOINT": json.dumps(asdict(embedded), default=str),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    batches = {} if generation == "track-1" else {"emptied": True}
    assert json.loads(done.stdout) == batches | {
        "exists": True,
        "providers": True,
        "default rules": 6,
        "network kept": True,
        "network states": ["Succeeded", "Succeeded"],
        "fleet": ["Succeeded", 2, "SystemAssigned"],
        "fleet kept": True,
        "tags": {"by": "sdks"},
        "latest": [True, True, True],
        "codes": ["PowerState/running", "ProvisioningState/succeeded"],
        "ran": True,
        "summary": {"PowerState/running": 3, "ProvisioningState/succeeded": 3},
        "history": 0,
        "left": 2,
        "autoscale": "5",
        "account": ["Succeeded", "Succeeded"],
        "blob": ["dir/one", "sdks"],
        "blobs": ["dir/", "two"],
        "leased": [412],
        "absent": [404, "ResourceNotFound"],
        "kinds": [
            "loadBalancers",
            "networkSecurityGroups",
            "publicIPAddresses",
            "storageAccounts",
            "virtualMachineScaleSets",
            "virtualNetworks",
        ],
        "exists still": False,
    }
