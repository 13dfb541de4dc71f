"""Processes: which one this is, who started it, and whether another still runs."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

CLOCKS_DIFFER_S = 5
"""A start is told from the time of boot, which moves when the clock is set."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """A process, told apart from all others on all machines.

    Attributes:
        machine: Boot of a kernel and name space of process ids; "" where neither
            can be told, and then no other process is taken for one of this machine.
        pid: Process id in it.
        started_at_s: Seconds since the epoch: ids are given again.
    """

    machine: str
    pid: int
    started_at_s: float

    def to_json(self) -> dict[str, Any]:
        """Return it for a journal or a blob."""
        return asdict(self)

    def runs(self) -> bool | None:
        """Tell whether it still runs; None where it is another machine's."""
        if not self.machine or self.machine != _machine():
            return None
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.started_at_s) < CLOCKS_DIFFER_S
            return same and found.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def this() -> Process:
    """Return the process that asks."""
    own = psutil.Process()
    return Process(machine=_machine(), pid=own.pid, started_at_s=own.create_time())


def owner(variables: Mapping[str, str]) -> str:
    """Return who runs this: the address of a CI run, or user and host.

    Args:
        variables: The process environment; those of GitHub Actions, Azure Pipelines,
            GitLab and Jenkins are known.
    """

    def all_of(*names: str) -> list[str] | None:
        found = [variables.get(name, "").rstrip("/") for name in names]
        return found if all(found) else None

    if found := all_of("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"):
        return "{}/{}/actions/runs/{}".format(*found)
    if found := all_of("SYSTEM_COLLECTIONURI", "SYSTEM_TEAMPROJECT", "BUILD_BUILDID"):
        return "{}/{}/_build/results?buildId={}".format(*found)
    for name in ("CI_JOB_URL", "BUILD_URL"):
        if variables.get(name):
            return variables[name]
    return f"{_user()}@{socket.gethostname()}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's user need not have a name.
        return f"user {os.getuid()}"


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8")
        space = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return ""
    return f"{boot.strip()}/{space}"
