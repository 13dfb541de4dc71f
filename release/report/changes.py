"""What a deployment changes in Azure, resource by resource. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST = 12
"""Properties of one resource that are shown; all are in release.json."""
LONGEST = 160
"""Characters of a value that are shown."""
ACTIONS = {
    "Create": "created",
    "Delete": "deleted",
    "Modify": "modified",
    "Deploy": "deployed",
}
"""What is worth a row (source: "Deployments - What If", changeType)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Property:
    """One property that changes."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """One resource that changes."""

    name: str
    kind: str
    action: str
    properties: tuple[Property, ...]
    more: int
    """Properties beyond those shown."""


def changes(what_if: Mapping[str, Any]) -> list[Resource]:
    """Return the resources that change, in Azure's order."""
    return [
        _resource(change)
        for change in what_if.get("changes") or ()
        if change["changeType"] in ACTIONS
    ]


def _resource(change: Mapping[str, Any]) -> Resource:
    kind, name = _names(change["resourceId"])
    found = list(_properties(change.get("delta") or ()))
    return Resource(
        name=name,
        kind=kind,
        action=ACTIONS[change["changeType"]],
        properties=tuple(found[:MOST]),
        more=max(len(found) - MOST, 0),
    )


def _names(identifier: str) -> tuple[str, str]:
    """Return type and name out of a resource's id; names of parents stay."""
    parts = identifier.strip("/").rpartition("providers/")[2].split("/")
    if "/providers/" not in identifier:
        parts = ["", *identifier.strip("/").split("/")[-2:]]
    return "/".join(parts[1::2]), "/".join(parts[2::2])


def _properties(
    delta: Sequence[Mapping[str, Any]], inside: str = ""
) -> Iterator[Property]:
    """Yield what changes at the leaves of a tree of changes."""
    for one in delta:
        path = str(one["path"])
        whole = f"{inside}[{path}]" if path.isdigit() else f"{inside}.{path}"
        whole = whole.removeprefix(".")
        children = one.get("children") or ()
        if children:
            yield from _properties(children, whole)
        elif one["propertyChangeType"] != "NoEffect":
            yield Property(
                path=whole, before=_value(one.get("before")), after=_value(one["after"])
            )


def _value(value: Any) -> str:
    if value is None:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    if len(text) <= LONGEST:
        return text
    # The end of an id tells more than its beginning.
    return f"…{text[-LONGEST:]}" if text.startswith("/") else f"{text[:LONGEST]}…"
