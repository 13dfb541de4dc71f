"""Files that an image is made of: their names, contents and modes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

_IGNORED = frozenset(
    {"__pycache__", ".git", ".DS_Store", ".mypy_cache", "packer_cache", "crash.log"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """One file."""

    path: str
    """As the digest and a payload name it, with forward slashes."""
    local: Path
    sha256: str
    size_bytes: int
    executable: bool


def walk(path: str, local: Path, problems: list[str]) -> dict[str, File]:
    """Return a file, or all files of a folder, by their paths.

    Args:
        path: What it is called.
        local: Where it is.
        problems: Gets a line for each symbolic link.
    """
    if local.is_symlink():
        problems.append(f"{path}: is a symbolic link; put the file itself there")
        return {}
    if local.is_dir():
        found: dict[str, File] = {}
        for child in sorted(local.iterdir()):
            if child.name not in _IGNORED and child.suffix != ".pyc":
                found.update(walk(f"{path}/{child.name}", child, problems))
        return found
    content = local.read_bytes()
    return {
        path: File(
            path=path,
            local=local,
            sha256=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
            executable=bool(local.stat().st_mode & 0o100),
        )
    }
