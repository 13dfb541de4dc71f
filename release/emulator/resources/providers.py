"""Resource providers: their types and operations, and whether they are registered.

https://learn.microsoft.com/rest/api/resources/providers
"""

from __future__ import annotations

from typing import Final

from release.emulator.errors import conflict
from release.emulator.ids import ResourceId
from release.emulator.kinds import API_VERSION, Body, Call, Kind, Reply, Route
from release.emulator.regions import LOCATIONS

_FREE: Final = frozenset({"Microsoft.Authorization", "Microsoft.Resources"})
"""What every subscription has, registered or not."""


def _kinds(call: Call) -> list[Kind]:
    """Return the types of the provider that is asked for.

    Raises:
        ArmError: 404 for one that is not served.
    """
    wanted = call.names["namespace"]
    call.cloud.kinds.check_namespace(wanted)
    return [k for k in call.cloud.kinds if _namespace(k).lower() == wanted.lower()]


def _namespace(kind: Kind) -> str:
    return kind.type.partition("/")[0]


def _types(kinds: list[Kind]) -> list[Body]:
    return [
        {
            "resourceType": kind.type.partition("/")[2],
            "locations": list(LOCATIONS),
            "apiVersions": [API_VERSION],
            "capabilities": "SupportsTags, SupportsLocation",
        }
        for kind in kinds
    ]


def _shown(call: Call, kinds: list[Kind]) -> Body:
    """Return a provider: as the subscription has it, or as the tenant does."""
    name = _namespace(kinds[0])
    subscription = call.names.get("subscription")
    if subscription is None:
        return {
            "id": f"/providers/{name}",
            "namespace": name,
            "resourceTypes": _types(kinds),
        }
    registered = call.cloud.conditions.registered(name)
    free = name in _FREE
    return {
        "id": f"/subscriptions/{subscription}/providers/{name}",
        "namespace": name,
        "registrationState": "Registered" if registered else "NotRegistered",
        "registrationPolicy": "RegistrationFree" if free else "RegistrationRequired",
        "resourceTypes": _types(kinds),
    }


async def _list(call: Call) -> Reply:
    by_name: dict[str, list[Kind]] = {name: [] for name in call.cloud.kinds.namespaces}
    for kind in call.cloud.kinds:
        by_name[_namespace(kind)].append(kind)
    return Reply(body={"value": [_shown(call, kinds) for kinds in by_name.values()]})


async def _show(call: Call) -> Reply:
    return Reply(body=_shown(call, _kinds(call)))


async def _list_types(call: Call) -> Reply:
    return Reply(body={"value": _types(_kinds(call))})


async def _register(call: Call) -> Reply:
    shown = _kinds(call)
    call.cloud.conditions.register(call.names["namespace"])
    return Reply(body=_shown(call, shown))


async def _unregister(call: Call) -> Reply:
    """Unregister a provider that nothing is left of."""
    kinds = _kinds(call)
    name = _namespace(kinds[0])
    scope = ResourceId(call.names["subscription"])
    left = [
        found for kind in kinds for found in call.cloud.store.of_type(kind.type, scope)
    ]
    if left or name in _FREE:
        reason = "all resources need it" if name in _FREE else f"it has '{left[0].id}'"
        raise conflict(
            "CannotUnregisterProvider",
            f"The resource provider '{name}' cannot be unregistered: {reason}.",
            target=name,
        )
    call.cloud.conditions.unregister(name)
    return Reply(body=_shown(call, kinds))


async def _list_operations(call: Call) -> Reply:
    """List what a role may allow of a provider."""
    kinds = _kinds(call)
    name = _namespace(kinds[0])
    value = [
        {
            "name": f"{kind.type}/{verb}",
            "isDataAction": False,
            "display": {
                "provider": name,
                "resource": kind.type.partition("/")[2],
                "operation": verb,
                "description": f"{verb} of {kind.type}",
            },
        }
        for kind in kinds
        for verb in _verbs(kind)
    ]
    return Reply(body={"value": value}, whole=True)


def _verbs(kind: Kind) -> list[str]:
    changed = ["write", "delete"] if kind.writable else []
    acts = [f"{tail}/action" for method, tail in kind.actions if method == "POST"]
    return ["read", *changed, *acts]


_ALL = "/subscriptions/{subscription}/providers"
_ONE = _ALL + "/{namespace}"

KINDS = ()
ROUTES = (
    Route(method="GET", pattern="/providers", answer=_list),
    Route(method="GET", pattern="/providers/{namespace}", answer=_show),
    Route(
        method="GET",
        pattern="/providers/{namespace}/operations",
        answer=_list_operations,
    ),
    Route(method="GET", pattern=_ALL, answer=_list),
    Route(method="GET", pattern=_ONE, answer=_show),
    Route(method="GET", pattern=f"{_ONE}/resourceTypes", answer=_list_types),
    Route(method="POST", pattern=f"{_ONE}/register", answer=_register),
    Route(method="POST", pattern=f"{_ONE}/unregister", answer=_unregister),
)
