"""``waagent``: what Azure's agent does when an image is about to be taken."""

from __future__ import annotations

import sys

from .provision import deprovision


def main(tool: str, argv: list[str]) -> int:
    """Deprovision, or tell the version."""
    words = {word.lstrip("-") for word in argv}
    if "version" in words:
        sys.stdout.write("WALinuxAgent-2.9.1.1 (stand-in of the embedded Azure)\n")
        return 0
    if words & {"deprovision", "deprovision+user"}:
        for line in deprovision(user="deprovision+user" in words):
            sys.stdout.write(f"{line}\n")
        return 0
    if words & {"start", "daemon", "run-exthandlers", "setup"}:
        return 0
    sys.stderr.write(
        f"{tool}: the embedded Azure knows -deprovision[+user] and -version\n"
    )
    return 1
