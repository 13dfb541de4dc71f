"""A build's files, written and read."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from release.errors import UsageError
from release.files import write_whole

RECORD = "release.json"
SCREENSHOTS_BYTES = 900_000
"""Bytes of screenshots that a report holds; those beyond it lie beside it only."""


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write ``release.json`` into a build's folder."""
    write_whole(folder / RECORD, json.dumps(record, indent=1).encode())


def read(reports: Path, *, environment: str = "", build: str = "") -> dict[str, Any]:
    """Return the record of an archived build: the one that is named, or the newest.

    Args:
        reports: The archive.
        environment: Whose builds; "" is those of all environments.
        build: Id of the build; "" is the one that started last.

    Raises:
        UsageError: There is none.
    """
    found = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in reports.glob(f"{environment or '*'}/{build or '*'}/{RECORD}")
    ]
    if not found:
        what = f"build {build}" if build else "build"
        of = f" of {environment}" if environment else ""
        raise UsageError(
            f"no {what}{of} is archived in {reports}",
            fix="a release archives itself when it ends: pytest --env NAME",
        )
    newest: dict[str, Any] = max(found, key=lambda record: str(record["started_at"]))
    return newest


def screenshots(folder: Path, record: Mapping[str, Any]) -> dict[str, str]:
    """Return screenshots of failed tests as data URLs, as many as a report holds.

    Args:
        folder: The build's folder.
        record: What the build came to.
    """
    found: dict[str, str] = {}
    left = SCREENSHOTS_BYTES
    for test in record["tests"]:
        name = test["evidence"].get("screenshot")
        if name and (folder / name).stat().st_size <= left:
            image = (folder / name).read_bytes()
            left -= len(image)
            found[name] = f"data:image/png;base64,{base64.b64encode(image).decode()}"
    return found


def drawings(folder: Path, record: Mapping[str, Any]) -> dict[str, str]:
    """Return the load's pictures as SVG, by their path in the build's folder."""
    named = (record["load"] or {}).get("pictures", [])
    paths = {each["file"]: folder / each["file"] for each in named}
    return {
        name: path.read_text(encoding="utf-8")
        for name, path in paths.items()
        if path.is_file()
    }
