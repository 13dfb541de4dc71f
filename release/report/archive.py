"""A build's files, written and read."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from release import browser
from release.builds import RECORD, records
from release.errors import UsageError
from release.files import write_whole
from release.report import html
from release.report.junit import junit

JUNIT = "junit.xml"
IMAGES = (("picture", "webp", 900_000), ("screenshot", "png", 1_800_000))
"""What a report holds of what browsers showed: kind, format and bytes at the most. What
is beyond it lies beside the report only."""
HEAVY_BYTES = 150_000
"""A screenshot beyond it is shown as WebP, which takes a tenth of a second; what lies
beside the report stays as it is."""
SOURCES = 400_000
"""Characters of pages' sources that a report holds."""


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write ``release.json``, and ``junit.xml`` of it, into a build's folder."""
    write_whole(folder / JUNIT, junit(record))
    write_whole(folder / RECORD, json.dumps(record, indent=1).encode())


def write_alone(folder: Path, record: dict[str, Any], *, note: str) -> None:
    """Write record and report of a build whose pytest-html writes none.

    Args:
        folder: Where to.
        record: What the build came to.
        note: Who writes it when.
    """
    write_record(folder, record)
    page = html.page(record, note=note)
    (folder / "report.html").write_text(page, encoding="utf-8")


def read(reports: Path, *, environment: str = "", build: str = "") -> dict[str, Any]:
    """Return the record of an archived build: the one that is named, or the newest.

    Args:
        reports: The archive.
        environment: Whose builds; "" is those of all environments.
        build: Id of the build; "" is the one that started last.

    Raises:
        UsageError: There is none.
    """
    found = records(reports, f"{environment or '*'}/{build or '*'}")
    if not found:
        what = f"build {build}" if build else "build"
        of = f" of {environment}" if environment else ""
        raise UsageError(
            f"no {what}{of} is archived in {reports}",
            fix="a release archives itself when it ends: pytest --env NAME",
        )
    newest: dict[str, Any] = json.loads(found[0].read_text(encoding="utf-8"))
    return newest


def screenshots(folder: Path, record: Mapping[str, Any]) -> dict[str, str]:
    """Return what browsers showed as data URLs, as much as a report holds.

    Args:
        folder: The build's folder.
        record: What the build came to.
    """
    found: dict[str, str] = {}
    for kind, format_, most in IMAGES:
        left = most
        for name, path in _evidence(folder, record, kind):
            image, shown = path.read_bytes(), format_
            if len(image) > HEAVY_BYTES:
                image, shown = browser.scaled(image, 1), "webp"
            if len(image) <= left:
                left -= len(image)
                coded = base64.b64encode(image).decode()
                found[name] = f"data:image/{shown};base64,{coded}"
    return found


def sources(folder: Path, record: Mapping[str, Any]) -> dict[str, str]:
    """Return the source of pages that failed, as much of it as a report holds."""
    found: dict[str, str] = {}
    left = SOURCES
    for name, path in _evidence(folder, record, "page"):
        text = path.read_text(encoding="utf-8")
        if len(text) <= left:
            left -= len(text)
            found[name] = text
    return found


def _evidence(
    folder: Path, record: Mapping[str, Any], kind: str
) -> Iterator[tuple[str, Path]]:
    """Yield the files of one kind that tests left, by their name in the folder."""
    for test in record["tests"]:
        name = test["evidence"].get(kind)
        # What a try saw that failed is not what the test came to.
        if kind != "picture" and test["outcome"] == "passed":
            continue
        if name and (folder / name).is_file():
            yield name, folder / name


def drawings(folder: Path, record: Mapping[str, Any]) -> dict[str, str]:
    """Return pictures of canary and load as SVG, by their path in the folder."""
    named = [
        each["file"]
        for part in ("canary", "load")
        for each in (record.get(part) or {}).get("pictures", [])
    ]
    paths = {name: folder / name for name in named}
    return {
        name: path.read_text(encoding="utf-8")
        for name, path in paths.items()
        if path.is_file()
    }
