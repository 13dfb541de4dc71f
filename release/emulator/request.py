"""A request to the Resource Manager, as its parts read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One request to the Resource Manager, authenticated."""

    method: str
    path: str
    query: Mapping[str, str]
    """Names in lower case."""
    headers: Mapping[str, str]
    body: Any
    origin: str
    """scheme://host:port as the client wrote it."""
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def api_version(self) -> str:
        """The version asked for; any well-formed one is served."""
        return self.query.get("api-version", "")
