"""What an error of Azure means to a person who releases. Pure.

Azure wraps the cause: ``DeploymentFailed`` around ``ResourceDeploymentFailure``
around what happened, sometimes as JSON inside a message. The table of
`release.azure.codes` has the advice for the innermost code. Some messages tell more
than their code: of a quota, a role or a policy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from release.azure.codes import (
    BEING_DELETED,
    CODES,
    USED_UP,
    WRAPPERS,
    Act,
    Code,
)
from release.errors import AzureError

THROTTLED = 429


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One error as Azure reports it, with those that it wraps."""

    code: str
    message: str
    target: str = ""
    details: tuple[Fault, ...] = ()


def fault(raw: Any) -> Fault:
    """Read an error of Azure's envelope, however deep it is wrapped.

    Args:
        raw: ``{"error": {...}}``, its inner object, or anything else, which
            becomes an error without a code.
    """
    if isinstance(raw, Mapping) and isinstance(raw.get("error"), Mapping):
        raw = raw["error"]
    if not isinstance(raw, Mapping):
        return Fault(code="", message=str(raw or ""))
    message = str(raw.get("message") or "")
    details = tuple(fault(item) for item in _list(raw.get("details")))
    wrapped = _json(message)
    if wrapped is not None:
        details = (*details, fault(wrapped))
    return Fault(
        code=str(raw.get("code") or ""),
        message=message,
        target=str(raw.get("target") or ""),
        details=details,
    )


def causes(outer: Fault) -> tuple[Fault, ...]:
    """Return the innermost errors: those that wrap none, without wrappers."""
    inner = tuple(cause for detail in outer.details for cause in causes(detail))
    named = tuple(cause for cause in inner if cause.code)
    if named and (outer.code in WRAPPERS or not outer.code):
        return named
    return named or (outer,)


def cause(outer: Fault) -> Fault:
    """Return the innermost error that decides: the first that does not pass."""
    found = causes(outer)
    return next((each for each in found if not _passes(_known(each))), found[0])


def known(outer: Fault) -> Code | None:
    """Return what is known of the cause that decides, or None."""
    return _known(cause(outer))


def _known(first: Fault) -> Code | None:
    if first.code == "OperationNotAllowed":
        # One code for three situations: only its message tells them apart.
        text = first.message.lower()
        if "marked for deletion" in text:
            return BEING_DELETED
        if "quota" in text or "cores" in text:
            return USED_UP
    return CODES.get(first.code)


def retryable(outer: Fault) -> bool:
    """Tell whether the same may succeed later."""
    return _passes(known(outer))


def _passes(found: Code | None) -> bool:
    return found is not None and found.act is Act.AGAIN


def azure_error(doing: str, outer: Fault, *, status: int = 0) -> AzureError:
    """Say in one sentence what Azure refused, and what to do.

    Args:
        doing: What was asked, as a clause: ``"deploying qa-rg/web"``.
        outer: The error as reported.
        status: The HTTP status, or 0.
    """
    found = causes(outer)
    first = cause(outer)
    code = first.code or outer.code or (f"Http{status}" if status else "Unknown")
    texts = dict.fromkeys(
        f"{cause.code or code}: {_sentence(cause.message)}" for cause in found
    )
    what = CODES["TooManyRequests"] if status == THROTTLED else known(outer)
    return AzureError(
        f"{doing} failed: {'; '.join(texts)}",
        fix=_fix(first, what),
        code=code,
        retryable=_passes(what),
        elsewhere=what is not None and what.act is Act.ELSEWHERE,
    )


def entra_code(message: str) -> str:
    """Return the code of Entra in a message, where it is a known one; else ""."""
    return next((code for code in _ENTRA.findall(message) if code in CODES), "")


_ENTRA = re.compile(r"AADSTS\d+")
_ACTION = re.compile(r"perform action '([^']+)'(?:.*?over scope '([^']+)')?", re.DOTALL)
_PROVIDER = re.compile(r"use namespace '([\w.]+)'")
_POLICY = re.compile(r'"policyAssignment":\s*\{\s*"name":\s*"([^"]+)"')
_LIMIT = re.compile(
    r"Current Limit: (\d+).*?Current Usage: (\d+).*?Additional Required: (\d+)",
    re.DOTALL,
)


def _fix(first: Fault, what: Code | None) -> str:
    """Return the advice, with what the message tells of place and numbers."""
    if what is None:
        return "act on the message; it is Azure's own"
    if action := _ACTION.search(first.message):
        scope = f" on {action[2]}" if action[2] else ""
        return f"{what.fix}; the action that it lacks is {action[1]}{scope}"
    if limits := _LIMIT.search(first.message):
        limit, usage, needed = (int(number) for number in limits.groups())
        return (
            f"{what.fix}: the limit is {limit}, {usage} are in use, {needed} more are "
            f"needed, so ask for at least {usage + needed}"
        )
    if policy := _POLICY.search(first.message):
        return f"{what.fix}: the assignment is {policy[1]}"
    if provider := _PROVIDER.search(first.message):
        return what.fix.replace("NAMESPACE", provider[1])
    return what.fix


def _sentence(message: str) -> str:
    return " ".join(message.split()) or "no message"


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _json(message: str) -> Any | None:
    if not message.lstrip().startswith("{"):
        return None
    try:
        return json.loads(message)
    except ValueError:
        return None
