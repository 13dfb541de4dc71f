"""``cloud-init``: provisioning is done when a machine runs anything."""

from __future__ import annotations

import sys


def main(tool: str, argv: list[str]) -> int:
    """Answer ``status``; accept ``clean`` and the stages of a boot."""
    verb = argv[0] if argv else ""
    if verb == "status":
        sys.stdout.write("status: done\n")
        return 0
    if verb in ("clean", "init", "modules"):
        return 0
    sys.stderr.write(f"{tool}: the embedded Azure knows status, clean, not {verb}\n")
    return 1
