"""``service`` and ``invoke-rc.d``: a name, then a verb."""

from __future__ import annotations

import sys

from . import asking


def main(tool: str, argv: list[str]) -> int:
    """Ask the init as systemctl does."""
    words = [word for word in argv if not word.startswith("-")]
    if len(words) < 2:  # noqa: PLR2004 - a name and a verb
        sys.stderr.write(f"usage: {tool} NAME start|stop|restart|reload|status\n")
        return 1
    return asking.main("systemctl", [words[1], words[0]])
