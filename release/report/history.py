"""``reports/index.html``: all builds of all environments, newest first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from release.report.html import index_page

_SHOWN = (
    "build",
    "environment",
    "verdict",
    "reason",
    "commit",
    "started_at",
    "duration_s",
    "image",
    "rollback",
)


def builds(reports: Path) -> list[dict[str, Any]]:
    """Return what the index shows of each archived build, newest first."""
    found = [_read(path) for path in reports.glob("*/*/release.json")]
    return sorted(found, key=lambda build: build["started_at"], reverse=True)


def _read(path: Path) -> dict[str, Any]:
    record = json.loads(path.read_text(encoding="utf-8"))
    return {name: record.get(name) for name in _SHOWN} | {
        "href": f"{path.parent.parent.name}/{path.parent.name}/report.html"
    }


def write_index(reports: Path) -> None:
    """Write the index anew, in one step."""
    draft = reports / ".index.html.part"
    draft.write_text(index_page(builds(reports)), encoding="utf-8")
    draft.replace(reports / "index.html")
