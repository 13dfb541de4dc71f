"""What clients asked for: a bounded list, for tests and for people.

Secrets in bodies are masked as they come in.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

KEEP = 5000
_SECRET = re.compile(
    r"password|secret|protected|customdata|sas$|bloburi$|key$", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One request."""

    number: int
    at: str
    method: str
    path: str
    query: str
    status: int
    client: str
    """The User-Agent header."""
    body: Any


class Traffic:
    """The last requests, oldest first."""

    def __init__(self) -> None:
        self._asked: deque[Asked] = deque(maxlen=KEEP)
        self._count = 0

    def note(
        self, *, method: str, path: str, query: str, status: int, client: str, body: Any
    ) -> None:
        """Add one."""
        self._count += 1
        self._asked.append(
            Asked(
                number=self._count,
                at=datetime.now(UTC).isoformat(),
                method=method,
                path=path,
                query=query,
                status=status,
                client=client,
                body=masked(body),
            )
        )

    def since(self, number: int = 0) -> list[dict[str, Any]]:
        """Return those after a number, as JSON."""
        return [asdict(asked) for asked in self._asked if asked.number > number]

    @property
    def count(self) -> int:
        """How many there were in all."""
        return self._count


def masked(value: Any, name: str = "") -> Any:
    """Return a JSON value with what looks like a secret replaced by ``***``."""
    if isinstance(value, dict):
        # A deployment has its parameters as {"adminPassword": {"value": "..."}}.
        return {
            key: masked(inner, name if key == "value" else key)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [masked(inner, name) for inner in value]
    return "***" if isinstance(value, str) and value and _SECRET.search(name) else value
