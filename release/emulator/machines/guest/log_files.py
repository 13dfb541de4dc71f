"""Read the logs that `logs` writes; quick to import, for the tools."""

from __future__ import annotations

import contextlib
from pathlib import Path

LOGS = Path("/run/log/units")


def tail(path: Path, lines: int) -> list[str]:
    """Return a log's last lines, from both its files."""
    text = b""
    for part in (Path(f"{path}.1"), path):
        with contextlib.suppress(OSError):
            data = part.read_bytes()
            text += data
    return text.decode(errors="replace").splitlines()[-lines:] if lines else []
