"""A session of the unmodified Azure SDK for JavaScript."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.clients.conftest import Embedded

TEMPLATE = (
    Path(__file__).parents[2] / "harness/emulator/quickstarts/templates/health.json"
)


def test_a_scale_set_is_deployed_upgraded_and_deleted(embedded: Embedded) -> None:
    if "JAVASCRIPT" not in os.environ:
        pytest.fail("JAVASCRIPT is not set: run this with make test-javascript")
    done = subprocess.run(
        ["node", "session.js"],
        cwd=os.environ["JAVASCRIPT"],
        env={
            "PATH": os.environ["PATH"],
            "NODE_EXTRA_CA_CERTS": embedded.ca,
            "ARM": embedded.arm,
            "TENANT": embedded.tenant,
            "SUBSCRIPTION": embedded.subscription,
            "CLIENT_ID": embedded.client_id,
            "CLIENT_SECRET": embedded.client_secret,
            "TEMPLATE": str(TEMPLATE),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    saw = json.loads(done.stdout)
    assert saw.pop("refused")["message"].startswith(
        "The value Huge provided for the VM size is not valid. The valid sizes in the "
        "current region are: Standard_A1, "
    )
    assert saw == {
        "exists": {"body": True},
        "deployed": "Succeeded",
        "fleets": ["jsfleet"],
        "policy": "Rolling",
        "capacity": 3,
        "instances": 3,
        "codes": ["PowerState/running", "ProvisioningState/succeeded"],
        "tags": {"by": "javascript"},
        "left": 2,
        "rolled": "Completed",
        "absent": {
            "status": 404,
            "code": "ResourceNotFound",
            "message": "The Resource 'Microsoft.Compute/virtualMachineScaleSets/nobody'"
            " under resource group 'javascript' was not found. For more details please "
            "go to https://aka.ms/ARMResourceNotFoundFix",
        },
        "gone": 0,
        "existsStill": {"body": False},
    }
