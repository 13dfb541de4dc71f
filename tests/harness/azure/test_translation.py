import json
from typing import Any

import pytest

from release.azure.translation import ADVICE, RETRYABLE, azure_error, fault

ALLOCATION = {"code": "AllocationFailed", "message": "No room\r\nfor Standard_B2s."}


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param({"error": ALLOCATION}, id="plain"),
        pytest.param(
            {
                "error": {
                    "code": "DeploymentFailed",
                    "message": "At least one resource deployment operation failed.",
                    "details": [
                        {
                            "code": "ResourceDeploymentFailure",
                            "message": "The operation ended in Failed.",
                            "details": [ALLOCATION],
                        }
                    ],
                }
            },
            id="wrapped-twice",
        ),
        pytest.param(
            {
                "code": "DeploymentFailed",
                "details": [
                    {"code": "BadRequest", "message": json.dumps({"error": ALLOCATION})}
                ],
            },
            id="json-in-a-message",
        ),
    ],
)
def test_the_innermost_cause_is_told(raw: dict[str, Any]) -> None:
    error = azure_error("deploying qa/web", fault(raw))
    assert (error.code, error.retryable) == ("AllocationFailed", False)
    assert str(error) == (
        "deploying qa/web failed: AllocationFailed: No room for Standard_B2s.\n"
        "  fix: choose another instance_size or location in release.toml, or try "
        "again later: the region has no room for this size now"
    )


def test_several_causes_are_all_told() -> None:
    raw = {
        "code": "InvalidTemplateDeployment",
        "details": [
            {"code": "SkuNotAvailable", "message": "a"},
            {"code": "QuotaExceeded", "message": "b"},
        ],
    }
    assert azure_error("validating", fault(raw)).what == (
        "validating failed: SkuNotAvailable: a; QuotaExceeded: b"
    )


@pytest.mark.parametrize(
    ("message", "retryable", "fix"),
    [
        ("Operation could not be completed: exceeding quota limit", False, "quota"),
        ("The scale set is marked for deletion", True, "wait until"),
        ("The VM is generalized", False, "mend what"),
    ],
)
def test_operation_not_allowed_is_judged_by_its_message(
    message: str, fix: str, *, retryable: bool
) -> None:
    raw = {"code": "OperationNotAllowed", "message": message}
    error = azure_error("x", fault(raw))
    assert error.retryable is retryable
    assert fix in error.fix


@pytest.mark.parametrize("code", sorted(RETRYABLE))
def test_conflicts_may_succeed_later(code: str) -> None:
    assert azure_error("x", fault({"code": code, "message": "m"})).retryable


def test_no_code_is_both_retryable_and_not() -> None:
    assert not set(ADVICE) & set(RETRYABLE)


def test_an_error_without_a_body_is_told_by_its_status() -> None:
    error = azure_error("reading web", fault(None), status=502)
    assert (error.code, error.what) == (
        "Http502",
        "reading web failed: Http502: no message",
    )
