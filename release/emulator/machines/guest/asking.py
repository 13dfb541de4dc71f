"""``systemctl``: asks the init."""

from __future__ import annotations

import sys

from .answers import ask


def main(tool: str, argv: list[str]) -> int:
    """Print what the init answers; return its exit code."""
    try:
        answer = ask(tool, argv)
    except OSError as error:
        sys.stderr.write(f"Failed to connect to the init: {error.strerror}\n")
        return 1
    sys.stdout.write("".join(f"{line}\n" for line in answer.out))
    sys.stderr.write("".join(f"{line}\n" for line in answer.err))
    return answer.code
