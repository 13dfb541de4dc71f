from typing import Any

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ODataV4Format,
    ServiceRequestError,
    ServiceResponseError,
)

from release.azure.clients import Azure, Endpoint
from release.azure.operations import call, carry_out
from release.errors import AzureError


class NoCredential:
    def get_token(self, *_: str, **__: Any) -> Any:
        raise AssertionError("nothing is asked")


@pytest.fixture
def azure() -> Azure:
    endpoint = Endpoint(subscription="s", polling_interval_s=0.0001)
    return Azure(endpoint, NoCredential())


def _refused(code: str, message: str) -> HttpResponseError:
    error = HttpResponseError(message)
    error.error = ODataV4Format({"code": code, "message": message})
    return error


class Ended:
    """A long operation that is over, with a result or an error."""

    def __init__(self, ended: object) -> None:
        self._ended = ended

    def wait(self, _: float) -> None:
        self.result()

    def done(self) -> bool:
        return True

    def status(self) -> str:
        return "Failed" if isinstance(self._ended, Exception) else "Succeeded"

    def result(self) -> object:
        if isinstance(self._ended, Exception):
            raise self._ended
        return self._ended


def carried_out(azure: Azure, *ends: object, **options: Any) -> Any:
    left = list(ends)
    begun: list[int] = []

    def begin() -> Any:
        begun.append(1)
        ended = left.pop(0)
        if isinstance(ended, ServiceResponseError):
            raise ended
        return Ended(ended)

    try:
        return carry_out(azure, "upgrading web", begin, timeout_s=5, **options)
    finally:
        assert len(begun) == len(ends), "begun as often as it ended"


PREEMPTED = _refused("OperationPreempted", "A later operation came.")


def test_an_operation_that_was_preempted_is_begun_again(azure: Azure) -> None:
    said: list[str] = []
    azure.patience.answered = True
    with azure.patience.during(said.append):
        assert carried_out(azure, PREEMPTED, PREEMPTED, "done") == "done"
    assert said == [
        "OperationPreempted at Azure: waiting 0.0001 s (1 of 10), upgrading web",
        "OperationPreempted at Azure: waiting 0.0002 s (2 of 10), upgrading web",
    ]


def test_clients_that_no_lock_holds_back_tell_their_waits_too(azure: Azure) -> None:
    said: list[str] = []
    azure.patience.tell(said.append)
    free = azure.unguarded()
    free.patience.answered = True
    carried_out(free, PREEMPTED, "done")
    assert said == [
        "OperationPreempted at Azure: waiting 0.0001 s (1 of 10), upgrading web"
    ]


def test_an_operation_that_fails_for_good_is_begun_once(azure: Azure) -> None:
    with pytest.raises(AzureError) as caught:
        carried_out(azure, _refused("AllocationFailed", "No room."))
    assert caught.value.elsewhere


def test_a_post_that_was_cut_off_is_looked_at_before_it_is_sent_again(
    azure: Azure,
) -> None:
    cut = ServiceResponseError("Connection reset by peer")
    assert carried_out(azure, cut, done=lambda: True) is None
    assert carried_out(azure, cut, "done", done=lambda: False) == "done"


def test_an_operation_that_is_preempted_forever_is_told_in_the_end(
    azure: Azure,
) -> None:
    azure.patience.answered = True
    with pytest.raises(AzureError) as caught:
        carried_out(azure, *[PREEMPTED] * 11)
    assert str(caught.value) == (
        "upgrading web failed: OperationPreempted: A later operation came. (given up "
        "after 11 tries)\n"
        "  fix: wait until the other operation ends, then release again"
    )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(
            ClientAuthenticationError("AADSTS7000215: Invalid client secret.\nTrace"),
            "reading web failed: signing in was refused: AADSTS7000215: Invalid client "
            "secret.\n  fix: check ARM_CLIENT_SECRET: it is the secret's value, and "
            "not its id",
            id="sign-in",
        ),
        pytest.param(
            ClientAuthenticationError("AADSTS1: Something else."),
            "reading web failed: signing in was refused: AADSTS1: Something else.\n"
            "  fix: check ARM_TENANT_ID, ARM_CLIENT_ID and ARM_CLIENT_SECRET, or sign "
            "in with az login",
            id="sign-in-unknown",
        ),
        pytest.param(
            ServiceResponseError("Connection reset by peer"),
            "reading web failed: the connection was cut off before the answer came: "
            "Connection reset by peer\n"
            "  fix: release again; look at the network and a proxy if it happens often",
            id="cut-off",
        ),
        pytest.param(
            ServiceRequestError("Connection refused"),
            "reading web failed: no answer to the request: Connection refused\n"
            "  fix: check the network, a proxy (HTTPS_PROXY), and that the endpoint is "
            "up",
            id="no-answer",
        ),
        pytest.param(
            ClientAuthenticationError(
                "Authentication failed: HTTPSConnection(host='login', port=443): timed "
                "out"
            ),
            "reading web failed: no answer to signing in: Authentication failed: "
            "HTTPSConnection(host='login', port=443): timed out\n"
            "  fix: check the network, a proxy (HTTPS_PROXY), and that the endpoint is "
            "up",
            id="no-answer-to-sign-in",
        ),
    ],
)
def test_errors_say_what_to_do(azure: Azure, error: Exception, expected: str) -> None:
    def request() -> None:
        raise error

    with pytest.raises(AzureError) as caught:
        call(azure, "reading web", request)
    assert str(caught.value) == expected
