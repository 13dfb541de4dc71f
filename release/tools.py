"""The programs that a release calls: whether they are there, and work."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass

ANSWER_S = 20
"""Seconds that a program may take to tell its version: a browser's first start
from a cold disk is slow."""
ADMIN_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where Debian keeps haproxy, and where PATH of an ordinary user does not look."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """What a program did."""

    code: int
    """-1 when it did not end in time or could not be started."""
    output: str


def find(name: str, *, path: str) -> str | None:
    """Return the path of a program, or None.

    Args:
        name: Its name.
        path: Folders to look in, as in PATH; those of an administrator are added.
    """
    return shutil.which(name, path=f"{path}{os.pathsep}{ADMIN_FOLDERS}")


def run(*command: str) -> Ran:
    """Run a program that should end at once."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=ANSWER_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Ran(code=-1, output=f"no answer in {ANSWER_S} s")
    except OSError as error:
        return Ran(code=-1, output=str(error))
    return Ran(code=done.returncode, output=done.stdout.strip())


def version(output: str) -> str:
    """Return the version that a program's output names, or ""."""
    found = re.search(r"\d+(?:\.\d+)+", output)
    return found[0] if found else ""


def sandbox_command(bwrap: str, *, root: bool) -> list[str]:
    """Return a command that needs of bubblewrap what a machine needs.

    An ordinary user needs a user namespace, which some systems forbid.
    """
    user = [] if root else ["--unshare-user", "--uid", "0", "--gid", "0"]
    return [
        *(bwrap, *user, "--unshare-pid", "--unshare-uts", "--unshare-ipc"),
        *("--hostname", "machine", "--die-with-parent"),
        *("--ro-bind", "/", "/", "--tmpfs", "/tmp", "--dev", "/dev"),  # noqa: S108 - inside
        *("--proc", "/proc", "--", "true"),
    ]
