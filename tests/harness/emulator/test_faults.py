"""Faults on request, over HTTPS where a client would meet them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ServiceResponseError

from release.emulator.errors import ArmError
from release.emulator.faults import Faults, read
from release.emulator.ids import parse
from release.wait import Seen, wait_until
from tests.harness.emulator.conftest import Running

VERSION = "2023-05-01"
ACCOUNT = {
    "location": "westeurope",
    "sku": {"name": "Standard_LRS"},
    "kind": "StorageV2",
}
Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def faults(azure: Running) -> Iterator[Ask]:
    """Ask for faults; they are lifted at the end."""

    def ask(*wanted: dict[str, Any], method: str = "PUT") -> dict[str, Any]:
        return azure.tell("faults", method, {"faults": wanted})

    yield ask
    ask(method="DELETE")


@pytest.fixture(scope="module")
def group(azure: Running) -> Iterator[str]:
    azure.resources.resource_groups.create_or_update(
        "faulty", {"location": "westeurope"}
    )
    yield f"/subscriptions/{azure.endpoint['subscription']}/resourceGroups/faulty"
    azure.resources.resource_groups.begin_delete("faulty").result()


def account_path(group: str, name: str) -> str:
    return f"{group}/providers/Microsoft.Storage/storageAccounts/{name}"


@pytest.mark.usefixtures("group")
def test_a_throttled_client_waits_and_gets_through(azure: Running, faults: Ask) -> None:
    faults({"kind": "throttled", "path": "*/faulty", "times": 1})
    before = len(azure.requests())

    azure.resources.resource_groups.get("faulty")

    asked = azure.requests()[before:]
    assert [(one["method"], one["status"]) for one in asked] == [
        ("GET", 429),
        ("GET", 200),
    ]
    assert faults(method="GET")["faults"][0]["hits"] == 1


@pytest.mark.usefixtures("group")
def test_a_throttled_client_that_does_not_wait_is_told_for_how_long(
    azure: Running, faults: Ask
) -> None:
    faults({"kind": "throttled", "method": "GET", "retry_after_s": 7})

    with pytest.raises(HttpResponseError) as caught:
        azure.resources.resource_groups.get("faulty", retry_total=0)

    assert caught.value.status_code == 429
    assert caught.value.response is not None
    assert caught.value.response.headers["Retry-After"] == "7"
    assert caught.value.error is not None
    assert caught.value.error.code == "SubscriptionRequestsThrottled"


def test_a_conflict_and_a_quota_refuse_a_write_at_once(
    azure: Running, group: str, faults: Ask
) -> None:
    kind = "Microsoft.Storage/storageAccounts"
    faults({"kind": "conflict", "type": kind}, {"kind": "quota", "type": f"{kind}/*"})
    begin = azure.resources.resources.begin_create_or_update_by_id
    codes = []

    for _ in range(2):
        with pytest.raises(HttpResponseError) as caught:
            begin(account_path(group, "refused"), ACCOUNT, api_version=VERSION)
        assert caught.value.status_code == 409
        assert caught.value.error is not None
        codes.append(caught.value.error.code)
    begin(account_path(group, "refused"), ACCOUNT, api_version=VERSION).result()

    assert codes == ["Conflict", "OperationNotAllowed"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param({"kind": "allocation"}, "AllocationFailed", id="allocation"),
        pytest.param(
            {"kind": "fails", "code": "OSProvisioningTimedOut", "message": "Too slow."},
            "OSProvisioningTimedOut",
            id="a-code-of-ones-own",
        ),
    ],
)
def test_an_operation_fails_after_it_was_accepted(
    azure: Running, group: str, faults: Ask, fault: dict[str, Any], code: str
) -> None:
    faults(fault | {"path": "*/storageaccounts/failing"})
    path = account_path(group, "failing")

    poller = azure.resources.resources.begin_create_or_update_by_id(
        path, ACCOUNT, api_version=VERSION
    )
    with pytest.raises(HttpResponseError) as caught:
        poller.result()

    assert caught.value.error is not None
    assert caught.value.error.code == code
    found = azure.resources.resources.get_by_id(path, api_version=VERSION)
    assert found.properties["provisioningState"] == "Failed"


def test_an_operation_hangs_until_the_fault_is_lifted(
    azure: Running, group: str, faults: Ask
) -> None:
    faults({"kind": "hangs", "type": "*/storageAccounts/write"})
    path = account_path(group, "hanging")
    poller = azure.resources.resources.begin_create_or_update_by_id(
        path, ACCOUNT, api_version=VERSION
    )

    def struck() -> Seen[bool]:
        hits = faults(method="GET")["faults"][0]["hits"]
        return Seen(what=f"{hits} hits", value=True if hits else None)

    wait_until("fault that struck", struck, timeout_s=10, interval_s=0.02, fix="-")
    found = azure.resources.resources.get_by_id(path, api_version=VERSION)
    assert found.properties["provisioningState"] == "Creating"
    assert not poller.done()

    faults(method="DELETE")

    assert poller.result().properties["provisioningState"] == "Succeeded"


def test_a_quota_fails_a_deployment_from_inside(
    azure: Running, group: str, faults: Ask
) -> None:
    faults({"kind": "quota", "path": f"{group}/*/storageAccounts/inside"})
    template = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/"
        "deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [
            ACCOUNT
            | {
                "type": "Microsoft.Storage/storageAccounts",
                "apiVersion": VERSION,
                "name": "inside",
            }
        ],
    }

    poller = azure.deployments.deployments.begin_create_or_update(
        "faulty",
        "quota",
        {"properties": {"mode": "Incremental", "template": template}},
    )
    with pytest.raises(HttpResponseError) as caught:
        poller.result()

    assert caught.value.error is not None
    assert caught.value.error.code == "DeploymentFailed"
    assert "OperationNotAllowed" in str(caught.value)
    assert "approved Total Regional Cores quota" in str(caught.value)


@pytest.mark.usefixtures("group")
def test_any_request_is_refused_with_what_was_asked_for(
    azure: Running, faults: Ask
) -> None:
    faults(
        {
            "kind": "refused",
            "method": "GET",
            "path": "*/faulty",
            "status": 403,
            "code": "AuthorizationFailed",
            "message": "You may not look.",
        }
    )

    with pytest.raises(HttpResponseError, match="You may not look") as caught:
        azure.resources.resource_groups.get("faulty")

    assert caught.value.status_code == 403


@pytest.mark.usefixtures("group")
def test_an_answer_is_cut_off_after_the_request_was_carried_out(
    azure: Running, faults: Ask
) -> None:
    faults({"kind": "reset", "method": "PATCH", "path": "*/faulty"})
    tagged = {"tags": {"cut": "off"}}

    with pytest.raises(ServiceResponseError):
        azure.resources.resource_groups.update("faulty", tagged, retry_total=0)

    assert azure.resources.resource_groups.get("faulty").tags == {"cut": "off"}


@pytest.mark.usefixtures("group")
def test_a_throttled_client_may_be_told_a_date(azure: Running, faults: Ask) -> None:
    faults({"kind": "throttled", "retry_after_as": "date", "retry_after_s": 60})

    with pytest.raises(HttpResponseError) as caught:
        azure.resources.resource_groups.get("faulty", retry_total=0)

    assert caught.value.response is not None
    told = parsedate_to_datetime(caught.value.response.headers["Retry-After"])
    assert 55 < (told - datetime.now(UTC)).total_seconds() <= 60


def test_a_token_is_refused_only_where_its_path_is_named() -> None:
    path = "/tenant/oauth2/v2.0/token"
    found = Faults()
    found.put(read({"faults": [{"kind": "refused", "status": 401}]}))
    found.token("POST", path)

    found.put(read({"faults": [{"kind": "refused", "path": "*/token", "code": "x"}]}))
    with pytest.raises(ArmError, match="x: A fault was asked for"):
        found.token("POST", path)


def test_errors_are_told_inside_others() -> None:
    inner = [
        {"code": "Inside", "message": "m", "details": [{"code": "x", "message": "y"}]}
    ]
    found = asked_for({"kind": "refused", "code": "Outside", "inner": inner})
    with pytest.raises(ArmError) as caught:
        found.request("GET", SET)
    assert caught.value.body()["details"] == inner


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        pytest.param(
            {"kind": "fire"},
            "faults[0].kind = 'fire': expected one of throttled, refused, late, reset, "
            "conflict, quota, allocation, fails, slow, hangs, unhealthy, "
            "replication-lags.",
            id="kind",
        ),
        pytest.param(
            {"kind": "slow", "minutes": 3},
            "faults[0].minutes is not known: expected kind, method, path, type, times, "
            "status, code, message, inner, retry_after_s, retry_after_as, seconds.",
            id="field",
        ),
        pytest.param(
            {"kind": "throttled", "retry_after_as": "weeks"},
            "faults[0].retry_after_as = 'weeks': expected one of seconds, date, "
            "milliseconds, none.",
            id="retry-after",
        ),
        pytest.param(
            {"kind": "slow", "seconds": "3"},
            "faults[0].seconds = '3': expected int or float or NoneType.",
            id="value",
        ),
        pytest.param(
            {"kind": "fails", "inner": [{"code": "A", "message": "b"}, 5]},
            "faults[0].inner[1] is no object.",
            id="inner",
        ),
        pytest.param(
            {
                "kind": "fails",
                "inner": [{"code": "A", "message": "b", "details": [{"code": "C"}]}],
            },
            "faults[0].inner[0].details[0].message = None: expected str.",
            id="inner-detail",
        ),
    ],
)
def test_a_fault_that_cannot_be_is_refused(
    faults: Ask, fault: dict[str, Any], message: str
) -> None:
    assert faults(fault) == {"error": {"code": "InvalidFault", "message": message}}
    assert faults(method="GET") == {"faults": []}


# --- what the kernel asks -------------------------------------------------

SET = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute"
    "/virtualMachineScaleSets/web"
)


def asked_for(*wanted: dict[str, Any]) -> Faults:
    found = Faults()
    found.put(read({"faults": list(wanted)}))
    return found


def test_one_instance_stays_unhealthy_and_no_other() -> None:
    found = asked_for({"kind": "unhealthy", "path": "*/WEB/*", "times": 1})
    instances = [parse(f"{SET}/virtualMachines/{number}") for number in (0, 1, 0)]

    assert [found.unhealthy(instance) for instance in instances] == [True, False, True]


def test_a_version_lags_by_seconds_or_for_ever() -> None:
    version = parse(
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute"
        "/galleries/a/images/b/versions/1.0.0"
    )

    assert Faults().lag_s(version) is None
    assert asked_for({"kind": "replication-lags", "seconds": 5}).lag_s(version) == 5
    assert asked_for({"kind": "replication-lags", "seconds": None}).lag_s(
        version
    ) == float("inf")


def test_a_fault_strikes_as_often_as_asked() -> None:
    found = asked_for({"kind": "quota", "times": 2})
    verb = "Microsoft.Compute/virtualMachineScaleSets/write"

    for _ in range(2):
        with pytest.raises(ArmError, match="OperationNotAllowed"):
            found.write(verb, parse(SET))

    found.write(verb, parse(SET))
    assert found.to_json()["faults"][0]["hits"] == 2


def test_compute_is_throttled_in_its_own_words() -> None:
    found = asked_for({"kind": "throttled", "times": None})

    for _ in range(3):
        with pytest.raises(ArmError) as caught:
            found.request("GET", SET)

    assert (caught.value.status, caught.value.code) == (429, "OperationNotAllowed")
    assert [detail.code for detail in caught.value.details] == ["TooManyRequests"]
    assert caught.value.headers == {"Retry-After": "1"}
