"""``hostname``: a machine's name, and its own address instead of all of the host's."""

from __future__ import annotations

import os
import socket
import sys

_ADDRESSES = {"-i", "-I", "--ip-address", "--all-ip-addresses"}
_NAMES = {"-s", "-f", "-A", "--short", "--fqdn", "--long", "--all-fqdns"}


def main(tool: str, argv: list[str]) -> int:
    """Print the name or the address; a name is set for as long as the machine runs."""
    asked = argv[0] if argv else ""
    if asked in _ADDRESSES:
        sys.stdout.write(f"{os.environ.get('BIND_ADDRESS', '127.0.0.1')}\n")
        return 0
    if not asked or asked in _NAMES:
        sys.stdout.write(f"{socket.gethostname()}\n")
        return 0
    if asked.startswith("-"):
        sys.stderr.write(f"{tool}: the embedded Azure does not know {asked}\n")
        return 4
    try:
        socket.sethostname(asked)
    except PermissionError:
        sys.stderr.write(f"{tool}: you must be root to change the host name\n")
        return 1
    return 0
