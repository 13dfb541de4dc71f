"""What a body means where there is one already. Pure."""

from __future__ import annotations

import copy
from typing import Any

from release.emulator.kinds import Body, Kind
from release.emulator.store import Resource


def merged(
    kind: Kind, existing: Resource | None, body: Body, *, patch: bool = False
) -> Body:
    """Return a body as a write means it: merged where it merges, without nulls.

    What is read-only is as it was. A property that is null is one that is not there:
    clients send what they leave to Azure as null.
    """
    body = copy.deepcopy(body)
    for path in kind.read_only:
        _drop(body, *path.split("."))
    whole = _whole(kind, existing, body, patch=patch)
    if kind.keeps_nulls:
        return {k: _without_nulls(v) if k == "tags" else v for k, v in whole.items()}
    without: Body = _without_nulls(whole)
    return without


def _drop(value: Any, name: str, *below: str) -> None:
    for inner in value if isinstance(value, list) else (value,):
        if isinstance(inner, dict) and below:
            _drop(inner.get(name), *below)
        elif isinstance(inner, dict):
            inner.pop(name, None)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    return value


def _whole(kind: Kind, existing: Resource | None, body: Body, *, patch: bool) -> Body:
    if existing is None or not (patch or kind.puts_merge):
        return body
    whole: Body = merge(copy.deepcopy(existing.body), body)
    return whole


def merge(old: Any, new: Any) -> Any:
    """Merge JSON objects deeply; tags and anything else are replaced, null removes."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    whole = dict(old)
    for name, value in new.items():
        if value is None:
            whole.pop(name, None)
        else:
            whole[name] = value if name == "tags" else merge(whole.get(name), value)
    return whole
