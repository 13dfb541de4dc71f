"""How a release bears with an Azure that throttles, is busy or does not answer.

One policy for every client, in place of the SDKs' own, so that no two layers of
tries multiply; only tokens are left to azure-identity. What is tried again:

- what Azure refused before it did anything: 429, 503, a conflict with another
  operation (the codes that `release.azure.codes` marks so), any refusal with
  ``Retry-After``;
- what may be repeated whatever became of it: a GET, HEAD, PUT, PATCH or DELETE that
  met a 5xx or got no answer. A POST that was cut off is not: who sent it looks first
  (`release.azure.operations.carry_out`).

Azure's ``Retry-After`` wins, as seconds, as a date or in milliseconds. Without one
the pause doubles from the polling interval up. Sources: "Understand how Azure
Resource Manager throttles requests", "Troubleshooting API throttling errors"
(compute), azure-core's ``RetryPolicy``.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import RetryPolicy

from release.azure import translation
from release.azure.tally import BLOBS, Tally, kind, left, operation, polls
from release.wait import Clock, SystemClock

TRIES = 10
"""How often a request is tried again in a row."""
UNANSWERED_TRIES = 3
"""How often while Azure has not answered yet, or no more: the address may be wrong."""
WAITING_S = 600.0
"""How long a stage may wait for such reasons in all."""
LONGEST_POLLS = 12
"""The longest pause that nobody asked for, in polling intervals: 60 s on Azure."""
PRIMARY = "primary"
EXHAUSTED_S = 15.0
"""Pause when Azure says that a bucket of the compute provider is empty, and not for
how long: most are refilled with four or more a minute (source: "Throttling limits
for virtual machines and scale sets")."""

_BROKEN = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_UNAVAILABLE = HTTPStatus.SERVICE_UNAVAILABLE
_NOT_THE_TRANSPORTS = ("hosts", "location_mode", "timeout")


class Patience:
    """The tries and seconds that a stage has, and who is told of each wait.

    Args:
        pause_s: The first pause where Azure asks for none.
        tries: How often a request may be tried again in a row.
        waiting_s: Seconds of waiting for a stage in all.
        clock: The time to use.
    """

    def __init__(
        self,
        *,
        pause_s: float,
        tries: int = TRIES,
        waiting_s: float = WAITING_S,
        clock: Clock | None = None,
    ) -> None:
        self.pause_s = pause_s
        self.tries = tries
        self.waiting_s = waiting_s
        self.answered = False
        """Whether Azure has answered, and was not given up on since."""
        self._clock = clock or SystemClock()
        self._told: Callable[[str], None] = lambda _: None
        self._waited_s = 0.0
        self._lock = threading.Lock()
        self._mine = threading.local()

    def tell(self, told: Callable[[str], None]) -> None:
        """Say who is told of waits that belong to no stage."""
        self._told = told

    def anew(self) -> Patience:
        """Return one that has all its seconds, and tells the same of each wait."""
        made = Patience(
            pause_s=self.pause_s,
            tries=self.tries,
            waiting_s=self.waiting_s,
            clock=self._clock,
        )
        made.tell(self._told)
        return made

    @contextlib.contextmanager
    def during(self, told: Callable[[str], None]) -> Iterator[None]:
        """Give a stage all its seconds, and tell it of each wait."""
        before = self._told
        self._waited_s, self._told = 0.0, told
        try:
            yield
        finally:
            self._told = before

    @contextlib.contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Say what the requests of this thread are for, while they are sent."""
        self._mine.doing = what
        try:
            yield
        finally:
            self._mine.doing = ""

    @property
    def done_here(self) -> str:
        """What the requests of this thread are for, or ""."""
        return str(getattr(self._mine, "doing", ""))

    def wait(
        self, why: str, number: int, *, asked_s: float | None = None, to: str = ""
    ) -> str:
        """Wait before a request is tried again.

        Args:
            why: The reason, such as "throttled by Azure".
            number: 1 before the second try.
            asked_s: Seconds that Azure asked for, or None.
            to: What is tried again: "reading scale set web", or the request.

        Returns:
            "", or why there is no further try.
        """
        unanswered = asked_s is None and not self.answered
        tries = min(self.tries, UNANSWERED_TRIES) if unanswered else self.tries
        if number > tries:
            return f"given up after {_times(number)}"
        seconds = self._doubled_s(number) if asked_s is None else asked_s
        with self._lock:
            left_s = self.waiting_s - self._waited_s
            if seconds > left_s:
                return (
                    f"given up after {_times(number)}: {_s(seconds)} s more to wait, "
                    f"and {_s(left_s)} of the stage's {self.waiting_s:g} s are left"
                )
            self._waited_s += seconds
        doing = f", {to}" if to else ""
        self._told(f"{why}: waiting {_s(seconds)} s ({number} of {tries}){doing}")
        self._clock.sleep(seconds)
        return ""

    def _doubled_s(self, number: int) -> float:
        return self.pause_s * float(min(2 ** (number - 1), LONGEST_POLLS))


class Retry(RetryPolicy[Any, Any]):
    """The policy of the clients' pipelines: send, count, and send again.

    Args:
        patience: How often and how long.
        tally: Told of each request that is sent.
    """

    def __init__(self, patience: Patience, tally: Tally) -> None:
        super().__init__()
        self._patience = patience
        self._tally = tally

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Send a request until it is answered for good.

        Raises:
            azure.core.exceptions.AzureError: The last try's; with a note that says
                why there was no further one.
        """
        asked = request.http_request
        options = _options(request)
        may_repeat = options.get("retry_read", 1) > 0 and not _acts(asked)
        body = asked.body
        begins_at = body.tell() if hasattr(body, "tell") else None
        number = 0
        while True:
            number += 1
            if begins_at is not None:
                body.seek(begins_at)
            response: PipelineResponse[Any, Any] | None = None
            error: AzureError | None = None
            try:
                response = self._once(request, repeated=number > 1)
            except (ServiceRequestError, ServiceResponseError) as caught:
                error = caught
            why = _why(asked, response, error, may_repeat=may_repeat)
            if number > options.get("retry_total", number):
                why = ""
            spent = why and self._wait(request, response, why, number)
            if why and not spent:
                continue
            if error is not None:
                if spent:
                    # It was waited for to the end once: not so long at each request.
                    self._patience.answered = False
                raise _noted(error, spent)
            if response is not None and spent:
                raise _noted(HttpResponseError(response=response.http_response), spent)
            assert response is not None  # noqa: S101 - there is one or an error
            # Clients of storage read where an answer came from.
            response.http_response.location_mode = options.get("location_mode", PRIMARY)
            return response

    def _once(
        self, request: PipelineRequest[Any], *, repeated: bool
    ) -> PipelineResponse[Any, Any]:
        asked = request.http_request
        self._tally.count(asked.method, asked.url, repeated=repeated)
        response: PipelineResponse[Any, Any] = self.next.send(request)
        self._patience.answered = True
        self._tally.note(response.http_response.headers)
        return response

    def _wait(
        self,
        request: PipelineRequest[Any],
        response: PipelineResponse[Any, Any] | None,
        why: str,
        number: int,
    ) -> str:
        asked_s = None
        if response is not None:
            # Retry-After may be no date at all.
            with contextlib.suppress(ValueError):
                asked_s = self.get_retry_after(response)
            if asked_s is None and _exhausted(response):
                asked_s = EXHAUSTED_S
        asked = request.http_request
        return self._patience.wait(
            why,
            number,
            asked_s=asked_s,
            to=self._patience.done_here
            or f"{asked.method} {operation(asked.method, asked.url)}",
        )


def _options(request: PipelineRequest[Any]) -> dict[str, Any]:
    """Take out of a request's options what is no business of the transport."""
    options = request.context.options
    ours = [n for n in options if n.startswith("retry_") or n in _NOT_THE_TRANSPORTS]
    return {name: options.pop(name) for name in ours}


def _acts(asked: Any) -> bool:
    """Tell whether a request may not be sent twice unseen; storage has none such."""
    return asked.method == "POST" and kind(asked.method, asked.url) != BLOBS


def _why(
    asked: Any,
    response: PipelineResponse[Any, Any] | None,
    error: AzureError | None,
    *,
    may_repeat: bool,
) -> str:
    """Return why a request is to be sent again, or ""."""
    if response is None:
        cut_off = isinstance(error, ServiceResponseError)
        return "" if cut_off and not may_repeat else "no answer of Azure"
    http = response.http_response
    status = http.status_code
    if status < HTTPStatus.BAD_REQUEST:
        return ""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "throttled by Azure"
    found = translation.fault(_error(http))
    code = translation.cause(found).code
    refused = status < HTTPStatus.INTERNAL_SERVER_ERROR or status == _UNAVAILABLE
    if code and status != _UNAVAILABLE and polls(asked.method, asked.url):
        # That is how the operation ended, and not how the look at it did.
        again = False
    elif translation.known(found):
        again = translation.retryable(found) and (refused or may_repeat)
    elif status in _BROKEN:
        again = may_repeat
    else:
        again = status == _UNAVAILABLE or "Retry-After" in http.headers
    return f"{code or f'HTTP {status}'} at Azure" if again else ""


def _error(http: Any) -> Any:
    """Return the error of an answer: ARM's envelope, or the code of storage."""
    code = http.headers.get("x-ms-error-code")
    if code:
        return {"code": code}
    content = http.read() if hasattr(http, "read") else http.body()
    with contextlib.suppress(ValueError):
        return json.loads(content)
    return None


def _exhausted(response: PipelineResponse[Any, Any]) -> bool:
    http = response.http_response
    throttled = http.status_code == HTTPStatus.TOO_MANY_REQUESTS
    return throttled and 0 in left(http.headers).values()


def _noted(error: AzureError, spent: str) -> AzureError:
    if spent:
        error.add_note(spent)
    return error


def _s(seconds: float) -> str:
    return f"{seconds:.3g}" if seconds < 100 else f"{seconds:,.0f}"  # noqa: PLR2004


def _times(number: int) -> str:
    return "1 try" if number == 1 else f"{number} tries"
