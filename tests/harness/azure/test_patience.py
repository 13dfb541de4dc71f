"""What is tried again, how often, after how long; on real connections."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from azure.core.exceptions import (
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from release.azure.operations import CUT_OFF, explained
from tests.harness.azure.conftest import Answer

BUSY = "AnotherOperationInProgress"
ALL = ("GET", "PUT", "PATCH", "POST", "DELETE")


def throttled(**headers):
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status=429, code="TooManyRequests", headers=named)


@pytest.mark.parametrize("method", ALL)
def test_a_throttled_request_waits_as_long_as_azure_asks(asked, method):
    assert asked.ask(method, throttled(Retry_After="17")).status_code == 200
    assert asked.said == [
        f"throttled by Azure: waiting 17 s (1 of 10), {method} images"
    ]
    assert asked.clock.slept == [17]
    assert asked.bodies == [b"body", b"body"]


@pytest.mark.parametrize(
    ("headers", "slept_s"),
    [
        pytest.param({"retry-after-ms": "250"}, 0.25, id="milliseconds"),
        pytest.param({"x-ms-retry-after-ms": "300"}, 0.3, id="x-ms-milliseconds"),
        pytest.param(
            {
                "x-ms-ratelimit-remaining-resource": "Microsoft.Compute/"
                "HighCostGet3Min;46,Microsoft.Compute/HighCostGet30Min;0"
            },
            15,
            id="empty-bucket",
        ),
        pytest.param(
            {"x-ms-ratelimit-remaining-resource": "Microsoft.Compute/PutVM3Min;10"},
            1,
            id="nothing-asked",
        ),
        pytest.param({"Retry-After": "soon"}, 1, id="nonsense"),
    ],
)
def test_azure_says_in_many_ways_how_long_to_wait(asked, headers, slept_s):
    asked.ask("GET", Answer(status=429, code="TooManyRequests", headers=headers))
    assert asked.clock.slept == [slept_s]


def test_azure_may_name_the_moment_instead(asked):
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    asked.ask("GET", throttled(Retry_After=then))
    assert 37 < asked.clock.slept[0] <= 40


def test_the_pause_doubles_where_none_is_asked_for_up_to_twelve_polls(asked):
    asked.ask("PUT", *[Answer(status=409, code=BUSY)] * 6)
    assert asked.clock.slept == [1, 2, 4, 8, 12, 12]
    assert asked.said[-1] == (
        "AnotherOperationInProgress at Azure: waiting 12 s (6 of 10), PUT images"
    )


def test_tries_end_and_the_message_says_how_many_there_were(asked):
    with pytest.raises(HttpResponseError) as caught:
        asked.ask("PUT", *[Answer(status=409, code=BUSY, message="busy")] * 20)
    assert asked.sent == 11
    error = explained("deploying web", caught.value)
    assert str(error) == (
        "deploying web failed: AnotherOperationInProgress: busy (given up after 11 "
        "tries)\n  fix: wait until the other operation ends, then release again"
    )
    assert error.retryable is False


def test_seconds_end_before_a_wait_that_is_too_long(asked):
    with pytest.raises(HttpResponseError) as caught:
        asked.ask("GET", throttled(Retry_After="500"), throttled(Retry_After="200"))
    assert asked.clock.slept == [500]
    assert str(explained("reading web", caught.value)) == (
        "reading web failed: TooManyRequests: why (given up after 2 tries: 200 s more "
        "to wait, and 100 of the stage's 600 s are left)\n"
        "  fix: release again later: too many requests of this principal"
    )


def test_each_stage_has_all_the_seconds(asked):
    for _ in range(3):
        asked.ask("GET", throttled(Retry_After="500"))
    assert asked.clock.slept == [500, 500, 500]


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize(
    ("answer", "repeats_post"),
    [
        pytest.param(Answer(status=409, code="Conflict"), True, id="conflict"),
        pytest.param(Answer(status=503), True, id="unavailable"),
        pytest.param(
            Answer(status=409, code="Odd", headers={"Retry-After": "1"}),
            True,
            id="asked-to",
        ),
        pytest.param(Answer(status=500), False, id="broken"),
        pytest.param(
            Answer(status=500, code="InternalServerError"), False, id="broken-inside"
        ),
        pytest.param(Answer(status=504), False, id="gateway"),
        pytest.param(Answer(status=0), False, id="cut-off"),
    ],
)
def test_a_post_is_sent_again_only_where_it_was_refused(
    asked, method, answer, repeats_post
):
    expected = 2 if repeats_post or method != "POST" else 1
    with contextlib.suppress(ServiceResponseError):
        asked.ask(method, answer)
    assert asked.sent == expected


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(status=404, code="ResourceNotFound"), id="not-there"),
        pytest.param(Answer(status=403, code="AuthorizationFailed"), id="no-role"),
        pytest.param(Answer(status=409, code="AllocationFailed"), id="no-room"),
        pytest.param(
            Answer(
                status=409,
                code="OperationNotAllowed",
                message="exceeding approved quota",
                headers={"Retry-After": "1"},
            ),
            id="quota-whatever-it-asks",
        ),
    ],
)
def test_what_cannot_succeed_is_asked_once(asked, answer):
    assert asked.ask("PUT", answer).status_code == answer.status
    assert asked.sent == 1


@pytest.mark.parametrize(
    ("answer", "sent"),
    [
        pytest.param(Answer(status=409, code="OperationPreempted"), 1, id="preempted"),
        pytest.param(Answer(status=500, code="InternalExecutionError"), 1, id="broken"),
        pytest.param(Answer(status=429, code="TooManyRequests"), 2, id="throttled"),
        pytest.param(Answer(status=503, code="ServerBusy"), 2, id="unavailable"),
        pytest.param(Answer(status=502), 2, id="gateway"),
    ],
)
def test_how_an_operation_ended_is_no_fault_of_the_look_at_it(asked, answer, sent):
    where = "/subscriptions/s/operationresults/8f2c"
    assert asked.ask("GET", answer, path=where).status_code in (200, answer.status)
    assert asked.sent == sent


def test_who_sends_a_put_that_may_not_be_done_twice_says_so(asked):
    with pytest.raises(ServiceResponseError) as caught:
        asked.ask("PUT", Answer(status=0), retry_read=0)
    assert explained("provisioning", caught.value).code == CUT_OFF
    assert asked.sent == 1


def test_who_asks_for_no_tries_has_none(asked):
    assert asked.ask("PUT", Answer(status=503), retry_total=0).status_code == 503
    assert asked.sent == 1


def test_an_azure_that_never_answered_is_given_up_soon(asked):
    asked.url = "http://127.0.0.1:9"
    with pytest.raises(ServiceRequestError) as caught:
        asked.ask("GET")
    assert asked.clock.slept == [1, 2, 4]
    assert "(given up after 4 tries)" in explained("reading web", caught.value).what


def test_an_azure_that_answers_no_more_is_given_up_sooner_each_further_time(asked):
    there, gone = asked.url, "http://127.0.0.1:9"
    tries = []
    for url in (there, gone, gone, there, gone):
        before = len(asked.clock.slept)
        asked.url = url
        with contextlib.suppress(ServiceRequestError):
            asked.ask("GET")
        tries.append(len(asked.clock.slept) - before)
    assert tries == [0, 10, 3, 0, 10]


def test_every_try_is_counted(asked):
    asked.ask("PUT", throttled(Retry_After="1"), Answer(status=0))
    asked.ask("GET")
    assert [each.to_json() for each in asked.tally.take()] == [
        {"kind": "reads", "operation": "images", "count": 1, "repeated": 0},
        {"kind": "writes", "operation": "images", "count": 3, "repeated": 2},
    ]
    assert asked.tally.take() == []
