"""Names and values of tags in a subscription: those in use, and those predefined.

https://learn.microsoft.com/rest/api/resources/tags/list
"""

from __future__ import annotations

from collections import Counter

from release.emulator.errors import ArmError, conflict
from release.emulator.ids import ResourceId
from release.emulator.kinds import Body, Call, Reply, Route
from release.emulator.tags import check_tags

Known = dict[str, Counter[str]]
"""How often each value is used, by name; 0 for what is only predefined."""


def _fact(call: Call) -> str:
    return f"tags.predefined.{call.names['subscription'].lower()}"


def _predefined(call: Call) -> dict[str, list[str]]:
    found: dict[str, list[str]] = call.cloud.store.fact(_fact(call)) or {}
    return found


def _known(call: Call) -> Known:
    known = {
        name: Counter(dict.fromkeys(values, 0))
        for name, values in _predefined(call).items()
    }
    for resource in call.cloud.store.under(ResourceId(call.names["subscription"])):
        for name, value in (resource.body.get("tags") or {}).items():
            known.setdefault(name, Counter())[value] += 1
    return known


def _shown(call: Call, name: str, values: Counter[str]) -> Body:
    path = f"/subscriptions/{call.names['subscription']}/tagNames/{name}"
    return {
        "id": path,
        "tagName": name,
        "count": {"type": "Total", "value": values.total()},
        "values": [
            _shown_value(path, value, count) for value, count in sorted(values.items())
        ],
    }


def _shown_value(path: str, value: str, count: int) -> Body:
    return {
        "id": f"{path}/tagValues/{value}",
        "tagValue": value,
        "count": {"type": "Total", "value": count},
    }


async def _list(call: Call) -> Reply:
    known = sorted(_known(call).items())
    return Reply(body={"value": [_shown(call, *entry) for entry in known]})


async def _add_name(call: Call) -> Reply:
    name, predefined = call.names["name"], _predefined(call)
    check_tags({name: ""})
    status = 200 if name in predefined else 201
    call.cloud.store.remember(_fact(call), {name: []} | predefined)
    return Reply(status=status, body=_shown(call, name, _known(call)[name]))


async def _add_value(call: Call) -> Reply:
    name, value = call.names["name"], call.names["value"]
    predefined = _predefined(call)
    check_tags({name: value})
    if name not in predefined:
        raise ArmError(404, "TagNotFound", f"The tag '{name}' could not be found.")
    status = 200 if value in predefined[name] else 201
    values = sorted({*predefined[name], value})
    call.cloud.store.remember(_fact(call), predefined | {name: values})
    path = f"/subscriptions/{call.names['subscription']}/tagNames/{name}"
    body = _shown_value(path, value, _known(call)[name][value])
    return Reply(status=status, body=body)


async def _remove_name(call: Call) -> Reply:
    name, predefined = call.names["name"], _predefined(call)
    if name not in predefined:
        return Reply(status=204)
    if predefined[name]:
        raise conflict(
            "TagNameHasValues",
            f"The tag '{name}' cannot be deleted while it has the predefined values "
            f"{', '.join(predefined[name])}.",
        )
    _refuse_used(name, _known(call)[name].total())
    del predefined[name]
    call.cloud.store.remember(_fact(call), predefined)
    return Reply()


async def _remove_value(call: Call) -> Reply:
    name, value = call.names["name"], call.names["value"]
    predefined = _predefined(call)
    if value not in predefined.get(name, ()):
        return Reply(status=204)
    _refuse_used(f"{name}={value}", _known(call)[name][value])
    predefined[name].remove(value)
    call.cloud.store.remember(_fact(call), predefined)
    return Reply()


def _refuse_used(what: str, count: int) -> None:
    if count:
        raise conflict(
            "TagInUse",
            f"The tag '{what}' cannot be deleted: {count} resources have it.",
        )


_NAMES = "/subscriptions/{subscription}/tagNames"
_NAME = _NAMES + "/{name}"
_VALUE = _NAME + "/tagValues/{value}"

KINDS = ()
ROUTES = (
    Route(method="GET", pattern=_NAMES, answer=_list),
    Route(method="PUT", pattern=_NAME, answer=_add_name),
    Route(method="DELETE", pattern=_NAME, answer=_remove_name),
    Route(method="PUT", pattern=_VALUE, answer=_add_value),
    Route(method="DELETE", pattern=_VALUE, answer=_remove_value),
)
