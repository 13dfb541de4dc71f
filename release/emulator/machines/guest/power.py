"""``shutdown``, ``poweroff``, ``halt`` and ``reboot``."""

from __future__ import annotations

from . import asking


def main(tool: str, argv: list[str]) -> int:
    """Ask the init to take the machine down."""
    again = tool == "reboot" or bool({"-r", "--reboot"} & {*argv})
    return asking.main("systemctl", ["reboot" if again else "poweroff"])
