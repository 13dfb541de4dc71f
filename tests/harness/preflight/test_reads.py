"""Questions asked at once, and what is said of those without an answer."""

from __future__ import annotations

import pytest

from release.errors import AzureError, WaitTimedOut
from release.preflight import Finding, Severity
from release.preflight.reads import Reads, refused, unread


def error(code: str, *, retryable: bool = False) -> AzureError:
    return AzureError("reading failed", fix="ask again", code=code, retryable=retryable)


LATE = WaitTimedOut("no end: waited 300 s", fix="look there", last_seen="nothing")


def fail(what: AzureError | WaitTimedOut) -> str:
    raise what


def test_answers_come_by_question_and_what_failed_is_noted() -> None:
    with Reads() as reads:
        asked = [
            reads.ask(lambda: "one"),
            reads.ask(lambda: fail(error("TooManyRequests"))),
            reads.ask(lambda: fail(LATE)),
        ]
        told = [reads.told(f"question {n}", each) for n, each in enumerate(asked)]
    assert told == ["one", None, None]
    assert [each.where for each in reads.unread] == ["question 1", "question 2"]


def test_what_nobody_may_know_is_said_once() -> None:
    with Reads() as reads:
        asked = [reads.ask(lambda: fail(error("NoAnswer"))) for _ in range(5)]
        for each in asked:
            reads.told("anything", each)
    assert reads.unread == [
        Finding(
            what="not looked at",
            where="anything",
            limit="an answer",
            actual="reading failed",
            fix="ask again",
            severity=Severity.STOPS,
        )
    ]


def test_what_is_wrong_with_a_question_is_not_hidden() -> None:
    with Reads() as reads:
        asked = reads.ask(lambda: {}["name"])
        with pytest.raises(KeyError):
            reads.told("anything", asked)


def test_who_may_not_read_is_told_the_role() -> None:
    assert unread("core quotas", error("AuthorizationFailed")) == Finding(
        what="not looked at",
        where="core quotas",
        limit="an answer",
        actual="reading failed",
        fix="grant the role Reader on the subscription, so that this can be looked at",
        severity=Severity.WARNS,
    )


@pytest.mark.parametrize(
    ("found", "is_no"),
    [
        (error("InvalidTemplate"), True),
        (error("RequestDisallowedByPolicy"), True),
        (error("TooManyRequests", retryable=True), False),
        (error("AuthorizationFailed"), False),
        (error("NoAnswer"), False),
        (LATE, False),
        (None, False),
    ],
)
def test_a_no_to_the_asking_is_no_no_to_what_was_asked(
    found: AzureError | WaitTimedOut | None, *, is_no: bool
) -> None:
    assert refused(found) is is_no
