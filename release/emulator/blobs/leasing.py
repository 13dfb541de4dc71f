"""Lease Blob and Lease Container."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TypeVar

from aiohttp import web

from release.emulator.blobs import conditions
from release.emulator.blobs import lease as leases
from release.emulator.blobs.call import Call
from release.emulator.blobs.errors import BlobError
from release.emulator.blobs.lease import Lease
from release.emulator.blobs.records import Blob, Container

_STATUS = {"acquire": 201, "renew": 200, "change": 200, "release": 200, "break": 202}
_LONGEST_BREAK_S = 60
_T = TypeVar("_T", Blob, Container)


async def lease_blob(call: Call) -> web.Response:
    """Answer Lease Blob."""
    action = _action(call)
    if action != "break" and not call.grant.allows("w"):
        raise BlobError("AuthorizationPermissionMismatch")
    leased, answer = _lease(call, call.blob(), action)
    call.store.save_blob(leased)
    return answer


async def lease_container(call: Call) -> web.Response:
    """Answer Lease Container."""
    leased, answer = _lease(call, call.container(), _action(call))
    call.store.save_container(leased)
    return answer


def _action(call: Call) -> str:
    action = call.required("x-ms-lease-action").lower()
    if action not in _STATUS:
        raise BlobError("InvalidHeaderValue", f"x-ms-lease-action: {action}")
    return action


def _lease(call: Call, thing: _T, action: str) -> tuple[_T, web.Response]:
    conditions.check_write(
        call.request.headers, etag=thing.etag, modified_at=thing.modified_at
    )
    headers: dict[str, str] = {}
    if action == "break":
        period_s = call.number("x-ms-lease-break-period")
        if period_s is not None and not 0 <= period_s <= _LONGEST_BREAK_S:
            raise BlobError(
                "InvalidHeaderValue", f"x-ms-lease-break-period: {period_s}"
            )
        lease, wait_s = leases.break_(thing.lease, period_s=period_s, now=call.now)
        headers["x-ms-lease-time"] = str(wait_s)
    else:
        lease = _acted(call, thing.lease, action)
        if lease.id:
            headers["x-ms-lease-id"] = lease.id
    leased = replace(thing, lease=lease)
    return leased, call.answer(_STATUS[action], leased, headers)


def _acted(call: Call, lease: Lease, action: str) -> Lease:
    now = call.now
    if action == "acquire":
        return leases.acquire(
            lease,
            proposed=leases.read_id(
                call.header("x-ms-proposed-lease-id") or str(uuid.uuid4())
            ),
            duration_s=_duration_s(call),
            now=now,
        )
    lease_id = leases.read_id(call.required("x-ms-lease-id"))
    if action == "renew":
        return leases.renew(lease, lease_id=lease_id, now=now)
    if action == "release":
        return leases.release(lease, lease_id=lease_id, now=now)
    proposed = leases.read_id(call.required("x-ms-proposed-lease-id"))
    return leases.change(lease, lease_id=lease_id, proposed=proposed, now=now)


def _duration_s(call: Call) -> int:
    call.required("x-ms-lease-duration")
    duration_s = call.number("x-ms-lease-duration") or 0
    fits = leases.SHORTEST_S <= duration_s <= leases.LONGEST_S
    if duration_s != leases.INFINITE_S and not fits:
        raise BlobError("InvalidHeaderValue", f"x-ms-lease-duration: {duration_s}")
    return duration_s
