"""The lease of a blob or container. Pure: a lease, an action and a time in.

States and outcomes follow the tables "Outcomes of lease operations" of the pages
"Lease Blob" and "Lease Container" in the REST reference of Azure Storage.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from release.emulator.blobs.errors import BlobError

INFINITE_S = -1
SHORTEST_S = 15
LONGEST_S = 60


class State(StrEnum):
    """What Azure calls `x-ms-lease-state`."""

    AVAILABLE = "available"
    LEASED = "leased"
    EXPIRED = "expired"
    BREAKING = "breaking"
    BROKEN = "broken"


REFUSED: dict[tuple[str, State], str] = {
    ("renew", State.AVAILABLE): "LeaseNotPresentWithLeaseOperation",
    ("change", State.AVAILABLE): "LeaseNotPresentWithLeaseOperation",
    ("release", State.AVAILABLE): "LeaseNotPresentWithLeaseOperation",
    ("break", State.AVAILABLE): "LeaseNotPresentWithLeaseOperation",
    ("change", State.EXPIRED): "LeaseNotPresentWithLeaseOperation",
    ("change", State.BROKEN): "LeaseNotPresentWithLeaseOperation",
    ("acquire", State.BREAKING): "LeaseIsBreakingAndCannotBeAcquired",
    ("change", State.BREAKING): "LeaseIsBreakingAndCannotBeChanged",
    ("renew", State.BREAKING): "LeaseIsBrokenAndCannotBeRenewed",
    ("renew", State.BROKEN): "LeaseIsBrokenAndCannotBeRenewed",
}
"""What an action is refused with in a state, once the lease ids agree."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """A lease as it is kept; its state depends on the time it is looked at."""

    id: str = ""
    duration_s: int = INFINITE_S
    until: datetime | None = None
    """When a fixed lease expires."""
    broken_at: datetime | None = None
    """When a break takes effect; may lie ahead."""

    def state(self, now: datetime) -> State:
        """Return the state at `now`."""
        if not self.id:
            return State.AVAILABLE
        if self.broken_at:
            return State.BROKEN if self.broken_at <= now else State.BREAKING
        if self.until and self.until <= now:
            return State.EXPIRED
        return State.LEASED

    def locked(self, now: datetime) -> bool:
        """Whether writing needs the lease's id at `now`."""
        return self.state(now) in {State.LEASED, State.BREAKING}

    def headers(self, now: datetime) -> dict[str, str]:
        """Return the response headers that describe it."""
        state = self.state(now)
        told = {
            "x-ms-lease-status": "locked" if self.locked(now) else "unlocked",
            "x-ms-lease-state": state.value,
        }
        if state is State.LEASED:
            fixed = self.duration_s != INFINITE_S
            told["x-ms-lease-duration"] = "fixed" if fixed else "infinite"
        return told

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "id": self.id,
            "duration_s": self.duration_s,
            "until": self.until.isoformat() if self.until else None,
            "broken_at": self.broken_at.isoformat() if self.broken_at else None,
        }


def from_json(raw: dict[str, Any]) -> Lease:
    """Read what `Lease.to_json` returned."""
    until, broken_at = raw["until"], raw["broken_at"]
    return Lease(
        id=raw["id"],
        duration_s=raw["duration_s"],
        until=datetime.fromisoformat(until) if until else None,
        broken_at=datetime.fromisoformat(broken_at) if broken_at else None,
    )


def read_id(text: str) -> str:
    """Return a lease id as it is kept: a GUID in lower case, with hyphens alone.

    Raises:
        BlobError: It is none.
    """
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise BlobError("InvalidHeaderValue", f"lease id: {text}") from error


def acquire(lease: Lease, *, proposed: str, duration_s: int, now: datetime) -> Lease:
    """Take a free lease, or take one's own again with another duration.

    Raises:
        BlobError: Somebody else holds it, or it is being broken.
    """
    if lease.locked(now) and lease.id != proposed:
        raise BlobError("LeaseAlreadyPresent")
    _refuse("acquire", lease, now)
    return _held(proposed, duration_s, now)


def renew(lease: Lease, *, lease_id: str, now: datetime) -> Lease:
    """Start the lease's duration again.

    Raises:
        BlobError: The ids differ, or it was broken.
    """
    _agree(lease, lease_id)
    _refuse("renew", lease, now)
    return _held(lease.id, lease.duration_s, now)


def change(lease: Lease, *, lease_id: str, proposed: str, now: datetime) -> Lease:
    """Give a held lease another id; doing it twice is fine.

    Raises:
        BlobError: The ids differ, or it is not held.
    """
    if lease.id != proposed:
        _agree(lease, lease_id)
    _refuse("change", lease, now)
    return replace(lease, id=proposed)


def release(lease: Lease, *, lease_id: str, now: datetime) -> Lease:
    """Let go of the lease.

    Raises:
        BlobError: The ids differ, or there is none.
    """
    _agree(lease, lease_id)
    _refuse("release", lease, now)
    return Lease()


def break_(lease: Lease, *, period_s: int | None, now: datetime) -> tuple[Lease, int]:
    """End the lease without its id, at the latest when it would have ended.

    Returns:
        The lease, and the seconds until it is broken.

    Raises:
        BlobError: There is none.
    """
    _refuse("break", lease, now)
    state = lease.state(now)
    if state in {State.BROKEN, State.EXPIRED}:
        return replace(lease, broken_at=lease.broken_at or now), 0
    ends = lease.broken_at if state is State.BREAKING else lease.until
    left_s = (ends - now).total_seconds() if ends else None
    if period_s is None:
        wait_s = left_s or 0.0
    else:
        wait_s = period_s if left_s is None else min(period_s, left_s)
    return replace(lease, broken_at=now + timedelta(seconds=wait_s)), round(wait_s)


def admit_write(lease: Lease, *, given: str | None, noun: str, now: datetime) -> None:
    """See that a write may pass the lease.

    Args:
        lease: The lease of what is written to.
        given: The request's `x-ms-lease-id`.
        noun: "Blob" or "Container", for the error code.
        now: The time.

    Raises:
        BlobError: It is locked and `given` is missing or another; or `given` names
            a lease that is gone.
    """
    named = None if given is None else read_id(given)
    if lease.locked(now):
        if named is None:
            raise BlobError("LeaseIdMissing")
        if named != lease.id:
            raise BlobError(f"LeaseIdMismatchWith{noun}Operation")
    elif named is not None:
        if lease.state(now) is State.EXPIRED and named == lease.id:
            raise BlobError("LeaseLost")
        raise BlobError(f"LeaseNotPresentWith{noun}Operation")


def admit_read(lease: Lease, *, given: str | None, noun: str, now: datetime) -> None:
    """See that a read that names a lease names the one in force.

    Raises:
        BlobError: It names another, or there is none.
    """
    if given is not None:
        admit_write(lease, given=given, noun=noun, now=now)


def _held(lease_id: str, duration_s: int, now: datetime) -> Lease:
    fixed = duration_s != INFINITE_S
    until = now + timedelta(seconds=duration_s) if fixed else None
    return Lease(id=lease_id, duration_s=duration_s, until=until)


def _agree(lease: Lease, lease_id: str) -> None:
    if lease.id and lease.id != lease_id:
        raise BlobError("LeaseIdMismatchWithLeaseOperation")


def _refuse(action: str, lease: Lease, now: datetime) -> None:
    code = REFUSED.get((action, lease.state(now)))
    if code:
        raise BlobError(code)
