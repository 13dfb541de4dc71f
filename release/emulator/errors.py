"""Errors as Azure Resource Manager words them.

The envelope is ``{"error": {"code", "message", "target", "details"}}``
(https://learn.microsoft.com/azure/azure-resource-manager/management/common-errors).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class ArmError(Exception):
    """What Azure answers when it refuses or fails.

    Args:
        status: HTTP status.
        code: Azure's error code, such as ``ResourceNotFound``.
        message: What a person reads.
        target: The property or resource that it is about.
        details: Inner errors.
        headers: Extra response headers, such as ``Retry-After``.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str | None = None,
        details: Sequence[ArmError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.target = target
        self.details = tuple(details)
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """Return the inner error object: code, message, target, details."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.target is not None:
            error["target"] = self.target
        if self.details:
            error["details"] = [detail.body() for detail in self.details]
        return error

    @staticmethod
    def of(error: Mapping[str, Any], status: int = 409) -> ArmError:
        """Make the error again from its object."""
        return ArmError(
            status,
            error["code"],
            error["message"],
            target=error.get("target"),
            details=[ArmError.of(detail) for detail in error.get("details", ())],
        )


class HostFault(Exception):
    """This computer cannot do what the emulator needs of it.

    Args:
        what: One sentence with the name and the values.
        fix: What the reader can do now.
    """

    def __init__(self, what: str, *, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what}\n  fix: {self.fix}"


def bad_request(code: str, message: str, *, target: str | None = None) -> ArmError:
    """Return a 400."""
    return ArmError(400, code, message, target=target)


def internal(error: Exception) -> ArmError:
    """Return the 500 for what this computer cannot do, or for a bug."""
    bug = "An internal execution error occurred; see the emulator's log."
    told = str(error) if isinstance(error, HostFault) else bug
    return ArmError(500, "InternalExecutionError", told)


def not_allowed(method: str, where: str, allowed: Iterable[str]) -> ArmError:
    """Return the 405 for a method that a path does not have."""
    return ArmError(
        405,
        "MethodNotAllowed",
        f"The HTTP method '{method}' is not supported on the resource '{where}'.",
        headers={"Allow": ", ".join(sorted(allowed))},
    )


def conflict(code: str, message: str, *, target: str | None = None) -> ArmError:
    """Return a 409."""
    return ArmError(409, code, message, target=target)


def resource_not_found(resource_type: str, name: str, group: str | None) -> ArmError:
    """Return the 404 that Azure gives for a resource that is not there."""
    where = f" under resource group '{group}'" if group else ""
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{resource_type}/{name}'{where} was not found. For more "
        "details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def group_not_found(group: str) -> ArmError:
    """Return the 404 for a resource group that is not there."""
    return ArmError(
        404,
        "ResourceGroupNotFound",
        f"Resource group '{group}' could not be found.",
    )
