"""From a request to what answers it: routes, resources, lists, actions, operations.

Knows nothing of sockets: a `Request` in, a `Reply` out, so that a test may call it
in process.
"""

from __future__ import annotations

import asyncio
import contextlib
import urllib.parse
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError, bad_request
from release.emulator.ids import GROUP_TYPE, ResourceId, split
from release.emulator.kinds import Accepted, Call, Reply
from release.emulator.operations import Operation, Status

_DEPLOYMENT = "microsoft.resources/deployments"
_LOCATION_ONLY = (GROUP_TYPE.lower(), _DEPLOYMENT)
"""Types whose deletes ARM itself carries out: 202 without Azure-AsyncOperation."""

HELD_S = 10.0
"""How long a status request is held while its operation runs, at once-pace: a
client whose `Retry-After` is 1 s then loses nothing on a quick operation, nor half
a second at the end of one that takes some seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One request to the Resource Manager, authenticated."""

    method: str
    path: str
    query: Mapping[str, str]
    """Names in lower case."""
    headers: Mapping[str, str]
    body: Any
    origin: str
    """scheme://host:port as the client wrote it."""
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def api_version(self) -> str:
        """The version asked for; any well-formed one is served."""
        return self.query.get("api-version", "")


async def answer(cloud: Cloud, request: Request, *, page_size: int) -> Reply:
    """Answer one request.

    Raises:
        ArmError: What Azure would refuse.
    """
    _check_api_version(request)
    _check_subscription(cloud, request)
    cloud.faults.request(request.method, request.path)
    status = await _operation_status(cloud, request)
    if status:
        return status
    for route in cloud.kinds.routes:
        names = route.match(request.method, request.path)
        if names is not None:
            found = await route.answer(_call(cloud, request, names=names))
            return _paged(_rendered(request, found), request, page_size)
    located = split(request.path)
    if located is None:
        raise ArmError(
            404,
            "NotFound",
            f"'{request.path}' is no path of the Resource Manager: paths start with "
            "/subscriptions.",
        )
    return await _at(cloud, request, *_nearest(cloud, *located), page_size)


async def _at(
    cloud: Cloud,
    request: Request,
    resource_id: ResourceId,
    tail: tuple[str, ...],
    page_size: int,
) -> Reply:
    """Answer what is asked of a resource: itself, a list in it, or an action."""
    if not tail:
        return _on_resource(cloud, request, resource_id)
    listed = request.method == "GET" and _listed_type(cloud, resource_id, tail)
    if listed:
        return _paged(_list(cloud, request, resource_id, listed), request, page_size)
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
    return _paged(_rendered(request, found), request, page_size)


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


def _paged(reply: Reply, request: Request, page_size: int) -> Reply:
    """Cut a list into pages with ``nextLink``, as a GET's ``$skiptoken`` asks."""
    body = reply.body
    if (
        request.method != "GET"
        or reply.whole
        or not (isinstance(body, dict) and isinstance(body.get("value"), list))
    ):
        return reply
    start = int(request.query.get("$skiptoken", "0"))
    size = min(page_size, int(request.query.get("$top", page_size)))
    page = {**body, "value": body["value"][start : start + size]}
    if start + size < len(body["value"]):
        query = {**request.query, "$skiptoken": str(start + size)}
        page["nextLink"] = (
            f"{request.origin}{request.path}?{urllib.parse.urlencode(query)}"
        )
    return Reply(status=reply.status, body=page, headers=reply.headers)


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
        location_only = resource_id.type.lower() in _LOCATION_ONLY
        return _rendered(
            request,
            Accepted(operation=operation, location_only=location_only),
        )
    raise ArmError(
        405,
        "MethodNotAllowed",
        f"The HTTP method '{request.method}' is not supported at '{request.path}'.",
    )


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
    if written.operation:
        headers |= _polling(request, written.operation, location=False)
    created = cloud.kinds.of(resource_id.type).creates_with
    return Reply(
        status=created if written.created else 200, body=shown, headers=headers
    )


def _rendered(request: Request, found: Reply | Accepted) -> Reply:
    if isinstance(found, Reply):
        return found
    headers = _polling(request, found.operation, location=True)
    if found.location_only:
        del headers["Azure-AsyncOperation"]
    return Reply(status=202, headers=headers)


def _polling(
    request: Request, operation: Operation, *, location: bool
) -> dict[str, str]:
    """Return the headers that tell a client where to ask.

    Always with ``Retry-After: 1``: without it Packer waits 60 s and azure-core 30 s
    a poll, and azure-core reads 0 as absent.
    """
    on = operation.resource_id
    base = f"{request.origin}/subscriptions/{on.subscription}"
    version = f"api-version={request.api_version}"
    if on.type.lower() == _DEPLOYMENT:
        status = f"{request.origin}{on}/operationStatuses/{operation.id}?{version}"
        result = f"{base}/operationresults/{operation.id}?{version}"
    elif on.namespace in ("", "Microsoft.Resources"):
        status = f"{base}/operationstatuses/{operation.id}?{version}"
        result = f"{base}/operationresults/{operation.id}?{version}"
    else:
        place = f"{base}/providers/{on.namespace}/locations/westeurope"
        status = f"{place}/operations/{operation.id}?{version}"
        result = f"{place}/operationResults/{operation.id}?monitor=true&{version}"
    headers = {"Azure-AsyncOperation": status, "Retry-After": "1"}
    return headers | ({"Location": result} if location else {})


async def _operation_status(cloud: Cloud, request: Request) -> Reply | None:
    """Answer a poll of ``.../operations/{id}`` or ``.../operationResults/{id}``."""
    words = request.path.rstrip("/").split("/")
    if request.method != "GET" or len(words) < 2:  # noqa: PLR2004
        return None
    word = words[-2].lower()
    as_status = word in ("operationstatuses", "operations")
    if not (as_status or word == "operationresults") or not _is_uuid(words[-1]):
        return None
    operation = cloud.operations.get(words[-1])
    if operation is None:
        raise ArmError(
            404,
            "OperationNotFound",
            f"The operation '{words[-1]}' was not found: it is older than the last "
            "restart, or never was.",
        )
    if cloud.pace.instant and not operation.done.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(operation.done.wait(), HELD_S)
    return status_body(operation) if as_status else _result(request, operation)


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def timestamp(moment: datetime) -> str:
    """Return a time as Azure writes it: UTC, seven digits."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def status_body(operation: Operation) -> Reply:
    """Return the answer of an ``Azure-AsyncOperation`` URL."""
    body: dict[str, Any] = {
        "name": operation.id,
        "startTime": timestamp(operation.started_at),
        "status": operation.status,
    }
    if operation.ended_at:
        body["endTime"] = timestamp(operation.ended_at)
    if operation.error:
        body["error"] = operation.error.body()
    if operation.show_output and operation.status is Status.SUCCEEDED:
        body["properties"] = {"output": operation.result}
    waiting = {"Retry-After": "1"} if operation.status is Status.IN_PROGRESS else {}
    return Reply(body=body, headers=waiting)


def _result(request: Request, operation: Operation) -> Reply:
    if operation.status is Status.IN_PROGRESS:
        where = (
            f"{request.origin}{request.path}?{urllib.parse.urlencode(request.query)}"
        )
        return Reply(status=202, headers={"Location": where, "Retry-After": "1"})
    if operation.error:
        raise operation.error
    if operation.result is None:
        return Reply(status=200)
    return Reply(body=operation.result)
