"""What passed in one environment goes to another, and comes back out of it."""

from __future__ import annotations

import re

import pytest

from tests.harness.releases.test_releases import (
    WRITES,
    answers_with,
    outcomes,
    version,
)

pytestmark = pytest.mark.matrix
QA = "22222222-2222-2222-2222-222222222222"
BROKEN_IN_PROD = """
def test_that_fails_in_production_only(site):
    assert site.environment != "prod", "the payment provider refuses"
"""


def test_an_image_goes_from_qa_to_production_and_a_broken_one_back(project):
    """Another subscription, group and region; all by the one image of QA."""
    project.set(title="First")
    assert project.release().status == 0
    first = project.live()
    planned = project.pytest("--image-from", "local", "--plan", to="prod")
    assert planned.status == 0, planned.output
    version_, build = version(first), first["build"]
    assert (
        f"image: {version_} of tiny/tiny, baked by build {version_}, passed in local "
        f"with its build {build}; it is to be replicated to northeurope first"
    ) in planned.output.splitlines()
    passed = promoted(project)
    assert passed["verdict"] == "passed"
    assert answers_with(passed) == {first["image"]["build"]}
    assert QA in passed["image"]["id"]
    assert "northeurope" in told(passed, "bake")

    project.set(title="Second")
    assert project.release().status == 0
    second = project.live()
    smoke = project.root / "tests" / "smoke" / "test_payment.py"
    smoke.write_text(BROKEN_IN_PROD)
    since = project.count()
    try:
        failed = promoted(project)
    finally:
        smoke.unlink()
    assert version(failed) == version(second)
    assert outcomes(failed) == {
        "preflight": "passed",
        "bake": "passed",
        "deploy": "passed",
        "smoke": "failed",
        "rollback": "passed",
    }
    assert failed["reason"] == (
        "test_that_fails_in_production_only: the payment provider refuses"
    )
    assert failed["rollback"]["text"] == (
        f"The previous build {first['image']['build']} is back and proved on 2 "
        "instances; 2 essential smoke tests passed on it."
    )
    back = failed["rollback"]["deployment"]
    assert back["image_id"].lower() == first["image"]["id"].lower()
    assert {one["build"] for one in back["instances"]} == {first["image"]["build"]}
    assert answers_with(failed) == {first["image"]["build"]}
    assert nothing_was_baked(project, since)

    marks = project.labels(second["image"]["id"])["release-passed-in"]
    assert marks == f"local={second['build']}", "it did not pass in production"
    again = promoted(project)
    assert (again["verdict"], version(again)) == ("passed", version(second))
    assert answers_with(again) == {second["image"]["build"]}


def promoted(project):
    """Release to production what passed; return the record."""
    ended = project.pytest(
        "--image-from", "local", to="prod", RELEASE_PROTECTED="false"
    )
    assert ended.status in (0, 1), ended.output
    return project.records("prod")[-1]


def told(record, stage):
    return "\n".join(e["text"] for e in record["progress"] if e["stage"] == stage)


def nothing_was_baked(project, since):
    made = re.compile(r"/resourcegroups/release-|\.compute/virtualmachines/")
    return not [
        each["path"]
        for each in project.asked(since)
        if each["method"] in WRITES and made.search(each["path"].lower())
    ]
