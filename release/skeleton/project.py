"""Make a project from the skeleton: copy its files under another name."""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path

from release.errors import UsageError

FILES = Path(__file__).parent / "files"
INSIDE = (
    ".ci/programs",
    ".github/workflows/release.yml",
    ".gitignore",
    "Makefile",
    "README.md",
    "azure-pipelines.yml",
    "conftest.py",
    "image/check.sh",
    "image/install.sh",
    "image/myservice.service",
    "image/recipe.toml",
    "image/service.py",
    "pyproject.toml",
    "release.toml",
    "requirements.txt",
    "tests/load/locustfile.py",
    "tests/load/test_thresholds.py",
    "tests/smoke/test_page.py",
    "tests/unit/test_service.py",
)
"""Files of a project; linters and editors leave others beside them."""
NAME = "myservice"
"""What the service is called in the skeleton."""
_ALLOWED = re.compile("[a-z][a-z0-9]{2,31}")
"""Fit for what is named after it: host names, groups, a gallery, a unit."""
OURS = "pytest-release"


def make(folder: Path, name: str = "") -> list[Path]:
    """Write a project into a folder, and return its files from there.

    Args:
        folder: Where to; it may exist.
        name: Of the service; "" is that of the folder.

    Raises:
        UsageError: The name does not do, or a file is there already: then none is
            written.
    """
    name = name or re.sub("[^a-z0-9]", "", folder.resolve().name.lower())
    if not _ALLOWED.fullmatch(name):
        raise UsageError(
            f'"{name}" cannot be the name of a service: it must have 3 to 32 letters '
            "a-z and digits, a letter first",
            fix="python -m release init --name NAME",
        )
    texts = project(name)
    there = [path for path in texts if (folder / path).exists()]
    if there:
        raise UsageError(
            f"{', '.join(map(str, there))} would be overwritten in {folder}",
            fix="make it in an empty folder, and take from there what you need",
        )
    for path, (text, mode) in texts.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        target.chmod(mode)
    return list(texts)


def project(name: str) -> dict[Path, tuple[str, int]]:
    """Return text and mode of each file of a project, by its path in there."""
    found = {}
    for inside in INSIDE:
        path = FILES / inside
        text = path.read_text(encoding="utf-8").replace(NAME, name)
        found[Path(inside.replace(NAME, name))] = (text, path.stat().st_mode & 0o777)
    asks = Path("requirements.txt")
    text, mode = found[asks]
    found[asks] = (text.replace(OURS, requirement(), 1), mode)
    return found


def requirement() -> str:
    """Return what pip is asked for to get the harness that runs here."""
    ours = importlib.metadata.distribution(OURS)
    told = json.loads(ours.read_text("direct_url.json") or "{}")
    if vcs := told.get("vcs_info"):
        return f"{OURS} @ {vcs['vcs']}+{told['url']}@{vcs['commit_id']}"
    return f"{OURS}=={ours.version}"
