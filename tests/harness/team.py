"""Machines of a team, which send their builds to one container."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path
from typing import Any

from release.azure.clients import Azure
from release.history.place import Place
from release.history.upload import Store
from tests.harness.history.conftest import record_of

TYPES = {
    "index.html": "text/html; charset=utf-8",
    "history.json": "application/json",
    "qa/2026.1123.0/journal.jsonl": "application/x-ndjson",
    "qa/2026.1123.0/junit.xml": "application/xml; charset=utf-8",
    "qa/2026.1123.0/load/rate.svg": "image/svg+xml",
    "qa/2026.1123.0/logs/driver.log": "text/plain; charset=utf-8",
    "qa/2026.1123.0/release.json": "application/json",
    "qa/2026.1123.0/report.html": "text/html; charset=utf-8",
    "qa/2026.1123.0/screenshots/page.png": "image/png",
}
"""What one build with all kinds of files leaves in the container."""


def archived(reports: Path, record: dict[str, Any]) -> str:
    """Put a build into a machine's own archive, with all kinds of files."""
    path = f"{record['environment']}/{record['build']}"
    for name in TYPES:
        if name.startswith("qa/"):
            file = reports / name.replace("qa/2026.1123.0", path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{path} {file.name}")
    (reports / path / "release.json").write_text(json.dumps(record))
    return path


def sent(azure: Azure, place: Place, reports: Path, *hours: float) -> list[str]:
    """Send builds begun at some hours; return what the index holds then."""
    builds = [archived(reports, record_of(hour)) for hour in hours]
    return [each.build for each in Store(azure, place).send(reports, builds).entries]


def together(azure: Azure, place: Place, root: Path, machines: int) -> None:
    """Send a build of each of several machines at once, each a process."""
    context = multiprocessing.get_context("fork")
    children = [
        context.Process(target=_alone, args=(azure, place, root / f"machine-{n}", n))
        for n in range(machines)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
    assert [child.exitcode for child in children] == [0] * machines


def _alone(azure: Azure, place: Place, reports: Path, number: int) -> None:
    own = Azure(azure.endpoint, azure.credential)
    sent(own, place, reports, number)
    own.close()


def types(azure: Azure, place: Place) -> dict[str, str]:
    """Content types of what is in the container, by name."""
    container = azure.blobs(place.account).get_container_client(place.container)
    return {
        blob.name.removeprefix(place.folder): blob.content_settings.content_type
        for blob in container.list_blobs(name_starts_with=place.folder)
    }


def text(azure: Azure, place: Place, name: str) -> str:
    """What a file of the container says."""
    container = azure.blobs(place.account).get_container_client(place.container)
    return container.download_blob(place.folder + name).readall().decode()


def builds(azure: Azure, place: Place) -> list[str]:
    """The builds in the ledger, all of them on the page too."""
    found = [
        f"{each['environment']}/{each['build']}"
        for each in json.loads(text(azure, place, "history.json"))["builds"]
    ]
    page = text(azure, place, "index.html")
    assert [path for path in found if f'href="{path}/report.html"' not in page] == []
    return found
