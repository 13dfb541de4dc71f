"""``hostnamectl``: a machine's name is its deployment's."""

from __future__ import annotations

import socket
import sys


def main(tool: str, argv: list[str]) -> int:
    """Print the name; refuse to change it."""
    if len(argv) > 1:
        sys.stderr.write(f"{tool}: the name of this machine is its deployment's\n")
        return 1
    sys.stdout.write(f"{socket.gethostname()}\n")
    return 0
