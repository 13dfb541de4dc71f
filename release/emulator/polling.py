"""Long-running operations on the wire: where to ask for one, and what is answered.

Knows nothing of sockets.
"""

from __future__ import annotations

import asyncio
import contextlib
import urllib.parse
import uuid
from datetime import UTC, datetime
from typing import Any

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError
from release.emulator.ids import GROUP_TYPE, ResourceId
from release.emulator.kinds import Accepted, Call, Reply
from release.emulator.operations import Operation, Status
from release.emulator.request import Request

_DEPLOYMENT = "microsoft.resources/deployments"
LOCATION_ONLY = (GROUP_TYPE.lower(), _DEPLOYMENT)
"""Types whose deletes ARM itself carries out: 202 without Azure-AsyncOperation."""

DEFAULT_REGION = "westeurope"
"""Where operations of a subscription itself are."""
HELD_S = 10.0
"""How long a status request is held while its operation runs, at once-pace: a
client whose `Retry-After` is 1 s then loses nothing on a quick operation, nor half
a second at the end of one that takes some seconds."""


def rendered(cloud: Cloud, request: Request, found: Reply | Accepted) -> Reply:
    """Return an answer, or the 202 of one that comes later."""
    if isinstance(found, Reply):
        return found
    headers = polling(cloud, request, found.operation, location=True)
    if found.location_only:
        del headers["Azure-AsyncOperation"]
    return Reply(status=202, headers=headers)


def polling(
    cloud: Cloud, request: Request, operation: Operation, *, location: bool
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
        region = _region(cloud, on)
        place = f"{base}/providers/{on.namespace}/locations/{region}"
        status = f"{place}/operations/{operation.id}?{version}"
        result = f"{place}/operationResults/{operation.id}?monitor=true&{version}"
    headers = {"Azure-AsyncOperation": status, "Retry-After": "1"}
    return headers | ({"Location": result} if location else {})


def _region(cloud: Cloud, resource_id: ResourceId) -> str:
    """Return the region of a resource, or of the nearest that it is in."""
    while True:
        found = cloud.store.get(resource_id)
        if found and found.body.get("location"):
            return str(found.body["location"])
        if not resource_id.group or resource_id == resource_id.group_id:
            return DEFAULT_REGION
        resource_id = resource_id.parent


async def operation_status(cloud: Cloud, request: Request) -> Reply | None:
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
    return status_body(operation) if as_status else _result(cloud, request, operation)


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


def _result(cloud: Cloud, request: Request, operation: Operation) -> Reply:
    if operation.status is Status.IN_PROGRESS:
        where = (
            f"{request.origin}{request.path}?{urllib.parse.urlencode(request.query)}"
        )
        return Reply(status=202, headers={"Location": where, "Retry-After": "1"})
    if operation.error:
        raise operation.error
    if operation.result is None:
        return Reply(status=200)
    return Reply(body=_shown(cloud, request, operation))


def _shown(cloud: Cloud, request: Request, operation: Operation) -> Any:
    """Return what came of an operation: of a write, the resource as a GET shows it."""
    written = operation.verb.endswith("/write")
    resource = cloud.find(operation.resource_id) if written else None
    if resource is None:
        return operation.result
    call = Call(
        cloud=cloud,
        method="GET",
        query=request.query,
        body=None,
        api_version=request.api_version,
        origin=request.origin,
    )
    return cloud.show(resource, call)
