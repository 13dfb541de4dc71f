"""Calls and long-running operations: begun together, collected, errors explained.

A long operation runs on Azure whether or not anybody looks, so independent ones
are begun first and collected afterwards: four of one second take little more than
one. Single requests are tried again in the clients' pipelines
(`release.azure.patience`); here a long operation that was accepted, and failed in
the end for a reason that passes, is begun again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from azure.core.exceptions import AzureError as SdkError
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.polling import LROPoller

from release.azure import translation
from release.azure.clients import Azure
from release.azure.codes import CODES
from release.errors import AzureError
from release.wait import Seen, wait_until

T = TypeVar("T")

CUT_OFF = "CutOff"
"""Code of a request that was sent, and whose answer never came."""


def call(azure: Azure, doing: str, request: Callable[[], T]) -> T:
    """Send a request, or begin a long operation.

    Args:
        azure: Whose clients the request uses; they try again as their patience says.
        doing: What is asked, as a clause: ``"deploying qa-rg/web"``.
        request: Sends it.

    Raises:
        AzureError: What Azure answered, explained.
    """
    try:
        with azure.patience.doing(doing):
            return request()
    except SdkError as error:
        raise explained(doing, error) from error


def carry_out(
    azure: Azure,
    doing: str,
    begin: Callable[[], LROPoller[T] | None],
    *,
    timeout_s: float,
    progress: Callable[[str], None] = lambda _: None,
    begun: LROPoller[T] | None = None,
    done: Callable[[], bool] = lambda: False,
    explain: Callable[[AzureError], AzureError] = lambda error: error,
) -> T | None:
    """Begin a long operation and wait for its end; begin it again where that helps.

    That is after a failure that passes (another operation preempted it, the provider
    failed inside), and after a POST whose answer never came. Only for what may be
    done twice: a PUT, PATCH or DELETE, and an action that ends in the same state.

    Args:
        azure: Sets the pauses and the tries.
        doing: What is asked, as a clause.
        begin: Begins it; None means that it is over already.
        timeout_s: Seconds for all of it.
        progress: Told each time that what is seen changes.
        begun: The operation, where it was begun already.
        done: Looks whether it was done after all, before it is begun again.
        explain: Finds the cause of a failure in the end.

    Returns:
        Its result; None also when `done` found it done.

    Raises:
        WaitTimedOut: It was not over in time.
        AzureError: It failed.
    """
    until = time.monotonic() + timeout_s
    number = 0
    while True:
        number += 1
        try:
            poller, begun = begun or call(azure, doing, begin), None
            if poller is None:
                return None
            left_s = max(0.0, until - time.monotonic())
            return collect(azure, doing, poller, timeout_s=left_s, progress=progress)
        except AzureError as error:
            cause = explain(error)
            if not (cause.retryable or cause.code == CUT_OFF):
                raise cause from error
            spent = azure.patience.wait(f"{cause.code} at Azure", number, to=doing)
            if spent:
                what = f"{cause.what} ({spent})"
                raise AzureError(what, fix=cause.fix, code=cause.code) from error
            if done():
                return None


def collect(
    azure: Azure,
    doing: str,
    poller: LROPoller[T],
    *,
    timeout_s: float,
    progress: Callable[[str], None] = lambda _: None,
    meanwhile: Callable[[], None] = lambda: None,
) -> T:
    """Wait for a long operation that was begun, and return its result.

    Args:
        azure: Sets the seconds between looks.
        doing: What was begun, as a clause.
        poller: The operation; the SDK polls it in a thread of its own.
        timeout_s: Seconds from now. The operation itself goes on after them.
        progress: Told each time that what is seen changes.
        meanwhile: Called at each look.

    Raises:
        WaitTimedOut: It was not over in time.
        AzureError: It failed.
    """

    def look() -> Seen[bool]:
        poller.wait(azure.poll_s)
        meanwhile()
        over = poller.done()
        return Seen(what=_status(poller), value=True if over else None)

    try:
        # The look itself waits for the poller, and returns as soon as it is done; a
        # wait for an operation that has failed raises as its result does.
        wait_until(
            f"end of {doing}",
            look,
            timeout_s=timeout_s,
            interval_s=0,
            fix="look at the resource group's activity log; it may still finish",
            progress=progress,
        )
        return poller.result()
    except SdkError as error:
        raise explained(doing, error) from error


def explained(doing: str, error: SdkError) -> AzureError:
    """Turn an error of the SDK into one that says what to do.

    One that was tried again in vain says how often, and is not to be tried further.
    """
    found = _explained(doing, error)
    spent = "; ".join(getattr(error, "__notes__", ()))
    if not spent:
        return found
    return AzureError(f"{found.what} ({spent})", fix=found.fix, code=found.code)


def _explained(doing: str, error: SdkError) -> AzureError:
    if isinstance(error, ClientAuthenticationError) and not _storage_code(error):
        if "HTTPSConnection" in str(error):
            # azure-identity calls it a refusal when nobody answers.
            return _unanswered(doing, "signing in", error)
        line = _first_line(error)
        code = translation.entra_code(line)
        return AzureError(
            f"{doing} failed: signing in was refused: {line}",
            fix=CODES[code].fix
            if code
            else "check ARM_TENANT_ID, ARM_CLIENT_ID and ARM_CLIENT_SECRET, or sign in "
            "with az login",
            code=code or "AuthenticationFailed",
        )
    if isinstance(error, HttpResponseError):
        return translation.azure_error(
            doing, _fault(error), status=error.status_code or 0
        )
    if isinstance(error, ServiceResponseError):
        return AzureError(
            f"{doing} failed: the connection was cut off before the answer came: "
            f"{_first_line(error)}",
            fix="release again; look at the network and a proxy if it happens often",
            code=CUT_OFF,
        )
    if isinstance(error, ServiceRequestError):
        return _unanswered(doing, "the request", error)
    return AzureError(
        f"{doing} failed: {_first_line(error)}",
        fix="act on the message; it is the Azure SDK's own",
        code=type(error).__name__,
    )


def _unanswered(doing: str, what: str, error: SdkError) -> AzureError:
    return AzureError(
        f"{doing} failed: no answer to {what}: {_first_line(error)}",
        fix="check the network, a proxy (HTTPS_PROXY), and that the endpoint is up",
        code="NoAnswer",
    )


def _fault(error: HttpResponseError) -> translation.Fault:
    # Storage tells its code in a header, and as an attribute of the error.
    if _storage_code(error):
        return translation.Fault(code=_storage_code(error), message=_first_line(error))
    if error.error is None:
        return translation.Fault(code="", message=_first_line(error))
    return _of_model(error.error)


def _storage_code(error: SdkError) -> str:
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


def _of_model(raw: Any) -> translation.Fault:
    nested = tuple(_of_model(detail) for detail in raw.details or ())
    read = translation.fault(
        {
            "code": raw.code,
            "message": raw.message,
            "target": raw.target,
        }
    )
    return translation.Fault(
        code=read.code,
        message=read.message,
        target=read.target,
        details=nested or read.details,
    )


def _status(poller: LROPoller[Any]) -> str:
    status = str(poller.status())
    return {"InProgress": "in progress"}.get(status, status.lower())


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
