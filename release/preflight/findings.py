"""What a preflight found. Values only, storable as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from release.preflight.what_if import WhatIf


class Severity(StrEnum):
    """What a finding does to the release."""

    STOPS = "stops"
    WARNS = "warns"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that stands in a release's way.

    Attributes:
        what: What is amiss, as a noun.
        where: The thing that it is about, by name.
        limit: What there may or should be.
        actual: What there is.
        fix: What to do, as an instruction.
        severity: Whether the release goes on.
    """

    what: str
    where: str
    limit: str
    actual: str
    fix: str
    severity: Severity = Severity.STOPS

    @property
    def stops(self) -> bool:
        """Whether the release ends here."""
        return self.severity is Severity.STOPS

    def __str__(self) -> str:
        return f"{self.what}, {self.where}: {self.actual}; limit: {self.limit}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Preflight:
    """All of it.

    Attributes:
        findings: Those that stop first.
        what_if: What the deployment would change; None when it could not be told.
        image: Which image is to be released; "" when it could not be told.
        duration_s: Seconds that it took.
    """

    findings: tuple[Finding, ...]
    what_if: WhatIf | None
    image: str = ""
    duration_s: float

    @property
    def stopping(self) -> tuple[Finding, ...]:
        """The findings that end the release."""
        return tuple(finding for finding in self.findings if finding.stops)

    @property
    def summary(self) -> str:
        """What was found, in a few words."""
        warnings = len(self.findings) - len(self.stopping)
        counted = (_many(len(self.stopping), "stop"), _many(warnings, "warning"))
        said = " and ".join(text for text in counted if text)
        return said or "nothing stands in the way"

    def to_json(self) -> dict[str, Any]:
        """Return it for a journal."""
        return {
            "duration_s": round(self.duration_s, 3),
            "summary": self.summary,
            "image": self.image,
            "findings": [asdict(finding) for finding in self.findings],
            "what_if": self.what_if.to_json() if self.what_if else None,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Preflight:
        """Read what `to_json` returned."""
        what_if = raw["what_if"]
        return cls(
            findings=tuple(
                Finding(**{**found, "severity": Severity(found["severity"])})
                for found in raw["findings"]
            ),
            what_if=WhatIf.from_json(what_if) if what_if else None,
            image=raw["image"],
            duration_s=raw["duration_s"],
        )


def ordered(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings with those that stop first."""
    return tuple(sorted(findings, key=lambda finding: not finding.stops))


def _many(count: int, noun: str) -> str:
    if not count:
        return ""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
