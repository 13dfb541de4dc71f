"""The archive that the builder machine fetches: the same bytes for the same recipe.

Times, owners and the order of entries are fixed, so that its SHA-256 can be its
name and an unchanged payload is never sent twice.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

from release.bake.recipe import Recipe, steps_json

STEPS = "steps.json"


def write(recipe: Recipe, folder: Path) -> tuple[Path, str]:
    """Write the recipe's archive into a folder.

    Returns:
        The file, named after its content, and its SHA-256 in hexadecimal.
    """
    folder.mkdir(parents=True, exist_ok=True)
    unnamed = folder / f"payload.{recipe.name}.tmp"
    # Mostly wheels and pictures, compressed already: the quickest level will do.
    with (
        unnamed.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        steps = json.dumps(steps_json(recipe), indent=1).encode()
        archive.addfile(_entry(STEPS, len(steps)), io.BytesIO(steps))
        for file in recipe.files:
            entry = _entry(file.path, file.size_bytes, executable=file.executable)
            with file.local.open("rb") as content:
                archive.addfile(entry, content)
    with unnamed.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    return unnamed.replace(folder / f"{sha256}.tar.gz"), sha256


def _entry(path: str, size_bytes: int, *, executable: bool = False) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.size = size_bytes
    entry.mode = 0o755 if executable else 0o644
    entry.uname = entry.gname = "root"
    return entry
