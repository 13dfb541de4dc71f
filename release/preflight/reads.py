"""Questions asked at once, and what becomes of those that get no answer."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

from release.errors import AzureError, WaitTimedOut
from release.preflight.findings import Finding, Severity

AT_ONCE = 8
"""Fewer than a pool of connections holds (urllib3: ten)."""
DENIED = ("AuthorizationFailed", "LinkedAuthorizationFailed")
NOBODY = ("AuthenticationFailed", "NoAnswer")
"""Codes with which nobody answers at all."""
ALIKE = (*NOBODY, "NoRegisteredProviderFound")
"""Codes with which every question ends alike: one finding says it."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer(Generic[T]):
    """What came of one question.

    Attributes:
        value: What was read; None for nothing there, or no answer.
        error: Why there is no answer, or None.
    """

    value: T | None
    error: AzureError | WaitTimedOut | None


class Reads:
    """Questions under way; each in a thread, as many at once as is polite."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="preflight")
        self._unread: list[Finding] = []
        self._said: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def ask(self, question: Callable[[], T]) -> Future[Answer[T]]:
        """Begin to ask."""
        return self._pool.submit(_answer, question)

    def told(self, what: str, asked: Future[Answer[T]]) -> T | None:
        """Return the answer; note that there is none, and go on.

        Args:
            what: What was to be read, as a noun.
            asked: The question.
        """
        answer = asked.result()
        code = code_of(answer.error)
        if answer.error is not None and code not in self._said:
            self._unread.append(unread(what, answer.error))
            self._said |= {code} & set(ALIKE)
        return answer.value

    @property
    def unread(self) -> list[Finding]:
        """What could not be looked at."""
        return list(self._unread)


def code_of(error: AzureError | WaitTimedOut | None) -> str:
    """Return Azure's code of an error, or ""."""
    return error.code if isinstance(error, AzureError) else ""


def refused(error: AzureError | WaitTimedOut | None) -> bool:
    """Tell whether Azure said no to what was asked, and not to the asking."""
    asking = (*DENIED, *NOBODY)
    return isinstance(error, AzureError) and not (
        error.retryable or error.code in asking
    )


def unread(what: str, error: AzureError | WaitTimedOut) -> Finding:
    """Return the finding for a question that got no answer. Pure.

    Who may release need not be allowed to read all that a preflight looks at.
    """
    code = code_of(error)
    return Finding(
        what="not looked at",
        where=what,
        limit="an answer",
        actual=error.what,
        fix="grant the role Reader on the subscription, so that this can be looked at"
        if code in DENIED
        else error.fix,
        severity=Severity.STOPS if code in NOBODY else Severity.WARNS,
    )


def _answer(question: Callable[[], T]) -> Answer[T]:
    try:
        return Answer(value=question(), error=None)
    except (AzureError, WaitTimedOut) as error:
        return Answer(value=None, error=error)
