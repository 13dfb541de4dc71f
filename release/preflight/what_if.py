"""What a deployment would change, in short and in whole. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

SIGNS = {"Create": "+", "Delete": "-", "Modify": "~", "Deploy": "~"}
"""Of changes worth a line; what stays as it is, and what could not be told, is
counted (source: "Deployments - What If", changeType)."""
WORDS = {
    "Create": "to create",
    "Delete": "to delete",
    "Modify": "to modify",
    "Deploy": "to deploy",
    "NoChange": "unchanged",
    "NoEffect": "unchanged",
    "Ignore": "left alone",
    "Unsupported": "not to be told",
}
SECRET = re.compile(r"password|secret|protectedsettings|customdata", re.IGNORECASE)
PATHS_SHOWN = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class WhatIf:
    """What a template deployment would change.

    Attributes:
        note: What was assumed where the release does not know yet.
        changes: As Azure told them, secrets masked.
    """

    note: str
    changes: tuple[Mapping[str, Any], ...]

    @classmethod
    def of(cls, changes: Sequence[Mapping[str, Any]], *, note: str) -> WhatIf:
        """Keep what Azure told."""
        return cls(note=note, changes=tuple(masked(change) for change in changes))

    @property
    def summary(self) -> str:
        """How many resources would change, and how."""
        counts = Counter(WORDS.get(_kind(one), _kind(one)) for one in self.changes)
        said = [f"{counts[w]} {w}" for w in dict.fromkeys(WORDS.values()) if counts[w]]
        return ", ".join(said) or "no resource"

    def lines(self) -> list[str]:
        """Return a line for each resource that would change."""
        return [
            f"{SIGNS[_kind(one)]} {short(one['resourceId'])}{_paths(one)}"
            for one in self.changes
            if _kind(one) in SIGNS
        ]

    def created(self, kind: str) -> int:
        """Return how many resources of a type would be created."""
        wanted = f"/providers/{kind}/".lower()
        return sum(
            _kind(one) == "Create" and wanted in one["resourceId"].lower()
            for one in self.changes
        )

    def deletions(self, allowed: Sequence[str]) -> list[str]:
        """Return what would be deleted, and no pattern allows.

        That is a whole resource, or a part of one that has a name of its own, such
        as a subnet: an element of a list that the template writes without it.

        Args:
            allowed: Patterns such as ``*/extensions/Monitor*``.
        """
        named = [name for one in self.changes for name in _deleted(one)]
        return [
            name
            for name in named
            if not any(fnmatchcase(name.lower(), each.lower()) for each in allowed)
        ]

    def to_json(self) -> dict[str, Any]:
        """Return it for a journal: whole, and in short."""
        return {
            "note": self.note,
            "summary": self.summary,
            "lines": self.lines(),
            "changes": list(self.changes),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> WhatIf:
        """Read what `to_json` returned."""
        return cls(note=raw["note"], changes=tuple(raw["changes"]))


def short(identifier: str) -> str:
    """Return type and name out of an id: ``virtualMachineScaleSets/web``."""
    _, found, rest = identifier.rpartition("/providers/")
    if not found:
        return "/".join(identifier.split("/")[-2:])
    return rest.partition("/")[2]


def masked(value: Any, name: str = "") -> Any:
    """Return a JSON value with what a name calls secret replaced by ``***``."""
    if SECRET.search(name) and isinstance(value, str | Mapping | list | tuple):
        return "***"
    if isinstance(value, Mapping):
        # A change tells its property's path and the values beside each other.
        path = str(value.get("path") or "")
        hidden = "propertyChangeType" in value and SECRET.search(path)
        return {
            key: masked(
                inner, path if hidden and key in ("before", "after") else str(key)
            )
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [masked(inner) for inner in value]
    return value


def _kind(change: Mapping[str, Any]) -> str:
    return str(change["changeType"])


def _paths(change: Mapping[str, Any]) -> str:
    """Return the properties that would change, the first few."""
    paths = [str(one["path"]) for one in change.get("delta") or ()]
    if not paths:
        return ""
    more = len(paths) - PATHS_SHOWN
    rest = f" and {more} more" if more > 0 else ""
    return f": {', '.join(paths[:PATHS_SHOWN])}{rest}"


def _deleted(change: Mapping[str, Any]) -> Iterator[str]:
    name = short(change["resourceId"])
    if _kind(change) == "Delete":
        yield name
    for one in change.get("delta") or ():
        yield from _elements(one, name)


def _elements(change: Mapping[str, Any], inside: str) -> Iterator[str]:
    """Yield the named elements that a list would lose, at any depth."""
    in_list = change["propertyChangeType"] == "Array"
    here = str(change["path"]).rpartition(".")[2]
    for child in change.get("children") or ():
        before = child.get("before")
        lost = child["propertyChangeType"] == "Delete" and isinstance(before, Mapping)
        if in_list and lost and before.get("name"):
            yield f"{inside}/{here}/{before['name']}"
        yield from _elements(child, inside)
