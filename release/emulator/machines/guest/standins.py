"""The tools that a machine has in place of the host's own.

Each is a small program, on PATH and over the host's own of the same name. Its module is
imported alone: a recipe may call a tool a hundred times.
"""

from __future__ import annotations

import importlib

TOOLS = {
    "apt": "packages",
    "apt-get": "packages",
    "cloud-init": "cloud_init",
    "halt": "power",
    "hostname": "hostname",
    "hostnamectl": "hostnamectl",
    "invoke-rc.d": "service_tool",
    "journalctl": "journalctl",
    "poweroff": "power",
    "reboot": "power",
    "service": "service_tool",
    "shutdown": "power",
    "sudo": "sudo",
    "systemctl": "asking",
    "waagent": "waagent",
}
"""The module of each tool, by the tool's name; its ``main`` is the tool."""


def main(tool: str, argv: list[str]) -> int:
    """Be a tool; return its exit code."""
    module = importlib.import_module(f".{TOOLS[tool]}", __package__)
    return int(module.main(tool, argv))
