"""What differs between two bodies, as a what-if tells it.

Pure: two JSON values in, a list of property changes out. Objects are walked into and
their names joined to a path; arrays become one change with a child for each element.
https://learn.microsoft.com/rest/api/resources/deployments/what-if#whatifpropertychange
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Change = dict[str, Any]

_NOTHING: tuple[Any, ...] = (None, {}, [])
"""What is the same as no property at all."""


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return the property changes that lead from one object to the other."""
    return _objects("", before, after)


def same(before: Any, after: Any) -> bool:
    """Compare values; letter case does not count in resource ids and regions."""
    if isinstance(before, str) and isinstance(after, str):
        if before.lower().startswith("/subscriptions/"):
            return before.lower() == after.lower()
        return before == after
    if isinstance(before, dict) and isinstance(after, dict):
        return not _objects("", before, after)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(same, before, after))
    return type(before) is type(after) and bool(before == after)


def _objects(
    path: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[Change]:
    spelled = {name.lower(): name for name in before}
    changes: list[Change] = []
    for name, value in after.items():
        old = spelled.pop(name.lower(), None)
        here = f"{path}.{name}" if path else name
        if old is None:
            if value not in _NOTHING:
                changes.append(_change(here, "Create", after=value))
        else:
            changes.extend(_values(here, before[old], value))
    for name in spelled.values():
        if before[name] not in _NOTHING:
            here = f"{path}.{name}" if path else name
            changes.append(_change(here, "Delete", before=before[name]))
    return changes


def _values(path: str, before: Any, after: Any) -> list[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        return _objects(path, before, after)
    if same(before, after):
        return []
    if isinstance(before, list) and isinstance(after, list):
        children = _arrays(before, after)
        return [_change(path, "Array", children=children)] if children else []
    return [_change(path, "Modify", before=before, after=after)]


def _arrays(before: list[Any], after: list[Any]) -> list[Change]:
    """Match elements by name where they have one, otherwise by place."""
    left = dict(enumerate(before))
    changes: list[Change] = []
    for at, value in enumerate(after):
        old = _match(left, value, at)
        if old is None:
            changes.append(_change(str(at), "Create", after=value))
            continue
        former = left.pop(old)
        if same(former, value):
            continue
        if isinstance(former, dict) and isinstance(value, dict):
            inner = _objects("", former, value)
            changes.append(_change(str(at), "Modify", children=inner))
        else:
            changes.append(_change(str(at), "Modify", before=former, after=value))
    changes.extend(
        _change(str(at), "Delete", before=value) for at, value in left.items()
    )
    return changes


def _match(left: Mapping[int, Any], value: Any, at: int) -> int | None:
    equal = next((place for place, old in left.items() if same(old, value)), None)
    if equal is not None:
        return equal
    name = value.get("name") if isinstance(value, dict) else None
    if name is not None:
        return next(
            (
                place
                for place, old in left.items()
                if isinstance(old, dict) and old.get("name") == name
            ),
            None,
        )
    return at if at in left else None


def _change(path: str, what: str, **values: Any) -> Change:
    return {
        "path": path,
        "propertyChangeType": what,
        "before": values.get("before"),
        "after": values.get("after"),
        "children": values.get("children"),
    }
