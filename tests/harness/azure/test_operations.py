from typing import Any

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ODataV4Format,
    ServiceRequestError,
)

from release.azure.clients import Azure, Endpoint
from release.azure.operations import ATTEMPTS, call
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


def test_a_conflict_is_tried_again(azure: Azure) -> None:
    errors = [_refused("AnotherOperationInProgress", "busy")] * 2

    def request() -> str:
        if errors:
            raise errors.pop()
        return "done"

    assert call(azure, "deploying web", request) == "done"


def test_a_conflict_that_stays_is_told_in_the_end(azure: Azure) -> None:
    tries: list[int] = []

    def request() -> None:
        tries.append(1)
        raise _refused("AnotherOperationInProgress", "busy")

    with pytest.raises(AzureError) as caught:
        call(azure, "deploying web", request)
    assert len(tries) == ATTEMPTS
    assert str(caught.value) == (
        "deploying web failed: AnotherOperationInProgress: busy\n"
        "  fix: wait until the other operation ends, then release again"
    )


def test_what_cannot_succeed_is_asked_once(azure: Azure) -> None:
    tries: list[int] = []

    def request() -> None:
        tries.append(1)
        raise _refused("RequestDisallowedByPolicy", "no")

    with pytest.raises(AzureError):
        call(azure, "deploying web", request)
    assert len(tries) == 1


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(
            ClientAuthenticationError("AADSTS7000215: Invalid client secret.\nTrace"),
            "reading web failed: signing in was refused: AADSTS7000215: Invalid client "
            "secret.\n  fix: check ARM_TENANT_ID, ARM_CLIENT_ID and "
            "ARM_CLIENT_SECRET, or sign in with az login",
            id="sign-in",
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
