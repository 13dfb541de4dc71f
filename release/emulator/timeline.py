"""When machines came, went and got well: a bounded list, oldest first.

It tells whoever asks where a release's time went.
"""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

KEEP = 2000


class What(StrEnum):
    """What is told of a machine."""

    DISK = "disk"
    """``copying``: it gets a disk of an image, and boots after that."""
    POWER = "power"
    """``starting``, ``running``, ``stopping``, ``stopped`` and the like."""
    HEALTH = "health"
    """``Healthy``, ``Unhealthy``, ``Unknown``, ``Initializing``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """A change of one machine."""

    number: int
    at: str
    """ISO 8601, UTC."""
    resource: str
    """Id of the virtual machine or instance."""
    what: What
    state: str


class Timeline:
    """The last changes, oldest first."""

    def __init__(self) -> None:
        self._moments: deque[Moment] = deque(maxlen=KEEP)
        self._count = 0

    def note(self, resource: str, what: What, state: str) -> None:
        """Add a change that happens now."""
        self._count += 1
        self._moments.append(
            Moment(
                number=self._count,
                at=datetime.now(UTC).isoformat(),
                resource=resource,
                what=what,
                state=state,
            )
        )

    def since(self, number: int = 0) -> list[dict[str, Any]]:
        """Return those after a number, as JSON."""
        return [asdict(it) for it in self._moments if it.number > number]

    @property
    def count(self) -> int:
        """How many there were in all."""
        return self._count
