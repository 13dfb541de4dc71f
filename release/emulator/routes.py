"""From a request to what answers it: routes, resources, lists, actions, operations.

Knows nothing of sockets: a `Request` in, a `Reply` out, so that a test may call it
in process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError, bad_request, not_allowed
from release.emulator.ids import ResourceId, split
from release.emulator.kinds import Accepted, Call, Reply
from release.emulator.paging import paged
from release.emulator.polling import (
    LOCATION_ONLY,
    operation_status,
    polling,
    rendered,
)
from release.emulator.request import Request
from release.emulator.shapes import object_of

METHODS = ("GET", "HEAD", "PUT", "PATCH", "POST", "DELETE")


async def answer(cloud: Cloud, request: Request, *, page_size: int) -> Reply:
    """Answer one request.

    Raises:
        ArmError: What Azure would refuse.
    """
    _check_api_version(request)
    _check_subscription(cloud, request)
    cloud.faults.request(request.method, request.path)
    status = await operation_status(cloud, request)
    if status:
        return status
    if request.method not in METHODS:
        raise not_allowed(request.method, request.path, METHODS)
    asked = replace(request, method="GET") if request.method == "HEAD" else request
    routed = await _routed(cloud, asked)
    if routed:
        return paged(rendered(cloud, request, routed), asked, page_size)
    located = split(request.path)
    if located is None:
        raise _outside(cloud, request)
    _check_place(cloud, request, located[0])
    resource_id, tail = _nearest(cloud, *located)
    if not tail:
        return _on_resource(cloud, request, resource_id)
    return await _inside(cloud, asked, resource_id, tail, page_size)


def _outside(cloud: Cloud, request: Request) -> ArmError:
    """Return the 404 for a path that is in no subscription.

    Raises:
        ArmError: 404 for a namespace that is not known.
    """
    words = request.path.strip("/").split("/")
    if words[0].lower() != "providers":
        return ArmError(
            404,
            "NotFound",
            f"'{request.path}' is no path of the Resource Manager: paths start with "
            "/subscriptions or /providers.",
        )
    cloud.kinds.check_namespace(words[1] if len(words) > 1 else "")
    return ArmError(
        404,
        "NotFound",
        f"'{request.method} {request.path}' is not served: this embedded Azure has "
        "resources of subscriptions, and none of a tenant or a management group.",
    )


async def _routed(cloud: Cloud, request: Request) -> Reply | Accepted | None:
    """Answer by a route that is no resource; None when there is none at this path."""
    allowed = set()
    for route in cloud.kinds.routes:
        names = route.match(route.method, request.path)
        if names is None:
            continue
        if route.method == request.method:
            call = _call(cloud, request, names=names)
            if request.method != "GET" and not route.takes_template:
                call = replace(call, body=object_of(request.body))
            return await route.answer(call)
        allowed.add(route.method)
    if allowed:
        raise not_allowed(request.method, request.path, allowed)
    return None


async def _inside(
    cloud: Cloud,
    request: Request,
    resource_id: ResourceId,
    tail: tuple[str, ...],
    page_size: int,
) -> Reply:
    """Answer a list in a resource, or an action of it."""
    listed = _listed_type(cloud, resource_id, tail)
    if listed:
        if request.method != "GET":
            cloud.kinds.of(listed)
            raise not_allowed(request.method, request.path, ["GET"])
        return paged(_list(cloud, request, resource_id, listed), request, page_size)
    if tail[0] == "providers":
        cloud.kinds.of("/".join(tail[1:]))
    if not (resource_id.pairs or resource_id.group):
        raise ArmError(
            404,
            "NotFound",
            f"'{request.method} {request.path}' is not served by this embedded Azure.",
        )
    call = _call(cloud, request, target=resource_id)
    found = await cloud.act(call, "/".join(tail))
    return paged(rendered(cloud, request, found), request, page_size)


def _check_place(cloud: Cloud, request: Request, resource_id: ResourceId) -> None:
    """Raise the 404 for what a location, which is no resource, does not have."""
    if not resource_id.pairs or resource_id.pairs[0][0].lower() != "locations":
        return
    namespace = resource_id.namespace
    cloud.kinds.check_namespace(namespace)
    below = f"/providers/{namespace}/locations/{{location}}/".lower()
    patterns = [route.pattern for route in cloud.kinds.routes]
    have = {
        pattern[pattern.lower().index(below) + len(below) :].partition("/")[0]
        for pattern in patterns
        if below in pattern.lower()
    }
    raise ArmError(
        404,
        "NotFound",
        f"'{request.method} {request.path}' is not served by this embedded Azure: a "
        f"location of {namespace} has {', '.join(sorted(have)) or 'nothing'} here.",
    )


def _check_api_version(request: Request) -> None:
    if not request.api_version:
        raise bad_request(
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all "
            "requests.",
        )
    date, _, label = request.api_version.partition("-preview")
    parts = date.split("-")
    sound = [len(p) for p in parts] == [4, 2, 2] and "".join(parts).isdigit()
    if not sound or label:
        raise bad_request(
            "InvalidApiVersionParameter",
            f"The api-version '{request.api_version}' is invalid. The supported form "
            "is 'YYYY-MM-DD' or 'YYYY-MM-DD-preview'.",
        )


def _check_subscription(cloud: Cloud, request: Request) -> None:
    words = request.path.split("/")
    if words[1].lower() != "subscriptions" or len(words) < 3 or not words[2]:  # noqa: PLR2004
        return
    if words[2].lower() not in cloud.identity.subscriptions:
        raise ArmError(
            404,
            "SubscriptionNotFound",
            f"The subscription '{words[2]}' could not be found.",
        )


def _nearest(
    cloud: Cloud, resource_id: ResourceId, tail: tuple[str, ...]
) -> tuple[ResourceId, tuple[str, ...]]:
    """Back up from an "id" whose last types are words of an action.

    ``.../virtualMachineScaleSets/web/rollingUpgrades/latest`` looks like an id.
    """
    while len(resource_id.pairs) > 1 and not cloud.kinds.knows(resource_id.type):
        if cloud.kinds.knows(resource_id.type + "/" + "/".join(tail[:1])):
            break
        tail = (*resource_id.pairs[-1], *tail)
        resource_id = resource_id.parent
    return resource_id, tail


def _listed_type(cloud: Cloud, scope: ResourceId, tail: tuple[str, ...]) -> str | None:
    if tail[0] == "providers":
        full_type = "/".join(tail[1:])
        return full_type if "/" in full_type else None
    if len(tail) == 1 and scope.pairs:
        full_type = f"{scope.type}/{tail[0]}"
        if ("GET", tail[0].lower()) in cloud.kinds.of(scope.type).actions:
            return None  # It lists in a way of its own: with a $filter, say.
        return full_type if cloud.kinds.knows(full_type) else None
    return None


def _call(
    cloud: Cloud,
    request: Request,
    *,
    names: Mapping[str, str] | None = None,
    target: ResourceId | None = None,
) -> Call:
    return Call(
        cloud=cloud,
        method=request.method,
        query=request.query,
        body=request.body,
        api_version=request.api_version,
        origin=request.origin,
        id=target or ResourceId(""),
        names=names or {},
        resource=cloud.get(target) if target else None,
    )


def _list(cloud: Cloud, request: Request, scope: ResourceId, full_type: str) -> Reply:
    cloud.roles.check(f"{cloud.kinds.of(full_type).type}/read", scope)
    if scope.pairs or scope.group:
        cloud.get(scope)
    call = _call(cloud, request)
    found = cloud.list(full_type, scope)
    return Reply(body={"value": [cloud.show(resource, call) for resource in found]})


def _on_resource(cloud: Cloud, request: Request, resource_id: ResourceId) -> Reply:
    if request.method in ("GET", "HEAD"):
        return _read(cloud, request, resource_id)
    if request.method in ("PUT", "PATCH"):
        return _write(cloud, request, resource_id)
    if request.method == "DELETE":
        there = cloud.find(resource_id)
        operation = cloud.delete(resource_id, if_match=request.headers.get("if-match"))
        if operation is None:
            if not resource_id.pairs:
                cloud.get(resource_id)
            return Reply(status=204)
        kind = cloud.kinds.of(resource_id.type)
        if kind.removes_at_once:
            shown = there and cloud.show(there, _call(cloud, request))
            return Reply(body=shown if kind.shows_removed else None)
        location_only = resource_id.type.lower() in LOCATION_ONLY
        return rendered(
            cloud,
            request,
            Accepted(operation=operation, location_only=location_only),
        )
    raise not_allowed(request.method, request.path, set(METHODS) - {"POST"})


def _read(cloud: Cloud, request: Request, resource_id: ResourceId) -> Reply:
    cloud.roles.check(f"{cloud.kinds.spelled(resource_id).type}/read", resource_id)
    if request.method == "HEAD":
        return Reply(status=204 if cloud.find(resource_id) else 404)
    resource = cloud.get(resource_id)
    shown = cloud.show(resource, _call(cloud, request))
    return Reply(body=shown, headers={"ETag": resource.etag})


def _write(cloud: Cloud, request: Request, resource_id: ResourceId) -> Reply:
    if not isinstance(request.body, dict):
        raise bad_request(
            "InvalidRequestContent",
            "The request content was invalid and could not be deserialized: a JSON "
            "object is expected.",
        )
    written = cloud.put(
        resource_id,
        request.body,
        api_version=request.api_version,
        if_match=request.headers.get("if-match"),
        if_none_match=request.headers.get("if-none-match"),
        patch=request.method == "PATCH",
    )
    shown = cloud.show(written.resource, _call(cloud, request))
    headers = {"ETag": written.resource.etag}
    status = cloud.kinds.of(resource_id.type).creates_with if written.created else 200
    if written.operation:
        accepted = status == 202  # noqa: PLR2004 - Accepted, which says where to ask
        headers |= polling(cloud, request, written.operation, location=accepted)
    return Reply(status=status, body=shown, headers=headers)
