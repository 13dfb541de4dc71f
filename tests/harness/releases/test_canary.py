"""A release whose first upgraded instance is compared with an old one beside it."""

import re

import pytest

from release import environments

CANARY = (
    "canary.users=8",
    "canary.warmup_s=0.2",
    "canary.block_s=0.3",
    "canary.least_s=1.5",
    "canary.most_s=6",
    "canary.effect_ratio=2",
)
OPTIONS = tuple(word for one in CANARY for word in ("--set", one))


pytestmark = pytest.mark.matrix


@pytest.fixture
def requests_of_upgrades(project):
    """Count the instances that are upgraded while a test runs."""
    before = environments.requests(project.embedded())["count"]

    def asked() -> list[str]:
        told = environments.requests(project.embedded(), since=before)["value"]
        return [
            request["path"]
            for request in told
            if request["path"].endswith("/manualupgrade")
        ]

    return asked


def test_a_slower_build_stops_at_its_first_instance(project, requests_of_upgrades):
    before = project.live()
    project.set(title="Slow", delay_s=0.1)

    ended = project.pytest(*OPTIONS)

    record = project.last()
    assert ended.status == 1, ended.output
    assert record["canary"]["outcome"] == "failed"
    reason = record["reason"]
    assert re.match(r"canary: tiny0\d+ answers worse than tiny0\d+: GET /: ", reason)
    assert "% slower (+" in record["reason"]
    assert record["rollback"]["deployment"]["build"] == before["image"]["build"]
    # One there and one back: the other instance never saw the new build.
    assert len(requests_of_upgrades()) == 2
    assert [stage["name"] for stage in record["stages"]] == [
        "preflight",
        "bake",
        "deploy",
        "canary",
        "rollback",
    ]


def test_a_build_as_quick_as_the_old_one_goes_on_to_all_instances(project):
    project.set(title="As quick")

    ended = project.release(*OPTIONS)

    record = project.last()
    assert ended.status == 0, ended.output
    assert record["canary"]["text"] == "as quick as the old build at 1 endpoint"
    assert {each["build"] for each in record["deployment"]["instances"]} == {
        record["build"]
    }
