import json
from pathlib import Path
from typing import Any

import pytest

from release.azure.codes import CODES, SOURCES, Act, markdown
from release.azure.translation import azure_error, fault

ROOT = Path(__file__).parents[3]
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


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_code_says_what_to_do(code: str) -> None:
    error = azure_error("x", fault({"code": code, "message": "m"}))
    known = CODES[code]
    assert (error.code, error.fix) == (code, known.fix)
    assert error.retryable == (known.act is Act.AGAIN)
    assert error.elsewhere == (known.act is Act.ELSEWHERE)
    assert known.source in SOURCES


@pytest.mark.parametrize(
    ("code", "message", "fix"),
    [
        pytest.param(
            "OperationNotAllowed",
            "Operation could not be completed as it results in exceeding approved "
            "Total Regional Cores quota. Additional details - Deployment Model: "
            "Resource Manager, Location: westeurope, Current Limit: 10, Current Usage: "
            "8, Additional Required: 4, (Minimum) New Limit Required: 12.",
            "ask for more quota (portal: Quotas), remove machines that are not needed, "
            "or choose a smaller instance_size: the limit is 10, 8 are in use, 4 more "
            "are needed, so ask for at least 12",
            id="quota",
        ),
        pytest.param(
            "AuthorizationFailed",
            "The client 'a' with object id 'b' does not have authorization to perform "
            "action 'Microsoft.Compute/images/write' over scope '/subscriptions/s' or "
            "the scope is invalid.",
            "grant the role Contributor on the resource group to the principal that "
            "releases, and Storage Blob Data Contributor on the storage account; the "
            "action that it lacks is Microsoft.Compute/images/write on "
            "/subscriptions/s",
            id="role",
        ),
        pytest.param(
            "RequestDisallowedByPolicy",
            "Resource 'web' was disallowed by policy. Policy identifiers: "
            '\'[{"policyAssignment":{"name":"Allowed sizes","id":"/x"}}]\'.',
            "ask who owns the subscription's policies: the assignment is Allowed sizes",
            id="policy",
        ),
        pytest.param(
            "MissingSubscriptionRegistration",
            "The subscription is not registered to use namespace 'Microsoft.Compute'.",
            "register the resource provider: az provider register --namespace "
            "Microsoft.Compute",
            id="provider",
        ),
    ],
)
def test_messages_that_tell_more_than_their_code_are_read(
    code: str, message: str, fix: str
) -> None:
    assert azure_error("x", fault({"code": code, "message": message})).fix == fix


def test_the_documentation_has_the_table() -> None:
    assert (ROOT / "docs" / "errors.md").read_text() == markdown()


def test_being_throttled_is_not_taken_for_a_quota() -> None:
    raw = {"code": "OperationNotAllowed", "message": "Too many requests: quota."}
    assert azure_error("x", fault(raw), status=429).retryable


def test_an_error_without_a_body_is_told_by_its_status() -> None:
    error = azure_error("reading web", fault(None), status=502)
    assert (error.code, error.what) == (
        "Http502",
        "reading web failed: Http502: no message",
    )
