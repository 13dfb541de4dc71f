"""The archive: a build's folder goes to ``reports/`` whole, or not at all."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from release.errors import UsageError
from release.redaction import redact_files
from release.report.history import write_index

RECORD = "release.json"
SCREENSHOTS_BYTES = 900_000
"""Bytes of screenshots that a report holds; those beyond it lie beside it only."""


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write ``release.json`` into a build's folder."""
    (folder / RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")


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


def archive(folder: Path, target: Path, *, reports: Path) -> None:
    """Move a build's folder into the archive, redacted, and write the index anew.

    The folder is moved in one step where both lie on one disk; otherwise it is
    copied beside its place first, so that nobody sees half a build.

    Args:
        folder: The build's own folder.
        target: ``reports/<environment>/<build>``.
        reports: The archive, with the index.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for lock in folder.glob("*.lock"):
        lock.unlink()
    redact_files(folder)
    draft = target.with_name(f".{target.name}.part")
    if draft.exists():
        shutil.rmtree(draft)
    shutil.move(folder, draft)
    draft.replace(target)
    renew(reports)


def complete(reports: Path, environment: str) -> None:
    """Give moved folders their name that a kill in the midst left without."""
    for draft in (reports / environment).glob(".*.part"):
        target = draft.with_name(draft.name[1:].removesuffix(".part"))
        if (draft / RECORD).is_file() and not target.exists():
            draft.replace(target)


def renew(reports: Path) -> None:
    """Write the index anew."""
    with FileLock(reports / ".index.lock"):
        write_index(reports)
