"""Whole releases of a tiny service: they pass, fail where they should, and undo."""

import json
import urllib.request

import pytest

WRITES = ("PUT", "PATCH", "POST", "DELETE")


def answers_with(record):
    """The build ids that the site's instances answer with."""
    found = set()
    for instance in record["deployment"]["instances"]:
        with urllib.request.urlopen(f"http://{instance['address']}/healthz") as answer:
            found.add(json.load(answer)["build"])
    return found


def outcomes(record):
    return {stage["name"]: stage["outcome"] for stage in record["stages"]}


def test_a_release_passes_and_is_proved(project, good):
    assert good["verdict"] == "passed"
    assert good["reason"] == "3 smoke tests and 3 load gates passed"
    assert answers_with(good) == {good["build"]}
    assert good["image"]["reused"] is False
    folder = project.root / "reports" / "local" / good["build"]
    kept = {path.name for path in folder.iterdir()}
    assert {"report.html", "junit.xml", "release.json", "journal.jsonl", "load"} <= kept
    assert good["build"] in (project.root / "reports" / "index.html").read_text()


def test_an_unchanged_recipe_reuses_the_image(project, good):
    ended = project.pytest()
    assert ended.status == 0, ended.output
    record = project.last()
    assert record["image"]["reused"] is True
    assert record["image"]["version"] == good["image"]["version"]
    bake = next(stage for stage in record["stages"] if stage["name"] == "bake")
    assert bake["duration_s"] < 1


@pytest.mark.usefixtures("good")
def test_with_two_workers_the_work_is_done_once(project):
    project.set(title="Two workers")
    ended = project.pytest("-n", "2")
    assert ended.status == 0, ended.output
    record = project.last()
    assert [stage["name"] for stage in record["stages"]] == ["bake", "deploy", "load"]
    assert answers_with(record) == {record["build"]}
    project.set()
    assert project.pytest().status == 0


@pytest.mark.parametrize(
    ("behaviour", "stage", "named"),
    [
        pytest.param(
            {"bake": "broken"},
            "bake",
            "no such package: left-pad",
            id="in-bake",
        ),
        pytest.param(
            {"starts": False},
            "deploy",
            "not become healthy",
            id="in-deploy",
        ),
        pytest.param(
            {"status": 500},
            "smoke",
            "GET / answered 500",
            id="in-smoke",
        ),
        pytest.param(
            {"delay_s": 0.4},
            "load",
            "p95_ms",
            id="in-load",
        ),
    ],
)
def test_a_broken_service_fails_in_its_place_and_the_old_build_returns(
    project, good, behaviour, stage, named
):
    project.set(**behaviour)
    ended = project.pytest()
    assert ended.status == 1, ended.output
    record = project.last()
    assert record["verdict"] == "failed"
    assert named in ended.output
    assert answers_with(good) == {good["build"]}
    found = outcomes(record)
    if stage in ("bake", "deploy"):
        assert found[stage] == "failed"
    else:
        assert "rollback" in found
    if stage == "smoke":
        assert "load" not in found
    left = [r for r in project.groups() if r.startswith("release-local-")]
    assert left == []


@pytest.mark.usefixtures("good")
def test_attaching_changes_nothing(project):
    before = project.count()
    ended = project.pytest("tests/smoke")
    assert ended.status == 0, ended.output
    assert "attach: environment local, narrowed by a path; no change" in ended.output
    asked = [
        (each["method"], each["path"])
        for each in project.asked(before)
        if each["method"] in WRITES and not each["path"].endswith("/token")
    ]
    assert asked == []


@pytest.mark.usefixtures("good")
def test_an_interrupted_bake_leaves_nothing_after_the_next_run(project):
    project.set(title="Interrupted")
    ended = project.interrupted("builder machine")
    assert ended.status == 2, ended.output
    project.set()
    assert project.pytest().status == 0
    assert [r for r in project.groups() if r.startswith("release-local-")] == []
