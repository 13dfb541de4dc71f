"""The commit that a checkout is at, and those before it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_FORMAT = "%H%x00%s%x00%an%x00%aI"


@dataclass(frozen=True, kw_only=True, slots=True)
class Commit:
    """One commit, as git tells of it.

    Attributes:
        commit: Its name, in full.
        subject: First line of its message.
        author: Who wrote it.
        authored_at: ISO 8601, with the author's own offset.
    """

    commit: str
    subject: str
    author: str
    authored_at: str


def commit_of(root: Path) -> str:
    """Return the commit of a folder, with "-dirty" when files differ from it.

    Empty outside of git, before the first commit, or without git.
    """
    told = _git(root, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    return told.strip()


def commits(root: Path, *, since: str = "", most: int) -> list[Commit]:
    """Return the commits of a folder, newest first.

    Empty where git has none, or does not know the one since which they are asked for,
    as in a shallow clone.

    Args:
        root: The folder.
        since: A commit, which is left out with those before it; "" is none.
        most: How many at the most.
    """
    span = f"{since}..HEAD" if since else "HEAD"
    told = _git(root, "log", f"--max-count={most}", f"--format={_FORMAT}", span, "--")
    lines = [line.split("\0") for line in told.splitlines()]
    return [
        Commit(commit=name, subject=subject, author=author, authored_at=at)
        for name, subject, author, at in lines
    ]


def count_since(root: Path, commit: str) -> int | None:
    """Return how many commits came after one; None where git does not know it."""
    told = _git(root, "rev-list", "--count", f"{commit}..HEAD", "--").strip()
    return int(told) if told else None


def _git(root: Path, *command: str) -> str:
    """Return what git says; "" where it fails or is not there."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *command],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        return ""
    return "" if done.returncode else done.stdout
