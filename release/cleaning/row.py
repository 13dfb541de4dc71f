"""One thing that may go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What it is."""

    BUILD = "build"
    LOCK = "lock"
    GROUP = "group"
    IMAGE = "image"
    BLOB = "blob"
    DEPLOYMENT = "deployment"
    SCALE_SET = "scale set"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One thing that may go, and why.

    Attributes:
        kind: What it is.
        name: Its name, as a person looks for it.
        build: Whose it is.
        since: When it came to be, as far as known; aware, UTC.
        why: Why it is no longer needed, as a clause.
        action: What is done with it.
        what: The value that was listed; what removing it needs.
    """

    kind: Kind
    name: str
    build: str
    since: datetime | None
    why: str
    action: str = "delete it"
    what: Any = None

    def age(self, now: datetime) -> str:
        """Return how old it is, in its largest unit; "" where that is not known."""
        if self.since is None:
            return ""
        left_s = max(0.0, (now - self.since).total_seconds())
        for unit, length_s in (("d", 86_400), ("h", 3_600), ("min", 60)):
            if left_s >= length_s:
                return f"{left_s / length_s:.0f} {unit}"
        return f"{left_s:.0f} s"

    def __str__(self) -> str:
        return f"{self.kind} {self.name}, {self.why}: {self.action}"

    def to_json(self) -> dict[str, str]:
        """Return it for a journal."""
        return {
            "kind": str(self.kind),
            "name": self.name,
            "build": self.build,
            "why": self.why,
        }
