"""Values of the template language: their kinds, their text, their comparison.

Pure: values in, values out. Azure's names for kinds are used in messages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, TypeAlias

Json: TypeAlias = Any
"""What JSON can hold. Its kind is found out where it is used, as in the language."""


class Unknown(Enum):
    """The one value that is not known before other resources are deployed."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN


def kind(value: Json) -> str:
    """Return the name that Azure's messages use for the kind of a value."""
    if value is None:
        return "Null"
    names = (
        (bool, "Boolean"),
        (int, "Integer"),
        (float, "Float"),
        (str, "String"),
        (list, "Array"),
        (dict, "Object"),
    )
    return next((name for type_, name in names if isinstance(value, type_)), "Unknown")


def is_number(value: Json) -> bool:
    """Tell whether a value is a number; a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def text_of(value: Json) -> str:
    """Return a value as ``string()`` and ``concat()`` write it.

    >>> text_of(True), text_of([1, {"a": None}])
    ('True', '[1,{"a":null}]')
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def same(one: Json, other: Json) -> bool:
    """Compare as ``equals()`` does: kinds count, letter case of strings counts."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def key_of(mapping: Mapping[str, Json], name: str) -> str | None:
    """Return the key that stands for ``name``, letter case aside."""
    if name in mapping:
        return name
    wanted = name.lower()
    return next((key for key in mapping if key.lower() == wanted), None)


def item_of(mapping: Mapping[str, Json], name: str, default: Json = None) -> Json:
    """Return the value under ``name``, letter case aside."""
    key = key_of(mapping, name)
    return default if key is None else mapping[key]
