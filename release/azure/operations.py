"""Calls and long-running operations: begun together, collected, errors explained.

A long operation runs on Azure whether or not anybody looks, so independent ones
are begun first and collected afterwards: four of one second take little more than
one. azure-core itself repeats throttled and unavailable answers (429, 5xx) and
obeys Retry-After; what is repeated here is only what the table of
`release.azure.translation` calls retryable.
"""

from __future__ import annotations

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
from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential,
)

from release.azure import translation
from release.azure.clients import Azure
from release.errors import AzureError
from release.wait import Seen, wait_until

T = TypeVar("T")

ATTEMPTS = 5
PAUSE_MAX_S = 60.0


def call(azure: Azure, doing: str, request: Callable[[], T]) -> T:
    """Send a request; send it again when Azure says that it may succeed later.

    Args:
        azure: Sets the pause: its polling interval, doubled each time up to 60 s.
        doing: What is asked, as a clause: ``"deploying qa-rg/web"``.
        request: One request, or the beginning of a long operation.

    Raises:
        AzureError: What Azure answered, explained.
    """
    for attempt in Retrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(multiplier=azure.poll_s, max=PAUSE_MAX_S),
        retry=retry_if_exception(_may_succeed_later),
        reraise=True,
    ):
        with attempt:
            try:
                return request()
            except SdkError as error:
                raise explained(doing, error) from error
    raise AssertionError("unreachable: the last attempt returns or raises")


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
    """Turn an error of the SDK into one that says what to do."""
    if isinstance(error, ClientAuthenticationError) and not _storage_code(error):
        if "HTTPSConnection" in str(error):
            # azure-identity calls it a refusal when nobody answers.
            return _unanswered(doing, "signing in", error)
        return AzureError(
            f"{doing} failed: signing in was refused: {_first_line(error)}",
            fix="check ARM_TENANT_ID, ARM_CLIENT_ID and ARM_CLIENT_SECRET, or sign in "
            "with az login",
            code="AuthenticationFailed",
        )
    if isinstance(error, HttpResponseError):
        return translation.azure_error(
            doing, _fault(error), status=error.status_code or 0
        )
    if isinstance(error, ServiceRequestError | ServiceResponseError):
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


def _may_succeed_later(error: BaseException) -> bool:
    return isinstance(error, AzureError) and error.retryable


def _status(poller: LROPoller[Any]) -> str:
    status = str(poller.status())
    return {"InProgress": "in progress"}.get(status, status.lower())


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
