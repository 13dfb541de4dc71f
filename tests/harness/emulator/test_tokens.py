"""Tokens of the embedded Azure: how they are asked for, and what each opens."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.harness.emulator.conftest import Running


def post(azure: Running, **content: Any) -> requests.Response:
    """Ask for a token, with whatever for a body."""
    endpoint = azure.endpoint
    return requests.post(
        f"{endpoint['arm']}/{endpoint['tenant']}/oauth2/v2.0/token",
        verify=endpoint["ca"],
        timeout=30,
        **content,
    )


def form(azure: Running, **more: str) -> dict[str, str]:
    names = ("client_id", "client_secret")
    own = {name: azure.endpoint[name] for name in names}
    return {"grant_type": "client_credentials", **own, **more}


def opened(azure: Running, token: str) -> tuple[int, dict[str, Any]]:
    """What the Resource Manager answers to a token."""
    bearer = f"Bearer {token}"
    status, headers, body = azure.ask("GET", "/subscriptions", Authorization=bearer)
    if status != 200:
        assert headers["WWW-Authenticate"].startswith("Bearer authorization_uri=")
    return status, body.get("error", {})


@pytest.mark.parametrize(
    "scope",
    [
        "https://management.azure.com/.default",
        "https://management.azure.com//.default",
        "https://management.core.windows.net//.default openid offline_access profile",
        "https://management.usgovcloudapi.net/.default",
        "{arm}/.default",
        "{arm}//.default",
    ],
)
def test_a_token_for_the_resource_manager_opens_it(azure: Running, scope: str) -> None:
    asked = form(azure, scope=scope.format(arm=azure.endpoint["arm"]))
    token = post(azure, data=asked).json()["access_token"]
    assert opened(azure, token) == (200, {})


def test_a_token_for_another_service_does_not(azure: Running) -> None:
    arm = azure.endpoint["arm"]
    token = azure.credential.get_token("https://storage.azure.com/.default").token
    assert opened(azure, token) == (
        401,
        {
            "code": "InvalidAuthenticationTokenAudience",
            "message": "The access token has been obtained for wrong audience or "
            "resource 'https://storage.azure.com'. It should exactly match with one of "
            "the allowed audiences 'https://management.azure.com/',"
            "'https://management.azure.com','https://management.core.windows.net/',"
            f"'https://management.core.windows.net','{arm}/','{arm}'.",
        },
    )


def test_an_audience_is_told_on_one_line(azure: Running) -> None:
    token = post(azure, data=form(azure, resource="a\r\nb")).json()["access_token"]
    status, error = opened(azure, token)
    assert (status, r"resource 'a\r\nb'" in error["message"]) == (401, True)


def test_a_secret_may_have_any_letter(azure: Running) -> None:
    answer = post(azure, data=form(azure, client_secret="\xfc"))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        pytest.param("[]", "unsupported_grant_type", id="list"),
        pytest.param(
            '{"grant_type": "client_credentials", "client_id": 5}',
            "unauthorized_client",
            id="number",
        ),
        pytest.param("{", "unsupported_grant_type", id="no-json"),
    ],
)
def test_what_is_no_form_gets_no_token(azure: Running, body: str, error: str) -> None:
    answer = post(azure, data=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_a_secret_that_no_text_is_gets_no_token(azure: Running) -> None:
    answer = post(azure, json=form(azure, client_secret="\ud800"))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
