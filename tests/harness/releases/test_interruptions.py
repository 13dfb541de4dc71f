"""Runs that end early: planned, refused, interrupted, killed; what each leaves."""

import re

import pytest

from tests.faults.drive import drive
from tests.faults.table import FATAL
from tests.harness.releases.test_plans import wrote
from tests.harness.releases.test_releases import answers_with, temporary_groups


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="alone"),
        pytest.param(("-n", "2"), id="two-workers", marks=pytest.mark.matrix),
    ],
)
def test_a_plan_tells_what_a_release_would_do_and_changes_nothing(project, options):
    before, records = project.count(), project.records()
    ended = project.pytest("--plan", *options)
    assert ended.status == 0, ended.output
    assert "plan: a release to environment local; nothing is changed" in ended.output
    assert "preflight nothing stands in the way" in ended.output
    image = "image: baked, unless tiny/tiny has one of the same recipe"
    assert f"preflight {image}" in ended.output
    assert image in ended.output.splitlines()
    assert "no tests ran" in ended.output
    last = ended.output.strip().splitlines()[-1]
    assert re.fullmatch(
        r"Plan: \d to modify(, \d unchanged)?; nothing stands in the way, looked at in "
        r"\d\.\d s\.",
        last,
    )
    assert wrote(project, before) == []
    assert project.records() == records
    assert not list((project.root / ".release" / "builds").iterdir())


def test_a_release_without_a_role_says_which_before_it_begins(project, record_property):
    case = next(each for each in FATAL if each.where == "list resource groups")
    drive(project, case, record_property)


def test_the_next_run_puts_right_what_an_interrupted_or_killed_one_left(project):
    project.set(title="Interrupted")
    ended = project.interrupted("file serve.py")
    assert ended.status == 2, ended.output
    assert project.last()["reason"] == "interrupted: Ctrl-C"
    # One instance is left draining, and the scale set has the new model.
    ended = project.killed("batch 1 of 2")
    assert ended.status == -9, ended.output
    ended = project.release()
    assert ended.status == 0, ended.output
    assert temporary_groups(project) == []
    *_, killed, passed = project.records()
    assert killed["verdict"] == "failed"
    assert killed["reason"].startswith("killed in deploy: process ")
    folder = project.root / "reports" / "local" / killed["build"]
    assert "killed in deploy" in (folder / "report.html").read_text()
    assert killed["build"] in (project.root / "reports" / "index.html").read_text()
    assert answers_with(passed) == {passed["image"]["build"]}


@pytest.mark.matrix
def test_a_release_that_ci_kills_after_ten_seconds_leaves_a_true_report(project):
    project.set(title="Cancelled")
    ended = project.cancelled("batch 1 of 2", impatient_at="bringing back")
    assert ended.status == -9, ended.output
    record = project.last()
    assert record["interim"] is True
    assert (record["verdict"], record["reason"]) == ("failed", "interrupted: SIGTERM")
    folder = project.root / "reports" / "local" / record["build"]
    page = (folder / "report.html").read_text()
    assert "so it was killed meanwhile" in page
    assert "What it had begun to deploy was not undone" in page
    project.restore()
    project.clean()
    killed = project.last()
    assert killed["build"] == record["build"]
    assert killed["reason"].startswith("killed in ")
    assert "interim" not in killed


@pytest.mark.matrix
def test_an_interrupted_roll_out_is_undone(project):
    before = project.live()
    project.set(title="Interrupted roll-out")
    ended = project.interrupted("batch 1 of 2", "-n", "2")
    assert ended.status == 2, ended.output
    record = project.last()
    assert record["reason"] == "interrupted: Ctrl-C"
    assert record["rollback"]["text"] == (
        f"The previous build {before['image']['build']} is back and proved on 2 "
        "instances; 2 essential smoke tests passed on it."
    )
    assert answers_with(before) == {before["image"]["build"]}
