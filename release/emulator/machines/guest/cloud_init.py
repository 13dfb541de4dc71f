"""``cloud-init``: how far a machine's own first script is."""

from __future__ import annotations

import sys
import time

_STATUS = "/run/cloud-init/status"
_LOOK_S = 0.05


def main(tool: str, argv: list[str]) -> int:
    """Answer ``status``, with ``--wait``; accept ``clean`` and the stages of a boot."""
    verb = argv[0] if argv else ""
    if verb == "status":
        status = _status()
        while status == "running" and "--wait" in argv:
            time.sleep(_LOOK_S)
            status = _status()
        sys.stdout.write(f"status: {status}\n")
        return int(status == "error")
    if verb in ("clean", "init", "modules"):
        return 0
    sys.stderr.write(f"{tool}: the embedded Azure knows status, clean, not {verb}\n")
    return 1


def _status() -> str:
    try:
        with open(_STATUS, encoding="ascii") as stream:  # noqa: PTH123 - quick to start
            return stream.read().strip()
    except OSError:
        return "running"
