"""Releases that are interrupted or killed: they are undone, or put right later."""

import pytest

from tests.harness.releases.records import answers_with

pytestmark = pytest.mark.matrix


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
