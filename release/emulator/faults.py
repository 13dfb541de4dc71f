"""Faults on request, to rehearse what goes wrong on Azure.

A client puts a list of faults to ``/emulator/faults``; each names a kind, what it
strikes (patterns, case ignored) and how often. Where a kind strikes is in `PLACES`;
the kernel asks there, and nowhere else. They live in memory: a restart heals all.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from release.emulator.errors import ArmError, bad_request
from release.emulator.ids import ResourceId

DEFAULT_SECONDS = 30


class FaultKind(StrEnum):
    """What goes wrong."""

    THROTTLED = "throttled"
    """429 with ``Retry-After``, for any request; 503 ``ServerBusy`` for blobs."""
    REFUSED = "refused"
    """Any other status and code, for any request; for blobs, a code that they have
    comes with its own status. For a token only where `path` names it, in Entra's own
    form."""
    LATE = "late"
    """An answer that comes `seconds` later, of the Resource Manager."""
    RESET = "reset"
    """The connection is reset once the request is carried out, likewise."""
    CONFLICT = "conflict"
    """409 at once, for a write, also one inside a template deployment."""
    QUOTA = "quota"
    """409 ``OperationNotAllowed`` at once, likewise."""
    ALLOCATION = "allocation"
    """An operation that fails with ``AllocationFailed``."""
    FAILS = "fails"
    """An operation that fails with a code of one's own."""
    SLOW = "slow"
    """An operation that takes `seconds` longer."""
    HANGS = "hangs"
    """An operation that does not end until the fault is lifted."""
    UNHEALTHY = "unhealthy"
    """A scale-set instance that never gets healthy; `times` counts instances."""
    REPLICATION_LAGS = "replication-lags"
    """A gallery version that is Succeeded, but reaches its regions `seconds` later."""


class Place(StrEnum):
    """Where the kernel asks for faults."""

    REQUEST = "request"
    ANSWER = "answer"
    WRITE = "write"
    OPERATION = "operation"
    INSTANCE = "instance"
    VERSION = "version"


PLACES: Mapping[FaultKind, Place] = {
    FaultKind.THROTTLED: Place.REQUEST,
    FaultKind.REFUSED: Place.REQUEST,
    FaultKind.LATE: Place.ANSWER,
    FaultKind.RESET: Place.ANSWER,
    FaultKind.CONFLICT: Place.WRITE,
    FaultKind.QUOTA: Place.WRITE,
    FaultKind.ALLOCATION: Place.OPERATION,
    FaultKind.FAILS: Place.OPERATION,
    FaultKind.SLOW: Place.OPERATION,
    FaultKind.HANGS: Place.OPERATION,
    FaultKind.UNHEALTHY: Place.INSTANCE,
    FaultKind.REPLICATION_LAGS: Place.VERSION,
}


@dataclass(kw_only=True, slots=True)
class Fault:
    """One fault, as asked for, and how often it struck."""

    kind: FaultKind
    method: str = "*"
    """Pattern of the HTTP method; of a write, its own method."""
    path: str = "*"
    """Pattern of the request's path or the resource's id."""
    type: str = "*"
    """Pattern of the resource's type or of ``type/write``, ``type/delete``,
    ``type/deallocate/action``."""
    times: int | None = 1
    """How often it strikes; None for always."""
    status: int | None = None
    code: str | None = None
    message: str | None = None
    inner: list[dict[str, Any]] = field(default_factory=list)
    """Errors inside the one that is told: code, message and further details."""
    retry_after_s: int = 1
    retry_after_as: str | None = None
    """How ``Retry-After`` is told: in `seconds`, which is how of `throttled`, as a
    `date`, in `milliseconds`, or `none`, which is how of the rest."""
    seconds: float | None = DEFAULT_SECONDS
    """For `slow`, `late` and `replication-lags`; None for ever."""
    hits: int = 0
    struck: set[str] = field(default_factory=set)
    lifted: asyncio.Event = field(default_factory=asyncio.Event)

    def matches(self, method: str, path: str, kinds: Iterable[str]) -> bool:
        """Whether it is meant for this."""
        return (
            _like(method, self.method)
            and _like(path, self.path)
            and any(_like(kind, self.type) for kind in kinds)
        )

    @property
    def spent(self) -> bool:
        """Whether it struck as often as it should."""
        return self.times is not None and self.hits >= self.times

    def error(self, status: int, code: str, message: str) -> ArmError:
        """Return the error, where the fault does not say another."""
        return ArmError(
            self.status or status,
            self.code or code,
            self.message or message,
            details=[ArmError.of(each) for each in self.inner],
            headers=self.retry_after(),
        )

    def retry_after(self) -> dict[str, str]:
        """Return the headers that say when to come again."""
        usual = "seconds" if self.kind is FaultKind.THROTTLED else "none"
        return _RETRY_AFTER[self.retry_after_as or usual](self.retry_after_s)

    def to_json(self) -> dict[str, Any]:
        """Return it as asked for, with its hits."""
        return {name: getattr(self, name) for name in _ASKED} | {"hits": self.hits}


_ASKED = tuple(
    f.name for f in fields(Fault) if f.name not in {"hits", "struck", "lifted"}
)
_TYPES: Mapping[str, tuple[type, ...]] = {
    "times": (int, type(None)),
    "status": (int, type(None)),
    "code": (str, type(None)),
    "message": (str, type(None)),
    "inner": (list,),
    "retry_after_s": (int,),
    "retry_after_as": (str, type(None)),
    "seconds": (int, float, type(None)),
}


def _date(seconds: int) -> str:
    then = datetime.now(UTC) + timedelta(seconds=seconds)
    return format_datetime(then, usegmt=True)


_RETRY_AFTER: Mapping[str, Callable[[int], dict[str, str]]] = {
    "seconds": lambda seconds: {"Retry-After": str(seconds)},
    "date": lambda seconds: {"Retry-After": _date(seconds)},
    "milliseconds": lambda seconds: {"retry-after-ms": str(seconds * 1000)},
    "none": lambda _: {},
}


def _like(text: str, pattern: str) -> bool:
    return fnmatchcase(text.lower(), pattern.lower())


def read(body: object) -> list[Fault]:
    """Read the list that a client puts: ``{"faults": [{"kind": ...}, ...]}``.

    Raises:
        ArmError: 400 that names what is wrong, and what there is.
    """
    entries = body.get("faults") if isinstance(body, dict) else None
    if not isinstance(entries, list):
        raise bad_request("InvalidFault", 'Expected {"faults": [{"kind": ...}]}.')
    return [_read_one(entry, number) for number, entry in enumerate(entries)]


def _read_one(entry: object, number: int) -> Fault:
    where = f"faults[{number}]"
    if not isinstance(entry, dict):
        raise bad_request("InvalidFault", f"{where} is no object.")
    kinds = [kind.value for kind in FaultKind]
    if entry.get("kind") not in kinds:
        raise bad_request(
            "InvalidFault",
            f"{where}.kind = {entry.get('kind')!r}: expected one of "
            f"{', '.join(kinds)}.",
        )
    for name, value in entry.items():
        if name not in _ASKED:
            raise bad_request(
                "InvalidFault",
                f"{where}.{name} is not known: expected {', '.join(_ASKED)}.",
            )
        allowed = _TYPES.get(name, (str,))
        if not isinstance(value, allowed) or isinstance(value, bool):
            names = " or ".join(kind.__name__ for kind in allowed)
            raise bad_request(
                "InvalidFault", f"{where}.{name} = {value!r}: expected {names}."
            )
    _check_errors(entry.get("inner", []), f"{where}.inner")
    told_as = entry.get("retry_after_as")
    if told_as not in (None, *_RETRY_AFTER):
        raise bad_request(
            "InvalidFault",
            f"{where}.retry_after_as = {told_as!r}: expected one of "
            f"{', '.join(_RETRY_AFTER)}.",
        )
    return Fault(**{**entry, "kind": FaultKind(entry["kind"])})


def _check_errors(errors: object, where: str) -> None:
    """See that a list holds errors: a code, a message, perhaps details of the kind."""
    if not isinstance(errors, list):
        raise bad_request("InvalidFault", f"{where} = {errors!r}: expected list.")
    for number, error in enumerate(errors):
        at = f"{where}[{number}]"
        if not isinstance(error, dict):
            raise bad_request("InvalidFault", f"{at} is no object.")
        for name in ("code", "message"):
            if not isinstance(error.get(name), str):
                raise bad_request(
                    "InvalidFault", f"{at}.{name} = {error.get(name)!r}: expected str."
                )
        _check_errors(error.get("details", []), f"{at}.details")


class Faults:
    """Faults that somebody asked for; none by default."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def put(self, faults: Iterable[Fault]) -> None:
        """Lift all faults, and set these."""
        for fault in self._faults:
            fault.lifted.set()
        self._faults = list(faults)

    def to_json(self) -> dict[str, Any]:
        """Return all faults, with how often each struck."""
        return {"faults": [fault.to_json() for fault in self._faults]}

    # --- where the kernel asks ----------------------------------------------

    def request(self, method: str, path: str) -> None:
        """Refuse a request, of whatever method.

        Raises:
            ArmError: A fault says so.
        """
        for fault in self._striking(Place.REQUEST, method, path, _types_in(path)):
            if fault.kind is FaultKind.THROTTLED:
                raise _throttled(fault, path)
            raise fault.error(400, "BadRequest", "A fault was asked for.")

    def token(self, method: str, path: str) -> None:
        """Refuse a token, where a fault's path names it.

        Raises:
            ArmError: A fault says so.
        """
        if any("token" in fault.path.lower() for fault in self._faults):
            self.request(method, path)

    async def answer(self, method: str, path: str) -> bool:
        """Let an answer wait; tell whether the connection is to be reset instead."""
        for fault in self._striking(Place.ANSWER, method, path, _types_in(path)):
            if fault.kind is FaultKind.RESET:
                return True
            await _lifted_within(fault, fault.seconds)
        return False

    def write(self, verb: str, resource_id: ResourceId) -> None:
        """Refuse a write at once, whoever asks for it.

        Raises:
            ArmError: A fault says so.
        """
        for fault in self._on_resource(Place.WRITE, verb, resource_id):
            if fault.kind is FaultKind.QUOTA:
                raise fault.error(409, "OperationNotAllowed", _QUOTA)
            raise fault.error(409, "Conflict", _CONFLICT)

    async def before(self, verb: str, resource_id: ResourceId) -> None:
        """Fail, hang or delay an operation before it does its work.

        Raises:
            ArmError: A fault says so.
        """
        for fault in self._on_resource(Place.OPERATION, verb, resource_id):
            if fault.kind is FaultKind.HANGS:
                await fault.lifted.wait()
            elif fault.kind is FaultKind.SLOW:
                await _lifted_within(fault, fault.seconds)
            elif fault.kind is FaultKind.ALLOCATION:
                raise fault.error(409, "AllocationFailed", _ALLOCATION)
            else:
                raise fault.error(
                    500, "InternalExecutionError", "An internal error occurred."
                )

    def unhealthy(self, instance: ResourceId) -> bool:
        """Whether an instance is to be seen as unhealthy, now and ever after."""
        return self._sticks(Place.INSTANCE, "", instance) is not None

    def lag_s(self, version: ResourceId) -> float | None:
        """Return by how many seconds a version's replication lags; inf for ever."""
        fault = self._sticks(Place.VERSION, "", version)
        if fault is None:
            return None
        return float("inf") if fault.seconds is None else fault.seconds

    # --- which fault ----------------------------------------------------------

    def _on_resource(
        self, place: Place, verb: str, resource_id: ResourceId
    ) -> Iterable[Fault]:
        kinds = (resource_id.type, verb)
        return self._striking(place, _method(verb), str(resource_id), kinds)

    def _striking(
        self, place: Place, method: str, path: str, kinds: Iterable[str]
    ) -> Iterable[Fault]:
        kinds = tuple(kinds)
        for fault in tuple(self._faults):
            if PLACES[fault.kind] is not place or fault.spent:
                continue
            if fault.matches(method, path, kinds):
                fault.hits += 1
                yield fault

    def _sticks(self, place: Place, verb: str, target: ResourceId) -> Fault | None:
        """Return the fault that strikes a resource; once struck, always struck."""
        for fault in self._faults:
            if PLACES[fault.kind] is not place:
                continue
            if target.key in fault.struck:
                return fault
            if fault.spent or not fault.matches(
                _method(verb), str(target), (target.type,)
            ):
                continue
            fault.hits += 1
            fault.struck.add(target.key)
            return fault
        return None


async def _lifted_within(fault: Fault, seconds: float | None) -> None:
    waiting = asyncio.ensure_future(fault.lifted.wait())
    try:
        await asyncio.wait({waiting}, timeout=seconds)
    finally:
        waiting.cancel()


def _method(verb: str) -> str:
    """Return the HTTP method that a verb such as ``type/delete`` comes from."""
    endings: tuple[tuple[str, str], ...] = (
        ("/write", "PUT"),
        ("/delete", "DELETE"),
        ("/action", "POST"),
    )
    return next((method for end, method in endings if verb.endswith(end)), "*")


def _types_in(path: str) -> Iterable[str]:
    """Return the types that a request's path may be about, shortest first."""
    _, found, rest = path.lower().rpartition("/providers/")
    if not found:
        return (path,)
    namespace, *words = rest.split("/")
    kinds = itertools.accumulate(words[::2], lambda left, right: f"{left}/{right}")
    return tuple(f"{namespace}/{kind}" for kind in kinds)


_QUOTA = (
    "Operation could not be completed as it results in exceeding approved Total "
    "Regional Cores quota. Additional details - Deployment Model: Resource Manager, "
    "Location: westeurope, Current Limit: 10, Current Usage: 10, Additional Required: "
    "2, (Minimum) New Limit Required: 12."
)
_CONFLICT = (
    "The request failed due to conflict with a concurrent request. To resolve it, "
    "please refer to https://aka.ms/activitylog to get more details on the "
    "conflicting requests."
)
_ALLOCATION = (
    "Allocation failed. We do not have sufficient capacity for the requested VM size "
    "in this region. Read more about improving likelihood of allocation success at "
    "http://aka.ms/allocation-guidance"
)


def _throttled(fault: Fault, path: str) -> ArmError:
    """Return a 429 as the provider words it.

    https://learn.microsoft.com/troubleshoot/azure/virtual-machines/windows/
    troubleshooting-throttling-errors
    """
    headers = fault.retry_after()
    details = []
    if "/microsoft.compute/" in path.lower():
        code = "OperationNotAllowed"
        message = (
            "The server rejected the request because too many requests have been "
            "received for this subscription."
        )
        details.append(
            ArmError(
                429,
                "TooManyRequests",
                f"Retry after {fault.retry_after_s} seconds.",
                target="HighCostGet30Min",
            )
        )
    else:
        code = "SubscriptionRequestsThrottled"
        message = (
            "The request for this subscription exceeded the limit. Please try again "
            f"after '{fault.retry_after_s}' seconds."
        )
    return ArmError(
        fault.status or 429,
        fault.code or code,
        fault.message or message,
        details=details,
        headers=headers,
    )


def answer(faults: Faults, method: str, body: object) -> dict[str, Any]:
    """Answer a request to ``/emulator/faults``.

    Raises:
        ArmError: 400 for a bad list, 405 for a method that there is not.
    """
    if method == "PUT":
        faults.put(read(body))
    elif method == "DELETE":
        faults.put([])
    elif method != "GET":
        raise ArmError(
            405, "MethodNotAllowed", f"{method} is none of GET, PUT and DELETE."
        )
    return faults.to_json()
