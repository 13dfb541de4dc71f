"""Whole releases of a tiny service: they pass, fail where they should, and undo."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.harness.releases.records import answers_with, outcomes, version
from tests.harness.releases.visitor import Visitor


def test_a_release_passes_is_proved_and_archived(project):
    record = project.records()[0]
    assert record["verdict"] == "passed"
    assert record["reason"] == "3 smoke tests and 4 load gates passed"
    assert record["image"]["reused"] is False
    proved = [instance["build"] for instance in record["deployment"]["instances"]]
    assert proved == [record["build"], record["build"]]
    folder = project.root / "reports" / "local" / record["build"]
    kept = {path.name for path in folder.iterdir()}
    assert {"report.html", "junit.xml", "release.json", "journal.jsonl", "load"} <= kept
    assert record["build"] in (project.root / "reports" / "index.html").read_text()


def test_a_first_release_has_nothing_to_compare_by_a_canary(project):
    assert project.records()[0]["canary"]["text"] == (
        "nothing to compare: no instance was upgraded while others waited"
    )


@dataclass(frozen=True, kw_only=True)
class Mended:
    """A release of the recipe that passed, after two of another that did not end."""

    before: dict[str, Any]
    interrupted: dict[str, Any]
    killed: dict[str, Any]
    record: dict[str, Any]
    asked: list[str]
    """The paths that it asked for."""


@pytest.fixture(scope="module")
def mended(project):
    before = project.live()
    project.set(title="Interrupted")
    ended = project.interrupted("file serve.py")
    assert ended.status == 2, ended.output
    interrupted = project.last()
    # One instance is left draining, and the scale set has the new model.
    ended = project.killed("batch 1 of 2")
    assert ended.status == -9, ended.output
    since = project.count()
    project.restore()
    ended = project.release()
    assert ended.status == 0, ended.output
    *_, killed, passed = project.records()
    return Mended(
        before=before,
        interrupted=interrupted,
        killed=killed,
        record=passed,
        asked=[each["path"] for each in project.asked(since)],
    )


def test_an_interrupted_release_says_so(mended):
    assert mended.interrupted["reason"] == "interrupted: Ctrl-C"


def test_the_next_run_puts_right_what_an_interrupted_or_killed_one_left(
    project, mended
):
    killed = mended.killed
    assert killed["verdict"] == "failed"
    assert killed["reason"].startswith("killed in deploy: process ")
    folder = project.root / "reports" / "local" / killed["build"]
    assert "killed in deploy" in (folder / "report.html").read_text()
    assert killed["build"] in (project.root / "reports" / "index.html").read_text()
    assert project.temporary_groups() == []
    assert answers_with(mended.record) == {mended.before["image"]["build"]}


def test_a_recipe_that_was_baked_reuses_the_image(mended):
    assert mended.record["image"]["reused"] is True
    assert version(mended.record) == version(mended.before)
    bake = next(s for s in mended.record["stages"] if s["name"] == "bake")
    assert bake["duration_s"] < 1


def test_whether_the_account_is_there_is_asked_once(mended):
    looks = [path.lower().split("/")[-2] for path in mended.asked]
    assert looks.count("storageaccounts") == 1


@dataclass(frozen=True, kw_only=True)
class Visited:
    """A release by two workers, while somebody visits."""

    record: dict[str, Any]
    titles: list[str]


@pytest.fixture(scope="module")
def visited(project):
    before = project.live()
    project.set(title="Two workers")
    with Visitor(before["deployment"]["site_url"]) as visitor:
        ended = project.release("-n", "2")
    assert ended.status == 0, ended.output
    return Visited(record=project.last(), titles=visitor.titles)


def test_two_workers_release_once_and_no_visitor_notices(visited):
    titles, record = visited.titles, visited.record
    assert titles[-1] == "Two workers"
    assert set(titles) == {titles[0], "Two workers"}
    assert len(titles) > 50
    done = [s["name"] for s in record["stages"] if s["name"] in ("bake", "deploy")]
    assert done == ["bake", "deploy"]
    assert answers_with(record) == {record["build"]}


@pytest.mark.matrix
def test_a_webhook_that_refuses_is_told_of_and_changes_nothing(project, webhook):
    project.set(bake="broken")
    webhook.answers = [404]
    told = replace(project, variables={"RELEASE_NOTIFY_URL": webhook.url}).release()
    record = project.last()
    assert (told.status, record["verdict"]) == (1, "failed")
    assert told.output.endswith("nobody was notified: 127.0.0.1 answered 404\n")
    assert [each["build"] for each in webhook.sent] == [record["build"]]
    secret = webhook.url.rpartition("/")[2]
    kept = (project.root / "reports" / "local" / record["build"]).glob("*.*")
    assert [path.name for path in kept if secret in path.read_text()] == []


@pytest.mark.parametrize(
    ("behaviour", "stage", "named"),
    [
        pytest.param(
            {"bake": "broken"}, "bake", "no such package: left-pad", id="in-bake"
        ),
        # A quick one is in tests/harness/cloud/test_release.py.
        pytest.param(
            {"starts": False},
            "deploy",
            "no database at /var/lib/tiny",
            id="in-deploy",
            marks=pytest.mark.matrix,
        ),
        pytest.param({"status": 500}, "smoke", "GET / answered 500", id="in-smoke"),
        # A quick one is below: a load that is too slow.
        pytest.param(
            {"delay_s": 0.4}, "load", "p95_ms", id="in-load", marks=pytest.mark.matrix
        ),
    ],
)
def test_a_broken_service_fails_in_its_place_and_the_old_build_returns(
    project, behaviour, stage, named
):
    before = project.live()
    project.set(**behaviour)
    ended = project.release()
    assert ended.status == 1, ended.output
    assert named in ended.output
    record = project.last()
    assert record["verdict"] == "failed"
    assert answers_with(before) == {before["image"]["build"]}
    found = outcomes(record)
    if stage in ("bake", "deploy"):
        assert found[stage] == "failed"
    assert ("rollback" in found) == (stage != "bake")
    assert ("load" in found) == (stage == "load")
    assert project.temporary_groups() == []


HANGS = """
import threading


def test_hangs(site):
    threading.Event().wait()
"""


@pytest.mark.matrix
@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "two-workers"])
def test_a_smoke_test_that_hangs_fails_and_the_old_build_returns(project, options):
    before = project.live()
    project.set(title="Hangs")
    file = project.root / "tests" / "smoke" / "test_hangs.py"
    file.write_text(HANGS)
    try:
        ended = project.release("--set", "smoke.timeout_s=1.5", *options)
    finally:
        file.unlink()
    assert ended.status == 1, ended.output
    record = project.last()
    assert record["reason"] == "test_hangs: Timeout (>1.5s) from pytest-timeout."
    assert answers_with(before) == {before["image"]["build"]}
