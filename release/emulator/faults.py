"""Faults on request."""

from __future__ import annotations

from release.emulator.ids import ResourceId


class Faults:
    """Faults that somebody asked for; none by default."""

    async def before(self, verb: str, resource_id: ResourceId) -> None:
        """Fail, hang or delay an operation before it does its work."""
