"""Copies of the sample project, in folders of their own, that benches release."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("app", "tests/smoke", "tests/load")
FILES = ("conftest.py", "pyproject.toml", "release.toml")


def copy_to(project: Path) -> None:
    """Copy the sample project; its downloaded wheels come along."""
    for part in PARTS:
        shutil.copytree(
            ROOT / part, project / part, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in FILES:
        shutil.copy2(ROOT / name, project / name)
    (project / ".venv").symlink_to(Path(sys.prefix))


def forgive_slowness(project: Path) -> None:
    """Lift the limits of times: a busy machine must not fail a bench's releases."""
    settings = project / "release.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(
        re.sub(r"\b(p\d+_ms|max_ms) = \d+", r"\1 = 60000", text), encoding="utf-8"
    )
