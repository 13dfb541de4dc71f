"""What a tool prints and returns."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Answer:
    """Lines and an exit code."""

    code: int = 0
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
