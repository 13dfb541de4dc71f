"""What passed in one environment goes to another, and comes back out of it.

A quick one is in tests/harness/cloud/test_promotion.py.
"""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.harness.releases.project import WRITES
from tests.harness.releases.records import answers_with, outcomes, version

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


def git(project, *command):
    identity = ("-c", "user.name=tiny", "-c", "user.email=tiny@example.invalid")
    subprocess.run(["git", *identity, *command], cwd=project.root, check=True)


@pytest.fixture
def committed(project):
    """A project whose files are all committed, its image in no other region."""
    project.set(title="Committed")
    ended = project.release()
    assert ended.status == 0, ended.output
    (project.root / ".gitignore").write_text(".release/\nreports/\n__pycache__/\n")
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "A release")
    yield project
    shutil.rmtree(project.root / ".git")


def test_what_passed_is_released_to_another_subscription_unbaked(committed):
    project = committed
    before = project.live()
    refused = project.pytest("--image-from", "local", to="prod", CI="")
    assert refused.status == 4, refused.output
    assert (
        "ERROR: environment prod is protected:\n"
        "  nobody confirmed it; say --yes-release prod, or release in CI\n"
    ) in refused.output

    since = project.count()
    options = ("--image-from", "local", "--yes-release", "prod")
    ended = project.pytest(*options, to="prod")
    assert ended.status == 0, ended.output
    record = project.records("prod")[-1]
    assert record["image"]["passed_in"] == "local"
    assert version(record) == version(before)
    assert answers_with(record) == {before["image"]["build"]}
    said = [event["text"] for event in record["progress"] if event["stage"] == "bake"]
    assert said[:2] == [
        f"reused from local, where it passed: {version(record)}",
        f"replicating image {version(record)} to northeurope",
    ]
    made = {
        each["path"].split("/")[2]
        for each in project.asked(since)
        if each["method"] in WRITES and "/galleries/" in each["path"]
    }
    assert made == {"22222222-2222-2222-2222-222222222222"}
    report = project.root / "reports" / "prod" / record["build"] / "report.html"
    assert "reused from local, where it passed; baked by build" in report.read_text()

    marks = project.labels(record["image"]["id"])["release-passed-in"]
    assert marks == f"local={before['build']} prod={record['build']}"
