"""Packer itself: whether it is installed, and which version it is."""

from __future__ import annotations

from dataclasses import dataclass

from release import tools
from release.errors import ToolMissing

OLDEST = (1, 6, 6)
PLUGINS = (1, 7)
"""From here on templates may name plugins, which ``packer init`` installs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """An installed Packer."""

    path: str
    version: str

    @property
    def numbers(self) -> tuple[int, ...]:
        """Its version as numbers, for comparing."""
        return _numbers(self.version)

    @property
    def has_init(self) -> bool:
        """Whether it has ``packer init``."""
        return self.numbers >= PLUGINS


def find(*, path: str) -> Program:
    """Return Packer, found on PATH.

    Args:
        path: As in PATH.

    Raises:
        ToolMissing: It is not there, does not work or is too old.
    """
    place = tools.find("packer", path=path)
    if place is None:
        raise ToolMissing(
            "packer is not installed",
            fix="install Packer 1.6.6 or newer (Debian: apt-get install packer), or "
            'set image.builder = "native"',
        )
    ran = tools.run(place, "version")
    version = tools.version(ran.output)
    if ran.code != 0 or not version:
        raise ToolMissing(
            f"{place} version says: {ran.output}", fix="install Packer again"
        )
    if _numbers(version) < OLDEST:
        raise ToolMissing(
            f"{place} is Packer {version}",
            fix="install 1.6.6 or newer: HCL2 and this harness need it",
        )
    return Program(path=place, version=version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
