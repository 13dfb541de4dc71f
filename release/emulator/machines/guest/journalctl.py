"""``journalctl``: the bounded logs of the machine's services."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from .log_files import LOGS, tail
from .unit_files import full_name

_WITH_VALUE = {"-u", "--unit", "-n", "--lines", "-o", "--output", "-S", "--since"}
_EVERYTHING = 1 << 30


def main(_tool: str, argv: list[str]) -> int:
    """Print the log of ``-u unit``, or of all units by time."""
    units, lines, follow = [], _EVERYTHING, False
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if not equals and name in _WITH_VALUE:
            value = next(words, "")
        elif name.startswith("-") and not name.startswith("--") and len(name) > 2:  # noqa: PLR2004 - such as -xeu or -n20
            letter = next((c for c in name[1:] if c in "un"), "")
            value = name.partition(letter)[2] or next(words, "") if letter else ""
            name = f"-{letter}" if letter else name
        if name in ("-u", "--unit"):
            units.append(full_name(value))
        elif name in ("-n", "--lines"):
            lines = int(value) if value.isdigit() else _EVERYTHING
        follow = follow or word in ("-f", "--follow")
    paths = [LOGS / f"{u.removesuffix('.service')}.log" for u in units]
    paths = paths or sorted(LOGS.glob("*.log"))
    found = [line for path in paths for line in tail(path, lines)]
    if len(paths) > 1:
        found.sort(key=lambda line: line[:24])
    for line in found[-lines:]:
        sys.stdout.write(f"{line}\n")
    if not found:
        sys.stdout.write("-- No entries --\n")
    if follow:
        _follow(paths[-1])
    return 0


def _follow(path: Path) -> None:
    with path.open(encoding="utf-8", errors="replace") as stream:
        stream.seek(0, 2)
        while True:
            line = stream.readline()
            if line:
                sys.stdout.write(line)
                sys.stdout.flush()
            else:
                time.sleep(0.2)
