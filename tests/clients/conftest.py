"""An embedded Azure in a process of its own, for clients that nobody here wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from release.wait import Seen, wait_until


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """Where a running embedded Azure is, and who may come in."""

    folder: Path
    arm: str
    blob: str
    ca: str
    proxy: str
    tenant: str
    subscription: str
    client_id: str
    client_secret: str


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """An embedded Azure of two entries a page, so that clients must turn pages."""
    folder = tmp_path_factory.mktemp("embedded")
    options = ["--state", str(folder), "--page-size", "2"]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "release.emulator", *options],
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            yield _started(process, folder)
        finally:
            process.terminate()


def _started(process: subprocess.Popen[bytes], folder: Path) -> Embedded:
    endpoint = folder / "endpoint.json"

    def look() -> Seen:
        assert process.poll() is None, (folder / "log").read_text()
        text = endpoint.read_text() if endpoint.exists() else None
        return Seen(what="it does not yet", value=text)

    text = wait_until(
        "the embedded Azure listens",
        look,
        timeout_s=30,
        interval_s=0.1,
        fix=f"read {folder}/log",
    )
    found = json.loads(text)
    names = [name for name in Embedded.__dataclass_fields__ if name != "folder"]
    return Embedded(folder=folder, **{name: found[name] for name in names})
