"""What a surge does, without Azure: policy, in-place detection, status, script."""

import json
from dataclasses import replace
from typing import Any

import pytest
from azure.mgmt.compute import models

from release.deploy.deploy import refuse_protected
from release.deploy.deployed import Deployed, Instance
from release.deploy.rollback import at_rest
from release.deploy.rollout import limits
from release.deploy.surge import Status, in_place, policy
from release.deploy.upgrade import restarts
from release.errors import DeployFailed
from release.settings import Environment

OLD = Instance(
    id="0",
    name="web000000",
    latest_model=False,
    health="healthy",
    address="",
    image_id="/images/1",
    size="Standard_B2s",
)
DEPLOYED = Deployed(
    image_id="/images/1",
    build="1.0.1",
    capacity=1,
    size="Standard_B2s",
    repairs=True,
    ssh_key="",
    site_url="",
    instances=(OLD,),
    tags={"release-build": "1.0.1", "release-repairs": "suspended"},
)
ENV = Environment(
    cloud="azure",
    resource_group="qa",
    image_resource_group="images",
    scale_set="web",
    gallery="web",
    image_definition="web",
)


def test_a_surge_asks_for_limits_that_fit_the_count() -> None:
    assert policy(limits(2, batch_ratio=0.34)).as_dict() == {
        "mode": "Rolling",
        "rollingUpgradePolicy": {
            "maxSurge": True,
            "maxBatchInstancePercent": 50,
            "maxUnhealthyInstancePercent": 50,
            "maxUnhealthyUpgradedInstancePercent": 0,
            "pauseTimeBetweenBatches": "PT0S",
            "prioritizeUnhealthyInstances": True,
            "rollbackFailedInstancesOnPolicyBreach": False,
        },
    }


def test_an_instance_that_kept_its_id_was_upgraded_in_place() -> None:
    before = frozenset({"0", "1"})
    upgraded = replace(OLD, latest_model=True)
    fresh = replace(upgraded, id="2", name="web000002")
    assert in_place(before, [upgraded, replace(OLD, id="1"), fresh]) == {
        "0": "web000000"
    }


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param({}, False, id="the-same"),
        pytest.param({"image_id": "/IMAGES/1"}, False, id="ids-know-no-case"),
        pytest.param({"image_id": "/images/2"}, True, id="another-image"),
        pytest.param({"size": "Standard_D2s_v5"}, True, id="another-size"),
    ],
)
def test_only_what_restarts_is_drained(
    changed: dict[str, str], *, expected: bool
) -> None:
    assert restarts(replace(OLD, **changed), DEPLOYED) is expected


def test_a_protected_instance_ends_a_release_before_it_changes_anything() -> None:
    kept = replace(OLD, protection="scale-set-actions")
    other = replace(OLD, id="1", name="web000001", protection="scale-in")
    seen = DEPLOYED.with_instances((kept, other, replace(kept, id="2", name="web2")))
    with pytest.raises(DeployFailed) as caught:
        refuse_protected(ENV, seen)
    assert str(caught.value) == (
        "web000000, web2 of web cannot be upgraded: protected from scale-set actions\n"
        "  fix: lift it and release again, with ID 0, 2: az vmss update -g qa -n web "
        "--instance-id ID --protect-from-scale-set-actions false"
    )


def test_protection_from_scale_in_hinders_no_release() -> None:
    refuse_protected(ENV, None)
    kept = replace(OLD, protection="scale-in")
    refuse_protected(ENV, DEPLOYED.with_instances((kept,)))


def test_the_status_of_a_rolling_upgrade_is_told_in_words() -> None:
    raw = models.RollingUpgradeStatusInfo(
        {
            "location": "westeurope",
            "properties": {
                "runningStatus": {"code": "Faulted"},
                "progress": {
                    "successfulInstanceCount": 1,
                    "failedInstanceCount": 2,
                    "inProgressInstanceCount": 0,
                    "pendingInstanceCount": 3,
                },
                "error": {"code": "RollingUpgradeTimeoutError", "message": "Too long."},
            },
        }
    )
    assert str(Status(raw)) == (
        "faulted with 1 upgraded, 2 failed, 0 in progress, 3 pending: "
        "RollingUpgradeTimeoutError: Too long."
    )


OTHERS = {"mode": "Rolling", "rollingUpgradePolicy": {"maxSurge": True}}


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        pytest.param({}, {"mode": "Manual"}, id="of-an-older-record"),
        pytest.param({"policy": OTHERS}, OTHERS, id="of-somebody-else"),
        pytest.param(
            {"policy": OTHERS, "tags": {"release-repairs": "suspended"}},
            {"mode": "Manual"},
            id="of-a-killed-release",
        ),
    ],
)
def test_a_rollback_restores_policy_and_repairs(
    recorded: dict[str, Any], expected: dict[str, Any]
) -> None:
    previous = replace(DEPLOYED, **{"tags": {}, **recorded})
    assert at_rest(previous).as_dict() == {
        "tags": {},
        "properties": {
            "upgradePolicy": expected,
            "automaticRepairsPolicy": {"enabled": True},
        },
    }


def test_a_journal_of_an_older_version_is_read() -> None:
    raw = json.loads(json.dumps(DEPLOYED.to_json()))
    for new in ("policy", "noticed"):
        del raw[new]
    for new in ("protection", "image_id", "size", "settled"):
        del raw["instances"][0][new]
    read = Deployed.from_json(raw)
    assert (read.mode, read.noticed, read.instances[0].protection) == (
        "Manual",
        False,
        "",
    )
