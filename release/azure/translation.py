"""What an error of Azure means to a person who releases. Pure.

Azure wraps the cause: ``DeploymentFailed`` around ``ResourceDeploymentFailure``
around what happened, sometimes as JSON inside a message. The table below gives
the advice for the innermost code, and says whether the same request may succeed
later. Sources: "Troubleshoot common Azure deployment errors", "Understand
throttling limits" and the compute provider's error messages; the codes that
say "a concurrent request" are safe to repeat because the request was refused
before it changed anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from release.errors import AzureError


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One error as Azure reports it, with those that it wraps."""

    code: str
    message: str
    target: str = ""
    details: tuple[Fault, ...] = ()


_AGAIN = "wait until the other operation ends, then release again"
_CAPACITY = (
    "choose another instance_size or location in release.toml, or try again later: "
    "the region has no room for this size now"
)
_QUOTA = (
    "ask for more quota (portal: Quotas), remove machines that are not needed, or "
    "choose a smaller instance_size"
)
_ACCESS = (
    "grant the role Contributor on the resource group to the principal that "
    "releases, and Storage Blob Data Contributor on the storage account"
)
_TEMPLATE = "mend the template at the place named; nothing was changed"

ADVICE: Mapping[str, str] = {
    "AddressInUse": "end that program, or set another site_port in release.toml",
    "AllocationFailed": _CAPACITY,
    "AuthenticationFailed": _ACCESS,
    "AuthorizationFailed": _ACCESS,
    "AuthorizationFailure": _ACCESS,
    "AuthorizationPermissionMismatch": _ACCESS,
    "BadRequest": "mend what the message names",
    "DeploymentActive": "a deployment of this name is still running: wait for it",
    "ExpiredAuthenticationToken": "sign in again",
    "GalleryImageNotFound": "wait for the image's replication to the region, "
    "or bake it again",
    "ImageNotFound": "bake the image again: it is gone",
    "InvalidAuthenticationToken": "sign in again; ARM_TENANT_ID may be another",
    "InvalidTemplate": _TEMPLATE,
    "InvalidTemplateDeployment": _TEMPLATE,
    "LinkedAuthorizationFailed": _ACCESS,
    "LocationNotAvailableForResourceType": "choose another location",
    "MissingSubscriptionRegistration": "register the resource provider: "
    "az provider register --namespace NAMESPACE",
    "OSProvisioningTimedOut": "the image does not boot as a generalized one: its "
    "last step must be waagent -deprovision+user",
    "OverconstrainedAllocationRequest": _CAPACITY,
    "OverconstrainedZonalAllocationRequest": _CAPACITY,
    "PropertyChangeNotAllowed": "the property cannot change on an existing "
    "resource: set it back, or make a new scale set",
    "PublicIPCountLimitReached": _QUOTA,
    "QuotaExceeded": _QUOTA,
    "RequestDisallowedByPolicy": "ask who owns the subscription's policies",
    "ResourceGroupBeingDeleted": "wait until the group is gone, then release again",
    "ResourceGroupNotFound": "check resource_group in release.toml",
    "ResourceNotFound": "check the name in release.toml",
    "ResourceQuotaExceeded": _QUOTA,
    "SkuNotAvailable": _CAPACITY,
    "StorageAccountAlreadyTaken": "set storage_account in release.toml to another "
    "name: names of storage accounts are unique in all of Azure",
    "SubnetIsFull": "make the subnet larger, or run fewer instances",
    "SubscriptionNotFound": "check subscription in release.toml (ARM_SUBSCRIPTION_ID)",
    "VMExtensionProvisioningError": "read the extension's message: the machine's "
    "agent reported it",
    "VMStartTimedOut": "the machine did not start: look at its boot diagnostics",
    "ZonalAllocationFailed": _CAPACITY,
}

RETRYABLE: Mapping[str, str] = {
    "AnotherOperationInProgress": _AGAIN,
    "Conflict": _AGAIN,
    "OperationPreempted": _AGAIN,
    "RetryableError": _AGAIN,
    "RetryableErrorDueToAnotherOperation": _AGAIN,
    "ServerTimeout": "release again; Azure did not answer in time",
    "ServiceUnavailable": "release again; Azure's service status may say more",
    "TooManyRequests": "release again later: too many requests of this principal",
    "InternalExecutionError": "release again; Azure names no cause of its own",
}

_WRAPPERS = frozenset(
    {
        "DeploymentFailed",
        "ResourceDeploymentFailure",
        "InvalidTemplateDeployment",
        "MultipleErrorsOccurred",
        "ResourceOperationFailure",
        "VMScaleSetOperationFailed",
    }
)


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
    if named and (outer.code in _WRAPPERS or not outer.code):
        return named
    return named or (outer,)


def azure_error(doing: str, outer: Fault, *, status: int = 0) -> AzureError:
    """Say in one sentence what Azure refused, and what to do.

    Args:
        doing: What was asked, as a clause: ``"deploying qa-rg/web"``.
        outer: The error as reported.
        status: The HTTP status, or 0.
    """
    found = causes(outer)
    first = found[0]
    code = first.code or outer.code or (f"Http{status}" if status else "Unknown")
    texts = dict.fromkeys(
        f"{cause.code or code}: {_sentence(cause.message)}" for cause in found
    )
    fix, retryable = _advice(code, first.message)
    return AzureError(
        f"{doing} failed: {'; '.join(texts)}", fix=fix, code=code, retryable=retryable
    )


def _advice(code: str, message: str) -> tuple[str, bool]:
    if code == "OperationNotAllowed":
        # One code for three situations: only its message tells them apart.
        text = message.lower()
        if "quota" in text or "cores" in text:
            return _QUOTA, False
        if "marked for deletion" in text:
            return _AGAIN, True
        return "mend what the message names", False
    if code in RETRYABLE:
        return RETRYABLE[code], True
    return ADVICE.get(code, "act on the message; it is Azure's own"), False


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
