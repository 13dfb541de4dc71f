"""An embedded Azure as a process of its own, and the harness's clients for it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from release.azure.clients import Azure, Endpoint
from release.azure.credential import credential
from release.settings import Account, Secret
from release.wait import Seen, wait_until


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    state = tmp_path_factory.mktemp("state")
    endpoint = state / "endpoint.json"
    with (state / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "release.emulator", "--state", str(state)],
            stdout=log,
            stderr=log,
        )
    try:
        _wait_for(endpoint, process, state / "server.log")
        azure = _azure(json.loads(endpoint.read_text()))
        yield azure
        azure.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait_for(file: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    def look() -> Seen[bool]:
        if process.poll() is not None:
            pytest.fail(f"the embedded Azure ended: {log.read_text()}")
        return Seen(what="nothing", value=True if file.exists() else None)

    wait_until("endpoint", look, timeout_s=30, interval_s=0.05, fix=str(log))


def _azure(told: dict[str, str]) -> Azure:
    endpoint = Endpoint(
        subscription=told["subscription"],
        arm_url=told["arm"],
        audience=told["arm"],
        known=False,
        authority_url=told["authority"],
        blob_url=f"{told['blob']}/{{account}}",
        ca=Path(told["ca"]),
        polling_interval_s=0.1,
    )
    account = Account(
        tenant_id=told["tenant"],
        client_id=told["client_id"],
        client_secret=Secret(told["client_secret"]),
    )
    return Azure(endpoint, credential(account, endpoint))
