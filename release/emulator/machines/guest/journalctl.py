"""``journalctl``: the bounded logs of the machine's services."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from .log_files import LOGS, tail
from .unit_files import full_name

_WITH_VALUE = ("unit", "lines", "output", "since", "until", "priority", "identifier")
_LETTERS = {"u": "unit", "n": "lines", "o": "output", "S": "since", "U": "until"}
_LETTERS |= {"p": "priority", "t": "identifier", "f": "follow"}
_EVERYTHING = 1 << 30
_STAMP_LENGTH = len("2026-01-31T12:34:56.789Z ")


def main(_tool: str, argv: list[str]) -> int:
    """Print the log of ``-u unit``, or of all units by time."""
    options = parse(argv)
    given = options.get("lines", ["all"])[-1] or "10"
    lines = int(given) if given.isdigit() else _EVERYTHING
    units = [full_name(name) for name in options.get("unit", [])]
    paths = [LOGS / f"{name.removesuffix('.service')}.log" for name in units]
    paths = paths or sorted(LOGS.glob("*.log"))
    found = [line for path in paths for line in tail(path, lines)]
    if len(paths) > 1:
        found.sort(key=lambda line: line[:_STAMP_LENGTH])
    skipped = _STAMP_LENGTH if options.get("output", [""])[-1] == "cat" else 0
    for line in found[-lines:] if lines else []:
        sys.stdout.write(f"{line[skipped:]}\n")
    if not found and lines:
        sys.stdout.write("-- No entries --\n")
    if "follow" in options:
        _follow(paths[-1])
    return 0


def parse(argv: list[str]) -> dict[str, list[str]]:
    """Read a command line of journalctl: each option with the values given to it."""
    options: dict[str, list[str]] = {}
    words = iter(argv)
    for word in words:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if name in _WITH_VALUE and not equals:
                value = next(words, "")
            options.setdefault(name, []).append(value)
            continue
        letters = word[1:] if word.startswith("-") else ""
        for at, letter in enumerate(letters):
            name = _LETTERS.get(letter, letter)
            if name in _WITH_VALUE:
                value = letters[at + 1 :] or next(words, "")
                options.setdefault(name, []).append(value)
                break
            options.setdefault(name, []).append("")
    return options


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
