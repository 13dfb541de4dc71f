"""What a release to a protected environment needs, so that none is an accident.

Pure but for `uncommitted`, which asks git.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from release.errors import UsageError
from release.settings import Settings

SHOWN = 5
CI = ("CI", "TF_BUILD")
"""How CI systems say that they run a job: GitHub, GitLab and most others; Azure
Pipelines."""


def check(settings: Settings, *, confirmed: str, variables: Mapping[str, str]) -> None:
    """See that a release may be made to an environment.

    Args:
        settings: Of the environment; one that is not protected needs nothing.
        confirmed: What ``--yes-release`` says.
        variables: The process environment.

    Raises:
        UsageError: It is protected, and something is missing; it lists all that is.
    """
    if not settings.env.protected:
        return
    found = reasons(
        settings.environment,
        commit=settings.commit,
        uncommitted=uncommitted(settings.root),
        confirmed=confirmed,
        ci=in_ci(variables),
    )
    if found:
        lines = "".join(f"\n  {reason}" for reason in found)
        raise UsageError(
            f"environment {settings.environment} is protected:{lines}",
            fix=f"see protected in release.toml, env.{settings.environment}",
        )


def reasons(
    environment: str,
    *,
    commit: str,
    uncommitted: Sequence[str],
    confirmed: str,
    ci: bool,
) -> list[str]:
    """Return why a protected environment may not be released to, each with the fix."""
    found = []
    if not commit:
        found.append("the commit is not known; release from a git checkout")
    elif uncommitted:
        names = ", ".join(uncommitted[:SHOWN])
        more = len(uncommitted) - SHOWN
        rest = f" and {more} more" if more > 0 else ""
        found.append(f"uncommitted changes in {names}{rest}; commit or stash them")
    if confirmed and confirmed != environment:
        found.append(
            f"--yes-release names {confirmed}; say --yes-release {environment}"
        )
    elif not confirmed and not ci:
        found.append(
            f"nobody confirmed it; say --yes-release {environment}, or release in CI"
        )
    return found


def in_ci(variables: Mapping[str, str]) -> bool:
    """Tell whether a CI system runs this."""
    return any(variables.get(name, "").lower() in ("true", "1") for name in CI)


def uncommitted(root: Path) -> list[str]:
    """Return the files that differ from the commit, those it does not have included."""
    command = ["git", "-C", str(root), "status", "--porcelain", "-z"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return []
    # Each entry is two letters, a space and a name; a renamed one's old name follows.
    entries = (entry for entry in done.stdout.split("\0") if entry[2:3] == " ")
    return [entry[3:] for entry in entries]
