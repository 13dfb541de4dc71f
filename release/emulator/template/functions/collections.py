"""Array and object functions, and those that take strings as well.

https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-array
https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-object
"""

from __future__ import annotations

from typing import Final

from release.emulator.template.errors import Refused
from release.emulator.template.functions.arguments import (
    Function,
    array,
    expects,
    integer,
    mapping,
    string,
)
from release.emulator.template.values import (
    Json,
    is_number,
    item_of,
    key_of,
    same,
    text_of,
)

_LONGEST_RANGE: Final = 10_000
_KINDS: Final = "an array, object, or string"


def contains(container: Json, item: Json) -> bool:
    """Look into an array, an object (its names) or a string."""
    if isinstance(container, list):
        return any(same(one, item) for one in container)
    if isinstance(container, dict):
        return key_of(container, string("contains", item)) is not None
    if isinstance(container, str):
        return text_of(item) in container
    raise expects("contains", _KINDS, container)


def empty(value: Json) -> bool:
    """Tell whether there is nothing in it; null is empty too."""
    if value is not None and not isinstance(value, list | dict | str):
        raise expects("empty", _KINDS, value)
    return not value


def length(value: Json) -> int:
    """Count elements, properties or characters."""
    if not isinstance(value, list | dict | str):
        raise expects("length", _KINDS, value)
    return len(value)


def first(value: Json) -> Json:
    """Return the first element or character; null or '' when there is none."""
    if not isinstance(value, list | str):
        raise expects("first", "an array or a string", value)
    return value[0] if value else ("" if isinstance(value, str) else None)


def last(value: Json) -> Json:
    """Return the last element or character; null or '' when there is none."""
    if not isinstance(value, list | str):
        raise expects("last", "an array or a string", value)
    return value[-1] if value else ("" if isinstance(value, str) else None)


def skip(value: Json, count: Json) -> Json:
    """Return what follows the first elements or characters."""
    if not isinstance(value, list | str):
        raise expects("skip", "an array or a string", value)
    return value[max(integer("skip", count), 0) :]


def take(value: Json, count: Json) -> Json:
    """Return the first elements or characters."""
    if not isinstance(value, list | str):
        raise expects("take", "an array or a string", value)
    return value[: max(integer("take", count), 0)]


def index_of(container: Json, item: Json) -> int:
    """Return the first place, or -1; letter case does not count in a string."""
    if isinstance(container, list):
        return next((at for at, one in enumerate(container) if same(one, item)), -1)
    return string("indexOf", container).lower().find(string("indexOf", item).lower())


def last_index_of(container: Json, item: Json) -> int:
    """Return the last place, or -1; letter case does not count in a string."""
    if isinstance(container, list):
        found = [at for at, one in enumerate(container) if same(one, item)]
        return found[-1] if found else -1
    wanted = string("lastIndexOf", item).lower()
    return string("lastIndexOf", container).lower().rfind(wanted)


def index_from_end(values: Json, at: Json) -> Json:
    """Return an element counted from the end, one being the last."""
    items, place = array("indexFromEnd", values), integer("indexFromEnd", at)
    if not 1 <= place <= len(items):
        raise Refused(
            f"The language expression property array index '{place}' is out of bounds."
        )
    return items[-place]


def try_index_from_end(values: Json, at: Json) -> Json:
    """Return an element counted from the end, or null."""
    items, place = array("tryIndexFromEnd", values), integer("tryIndexFromEnd", at)
    return items[-place] if 1 <= place <= len(items) else None


def try_get(value: Json, *path: Json) -> Json:
    """Follow a path of names and places; null where it breaks off."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = item_of(value, step)
        elif (
            isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value)
        ):
            value = value[step]
        else:
            return None
    return value


def make_range(start: Json, count: Json) -> list[int]:
    """Return consecutive integers."""
    begin, size = integer("range", start), integer("range", count)
    if not 0 <= size <= _LONGEST_RANGE:
        raise Refused(
            "Unable to evaluate template language function 'range': the count must be "
            f"from 0 to {_LONGEST_RANGE}; {size} was provided. "
            "Please see https://aka.ms/arm-functions-array#range for usage details."
        )
    return list(range(begin, begin + size))


def union(*values: Json) -> Json:
    """Unite arrays without duplicates, or objects with the later winning, deeply."""
    if all(isinstance(value, list) for value in values):
        united: list[Json] = []
        for item in (item for value in values for item in value):
            if not any(same(item, one) for one in united):
                united.append(item)
        return united
    if not all(isinstance(value, dict) for value in values):
        scalars = (value for value in values if not isinstance(value, dict | list))
        wrong = next(scalars, values[-1])
        raise expects("union", "arrays only or objects only", wrong)
    merged: dict[str, Json] = {}
    for value in values:
        merged = _merged(merged, value)
    return merged


def _merged(one: dict[str, Json], other: dict[str, Json]) -> dict[str, Json]:
    result = dict(one)
    for name, value in other.items():
        key = key_of(result, name) or name
        before = result.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            result[key] = _merged(before, value)
        else:
            result[key] = value
    return result


def intersection(*values: Json) -> Json:
    """Return what all arrays, or all objects, have in common."""
    if all(isinstance(value, list) for value in values):
        return [
            item
            for at, item in enumerate(values[0])
            if all(contains(other, item) for other in values[1:])
            and not any(same(item, one) for one in values[0][:at])
        ]
    for value in values:
        if not isinstance(value, dict):
            raise expects("intersection", "arrays only or objects only", value)
    return {
        name: value
        for name, value in values[0].items()
        if all(name in other and same(value, other[name]) for other in values[1:])
    }


def create_object(*parts: Json) -> dict[str, Json]:
    """Make an object of names and values that take turns."""
    if len(parts) % 2:
        raise Refused(
            "The template language function 'createObject' expects an even number of "
            "parameters. Please see https://aka.ms/arm-functions-object#createobject "
            "for usage details."
        )
    names = [string("createObject", name) for name in parts[::2]]
    return dict(zip(names, parts[1::2], strict=True))


def items_of(value: Json) -> list[dict[str, Json]]:
    """Return an object's properties, sorted by name."""
    pairs = sorted(mapping("items", value).items(), key=lambda pair: pair[0].lower())
    return [{"key": name, "value": item} for name, item in pairs]


def shallow_merge(values: Json) -> dict[str, Json]:
    """Merge an array of objects; nested objects are replaced, not merged."""
    merged: dict[str, Json] = {}
    for value in array("shallowMerge", values):
        merged.update(mapping("shallowMerge", value))
    return merged


def flatten(values: Json) -> list[Json]:
    """Join an array of arrays into one array."""
    inner = [array("flatten", value) for value in array("flatten", values)]
    return [item for value in inner for item in value]


def largest(*values: Json) -> Json:
    """Return the largest of numbers."""
    return max(_numbers("max", values))


def smallest(*values: Json) -> Json:
    """Return the smallest of numbers."""
    return min(_numbers("min", values))


def _numbers(name: str, values: tuple[Json, ...]) -> list[int | float]:
    given = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    for value in given:
        if not is_number(value):
            raise expects(name, "an array of integers, or integers", value)
    if not given:
        raise Refused(
            f"Unable to evaluate template language function '{name}': the array is "
            "empty. Please see https://aka.ms/arm-functions for usage details."
        )
    return list(given)


def coalesce(*values: Json) -> Json:
    """Return the first value that is not null."""
    return next((value for value in values if value is not None), None)


FUNCTIONS: Final = (
    Function("array", lambda v: v if isinstance(v, list) else [v], 1, 1),
    Function("coalesce", coalesce, 1, None),
    Function("contains", contains, 2, 2),
    Function("createArray", lambda *values: list(values), 0, None),
    Function("createObject", create_object, 0, None),
    Function("empty", empty, 1, 1),
    Function("first", first, 1, 1),
    Function("flatten", flatten, 1, 1),
    Function("indexFromEnd", index_from_end, 2, 2),
    Function("indexOf", index_of, 2, 2),
    Function("intersection", intersection, 2, None),
    Function("items", items_of, 1, 1),
    Function("last", last, 1, 1),
    Function("lastIndexOf", last_index_of, 2, 2),
    Function("length", length, 1, 1),
    Function("max", largest, 1, None),
    Function("min", smallest, 1, None),
    Function("objectKeys", lambda v: sorted(mapping("objectKeys", v)), 1, 1),
    Function("range", make_range, 2, 2),
    Function("shallowMerge", shallow_merge, 1, 1),
    Function("skip", skip, 2, 2),
    Function("take", take, 2, 2),
    Function("tryGet", try_get, 2, None),
    Function("tryIndexFromEnd", try_index_from_end, 2, 2),
    Function("union", union, 2, None),
)
