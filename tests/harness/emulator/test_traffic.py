"""The list of what clients asked for: what of it is masked, and how long it gets."""

from __future__ import annotations

from typing import Any

import pytest

from release.emulator.traffic import KEEP, KEEP_BYTES, Traffic, masked

SIGNED = "https://h/a?sv=1&sig=c2Vj%2Fcm"
SECURE = {"type": "secureObject", "defaultValue": {"user": "ada"}}


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        pytest.param(
            {"protectedSettings": {"commandToExecute": "x", "fileUris": [SIGNED]}},
            {"protectedSettings": {"commandToExecute": "***", "fileUris": ["***"]}},
            id="protected",
        ),
        pytest.param(
            {"secrets": [{"pin": 7, "none": None, "empty": ""}]},
            {"secrets": [{"pin": "***", "none": None, "empty": ""}]},
            id="secrets",
        ),
        pytest.param(
            {"adminPassword": {"value": "x"}, "disablePasswordAuthentication": True},
            {"adminPassword": {"value": "***"}, "disablePasswordAuthentication": True},
            id="parameter",
        ),
        pytest.param(
            {
                "template": {"parameters": {"login": SECURE, "size": {"type": "int"}}},
                "parameters": {"Login": {"value": {"a": [1]}}, "size": {"value": 2}},
            },
            {
                "template": {
                    "parameters": {
                        "login": {"type": "***", "defaultValue": {"user": "***"}},
                        "size": {"type": "int"},
                    }
                },
                "parameters": {
                    "Login": {"value": {"a": ["***"]}},
                    "size": {"value": 2},
                },
            },
            id="secure-parameter",
        ),
        pytest.param(
            {
                "template": {
                    "parameters": {
                        "a": {"$ref": "#/definitions/pin"},
                        "b": {"$ref": "#/definitions/none"},
                        "c": {"$ref": "#/definitions/open"},
                    },
                    "definitions": {
                        "pin": {"$ref": "#/definitions/text"},
                        "text": {"type": "securestring"},
                        "open": {"type": "string"},
                    },
                },
                "parameters": {name: {"value": "x"} for name in "abc"},
            },
            {
                "template": {
                    "parameters": {
                        "a": {"$ref": "***"},
                        "b": {"$ref": "***"},
                        "c": {"$ref": "#/definitions/open"},
                    },
                    "definitions": {
                        "pin": {"$ref": "#/definitions/text"},
                        "text": {"type": "securestring"},
                        "open": {"type": "string"},
                    },
                },
                "parameters": {
                    "a": {"value": "***"},
                    "b": {"value": "***"},
                    "c": {"value": "x"},
                },
            },
            id="secure-definition",
        ),
        pytest.param(
            {"client_assertion": "x", "access_token": "x", "grant_type": "y"},
            {"client_assertion": "***", "access_token": "***", "grant_type": "y"},
            id="sign-in",
        ),
        pytest.param(
            {"fileUris": [SIGNED], "text": f"get {SIGNED} now"},
            {
                "fileUris": ["https://h/a?sv=1&sig=***"],
                "text": "get https://h/a?sv=1&sig=*** now",
            },
            id="signature",
        ),
        pytest.param(["a", 1, None], ["a", 1, None], id="nothing"),
    ],
)
def test_secrets_are_masked_wherever_they_stand(body: Any, shown: Any) -> None:
    assert masked(body) == shown


def asked(traffic: Traffic, body: object, query: str = "") -> None:
    traffic.note(method="PUT", path="/", query=query, status=200, client="", body=body)


def test_a_signature_in_a_query_is_masked() -> None:
    traffic = Traffic()
    asked(traffic, None, "a=b&sig=c2Vj")
    assert traffic.since()[0]["query"] == "a=b&sig=***"


@pytest.mark.parametrize(
    ("body", "kept"),
    [(None, KEEP), ("x" * (KEEP_BYTES // 4), 3)],
    ids=["many", "large"],
)
def test_the_oldest_are_forgotten(body: str | None, kept: int) -> None:
    traffic = Traffic()
    for _ in range(kept + 2):
        asked(traffic, body)

    assert [one["number"] for one in traffic.since(kept)] == [kept + 1, kept + 2]
    assert (len(traffic.since()), traffic.count) == (kept, kept + 2)
