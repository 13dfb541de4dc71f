import json
from dataclasses import replace

import pytest
from azure.mgmt.compute import models

from release.deploy.deployed import Deployed, Instance
from release.deploy.guest import standard_output
from release.deploy.health import judge
from release.deploy.observe import ports, site_url
from release.deploy.probe import Answer, read
from release.deploy.prove import identity
from release.deploy.rollback import model
from release.errors import IdentityMismatch

INSTANCE = Instance(
    id="0",
    name="web000000",
    latest_model=True,
    health="healthy",
    address="10.1.1.1:50000",
)
DEPLOYED = Deployed(
    image_id="/subscriptions/s/img",
    build="2026.1.2",
    capacity=2,
    size="Standard_B2s",
    repairs=True,
    ssh_key="ssh-rsa AAAA",
    site_url="http://10.1.1.1",
    instances=(INSTANCE, replace(INSTANCE, id="1", name="web000001")),
    tags={"release-build": "2026.1.2"},
)


def test_deployed_survives_a_journal() -> None:
    assert Deployed.from_json(json.loads(json.dumps(DEPLOYED.to_json()))) == DEPLOYED


def test_ports_are_read_from_a_backend_pool() -> None:
    nic = (
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute"
        "/virtualMachineScaleSets/web/virtualMachines/3/networkInterfaces/only"
        "/ipConfigurations/only"
    )
    pool = {
        "loadBalancerBackendAddresses": [
            {
                "name": "a",
                "properties": {
                    "networkInterfaceIPConfiguration": {"id": nic},
                    "inboundNatRulesPortMapping": [
                        {"inboundNatRuleName": "instance", "frontendPort": 50007}
                    ],
                },
            },
            {"name": "without-a-port", "properties": {}},
        ]
    }
    assert ports(pool, "20.1.1.1") == {"3": "20.1.1.1:50007"}


@pytest.mark.parametrize(
    ("port", "expected"), [(80, "http://h"), (8080, "http://h:8080")]
)
def test_the_site_is_told_without_http_s_own_port(port: int, expected: str) -> None:
    assert site_url("h", port) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            b'{"status": "ok", "build": "1.2.3", "instance": "web0"}',
            Answer(status=200, build="1.2.3", instance="web0"),
            id="whole",
        ),
        pytest.param(b"<html>", Answer(status=200), id="no-json"),
        pytest.param(b"[1]", Answer(status=200), id="no-object"),
        pytest.param(b'{"build": null}', Answer(status=200), id="nothing-told"),
    ],
)
def test_an_answer_is_read(body: bytes, expected: Answer) -> None:
    assert read(200, body) == expected


def test_identity_is_proved_by_every_instance() -> None:
    answers = [Answer(status=200, build="2026.1.2")] * 2
    proved = identity(DEPLOYED, answers, build="2026.1.2").value
    assert proved is not None
    assert [instance.build for instance in proved.instances] == ["2026.1.2"] * 2


def test_another_build_ends_the_proof_at_once() -> None:
    answers = [Answer(status=200, build="2026.1.2"), Answer(status=200, build="old")]
    with pytest.raises(IdentityMismatch) as caught:
        identity(DEPLOYED, answers, build="2026.1.2")
    assert caught.value.what == (
        "not every instance runs 2026.1.2: web000001 answers with old"
    )


def test_an_instance_that_was_protected_meanwhile_is_named_so() -> None:
    kept = replace(INSTANCE, latest_model=False, protection="scale-set-actions")
    with pytest.raises(IdentityMismatch) as caught:
        identity(
            replace(DEPLOYED, instances=(kept,)),
            [Answer(status=200, build="old")],
            build="2026.1.2",
        )
    assert caught.value.what == (
        "not every instance runs 2026.1.2: web000000 answers with old (protected from "
        "scale-set actions)"
    )


def test_a_silent_instance_is_waited_for() -> None:
    answers = [
        Answer(status=200, build="2026.1.2"),
        Answer(status=0, problem="timed out"),
    ]
    seen = identity(DEPLOYED, answers, build="2026.1.2")
    assert (seen.what, seen.value) == ("web000001: no answer (timed out)", None)


def test_no_instance_proves_nothing() -> None:
    seen = identity(replace(DEPLOYED, instances=()), [], build="2026.1.2")
    assert (seen.what, seen.value) == ("no instance", None)


@pytest.mark.parametrize(
    ("instances", "expected", "what", "met"),
    [
        pytest.param([INSTANCE], 1, "1 of 1 instances healthy", True, id="good"),
        pytest.param([], 1, "0 of 1 instances healthy", False, id="none"),
        pytest.param([], 0, "0 of 0 instances healthy", True, id="all-scaled-in"),
        pytest.param([INSTANCE], 2, "1 of 2 instances healthy", False, id="too-few"),
        pytest.param(
            [INSTANCE, replace(INSTANCE, name="web1", health="unknown")],
            2,
            "1 of 2 instances healthy (web1 unknown)",
            False,
            id="unknown-is-not-healthy",
        ),
        pytest.param(
            [replace(INSTANCE, latest_model=False)],
            1,
            "1 of 1 instances healthy, 1 not on the latest model",
            False,
            id="stale",
        ),
        pytest.param(
            [replace(INSTANCE, latest_model=False, protection="scale-set-actions")],
            1,
            "1 of 1 instances healthy",
            True,
            id="protected-is-not-waited-for",
        ),
    ],
)
def test_health_is_judged(
    instances: list[Instance], expected: int, what: str, *, met: bool
) -> None:
    seen = judge(instances, expected=expected)
    assert (seen.what, seen.value is not None) == (what, met)


def test_output_is_taken_from_the_message_of_a_command() -> None:
    message = "Enable succeeded: \n[stdout]\nactive\nrunning\n\n[stderr]\nwarning\n"
    status = models.InstanceViewStatus(message=message)
    assert standard_output([status]) == "active\nrunning"


def test_no_status_means_no_output() -> None:
    assert standard_output([]) == ""


def test_a_rollback_restores_image_size_and_tags() -> None:
    assert model(DEPLOYED).as_dict() == {
        "sku": {"name": "Standard_B2s", "tier": "Standard"},
        "tags": {"release-build": "2026.1.2", "release-repairs": "suspended"},
        "properties": {
            "upgradePolicy": {"mode": "Manual"},
            "automaticRepairsPolicy": {"enabled": False},
            "virtualMachineProfile": {
                "storageProfile": {"imageReference": {"id": "/subscriptions/s/img"}}
            },
        },
    }


def test_what_passed_is_what_a_rollback_brings_back() -> None:
    passed = replace(DEPLOYED, tags={**DEPLOYED.tags, "release-verdict": "passed"})
    assert passed.last_passed == "2026.1.2"
    assert passed.to_go_back_to() == passed


def test_without_a_record_what_was_seen_is_brought_back() -> None:
    assert DEPLOYED.last_passed == ""
    assert DEPLOYED.to_go_back_to() == DEPLOYED


def test_a_build_that_a_killed_release_left_is_not_gone_back_to() -> None:
    unproved = replace(
        DEPLOYED,
        image_id="/galleries/g/images/web/versions/2026.1.2",
        tags={
            "release-build": "2026.1.2",
            "release-digest": "abc",
            "release-last-passed": "2026.1.1",
        },
    )
    assert unproved.to_go_back_to() == replace(
        unproved,
        image_id="/galleries/g/images/web/versions/2026.1.1",
        build="2026.1.1",
        tags={"release-build": "2026.1.1", "release-verdict": "passed"},
    )
