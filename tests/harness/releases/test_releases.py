"""Whole releases of a tiny service: they pass, fail where they should, and undo."""

import json
import re
import shutil
import subprocess
import urllib.request
from dataclasses import replace

import pytest

from tests.harness.releases import secrets

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


def version(record):
    return record["image"]["version"]


def temporary_groups(project):
    return [name for name in project.groups() if name.startswith("release-local-")]


def test_a_release_passes_is_proved_and_archived(project):
    record = project.records()[0]
    assert record["verdict"] == "passed"
    assert record["reason"] == "3 smoke tests and 3 load gates passed"
    assert record["image"]["reused"] is False
    proved = [instance["build"] for instance in record["deployment"]["instances"]]
    assert proved == [record["build"], record["build"]]
    folder = project.root / "reports" / "local" / record["build"]
    kept = {path.name for path in folder.iterdir()}
    assert {"report.html", "junit.xml", "release.json", "journal.jsonl", "load"} <= kept
    assert record["build"] in (project.root / "reports" / "index.html").read_text()


def test_an_unchanged_recipe_reuses_the_image(project):
    before, since = project.live(), project.count()
    project.restore()
    ended = project.release()
    assert ended.status == 0, ended.output
    record = project.last()
    assert record["image"]["reused"] is True
    looks = [
        each["path"]
        for each in project.asked(since)
        if each["path"].lower().split("/")[-2] == "storageaccounts"
    ]
    assert len(looks) == 1, "whether the account is there is asked once"
    assert version(record) == version(before)
    bake = next(stage for stage in record["stages"] if stage["name"] == "bake")
    assert bake["duration_s"] < 1


def test_two_workers_release_once_and_no_visitor_notices(project, visiting):
    before = project.live()
    project.set(title="Two workers")
    with visiting(before["deployment"]["site_url"]) as visitor:
        ended = project.release("-n", "2")
    assert ended.status == 0, ended.output
    assert visitor.titles[-1] == "Two workers"
    assert set(visitor.titles) == {visitor.titles[0], "Two workers"}
    assert len(visitor.titles) > 50
    record = project.last()
    done = [s["name"] for s in record["stages"] if s["name"] in ("bake", "deploy")]
    assert done == ["bake", "deploy"]
    assert answers_with(record) == {record["build"]}


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
        pytest.param(
            {"starts": False}, "deploy", "no database at /var/lib/tiny", id="in-deploy"
        ),
        pytest.param({"status": 500}, "smoke", "GET / answered 500", id="in-smoke"),
        pytest.param({"delay_s": 0.4}, "load", "p95_ms", id="in-load"),
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
    assert temporary_groups(project) == []


MOODY = """
from pathlib import Path


def test_moody(site):
    tries = Path(__file__).with_suffix(".tries")
    tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
    assert len(tries.read_text()) == 3, "not yet"
"""


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param(
            ("--set", "smoke.retries=2"),
            "1 test passed; 1 flaky: test_moody passed at try 3, after: not yet; "
            "then not yet.",
            id="enough",
        ),
        pytest.param(
            ("--set", "smoke.retries=1", "-n", "2"),
            "Failed: test_moody: not yet.",
            id="too-few",
        ),
        pytest.param((), "Failed: test_moody: not yet.", id="none"),
    ],
)
def test_a_test_that_passes_when_tried_again_is_told_as_flaky(project, options, told):
    file = project.root / "tests" / "smoke" / "test_moody.py"
    file.write_text(MOODY)
    ended = project.pytest(str(file), *options)
    file.unlink()
    file.with_suffix(".tries").unlink()
    assert f"{told}\n" in ended.output
    assert ended.status == (1 if told.startswith("Failed") else 0)


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


def test_a_release_that_ci_kills_after_ten_seconds_leaves_a_true_report(project):
    project.set(title="Cancelled")
    ended = project.cancelled("batch 1 of 2", seconds=2)
    assert ended.status == -9, ended.output
    record = project.last()
    assert record["interim"] is True
    assert (record["verdict"], record["reason"]) == ("failed", "interrupted: SIGTERM")
    folder = project.root / "reports" / "local" / record["build"]
    page = (folder / "report.html").read_text()
    assert "so it was killed meanwhile" in page
    assert "What it had begun to deploy was not undone" in page
    project.restore()
    ended = project.release()
    assert ended.status == 0, ended.output
    *_, killed, _ = project.records()
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


def wrote(project, since):
    """What was asked after a number that may have changed something."""
    questions = ("/token", "/validate", "/whatif", "/checknameavailability")
    return [
        (each["method"], each["path"])
        for each in project.asked(since)
        if each["method"] in WRITES and not each["path"].lower().endswith(questions)
    ]


def test_a_plan_tells_what_a_release_would_do_and_changes_nothing(project):
    before, records = project.count(), project.records()
    ended = project.pytest("--plan", "-n", "2")
    assert ended.status == 0, ended.output
    assert "plan: a release to environment local; nothing is changed" in ended.output
    assert "preflight nothing stands in the way" in ended.output
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


def test_a_release_that_would_fail_ends_before_anything_is_created(project):
    before = project.count()
    project.conditions(limits={"cores": 5})
    try:
        planned = project.pytest("--plan")
        assert wrote(project, before) == []
        ended = project.pytest()
    finally:
        project.conditions()
    said = (
        "core quota, Total Regional vCPUs in westeurope: 4 used, 2 more needed "
        "(builder 2); limit: 5"
    )
    assert planned.status == ended.status == 1
    assert said in planned.output
    assert said in ended.output
    record = project.last()
    assert (record["verdict"], record["reason"]) == ("failed", f"preflight: {said}")
    assert outcomes(record) == {"preflight": "failed"}
    assert {test["outcome"] for test in record["tests"]} == {"skipped"}
    assert {test["text"] for test in record["tests"]} == {"not run: preflight failed"}
    assert record["preflight"]["summary"] == "1 stop"
    assert len(record["preflight"]["what_if"]["changes"]) == 7
    assert [path for _, path in wrote(project, before) if "/lock/" not in path] == []
    folder = project.root / "reports" / "local" / record["build"]
    assert "What was to change in Azure" in (folder / "report.html").read_text()


def test_a_first_release_that_would_fail_leaves_nothing_at_all(fresh_project):
    project = fresh_project
    project.conditions(limits={"cores": 5})
    ended = project.pytest()
    assert ended.status == 1, ended.output
    assert (
        "Failed: preflight: core quota, Total Regional vCPUs in westeurope: 0 used, 6 "
        "more needed (builder 2, instances 4); limit: 5."
    ) in ended.output
    assert wrote(project, 0) == []
    assert project.groups() == []
    assert project.last()["verdict"] == "failed"


def git(project, *command):
    identity = ("-c", "user.name=tiny", "-c", "user.email=tiny@example.invalid")
    subprocess.run(["git", *identity, *command], cwd=project.root, check=True)


@pytest.fixture
def committed(project):
    """A project whose files are all committed."""
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
    (record,) = project.records("prod")
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


def test_an_image_that_has_not_passed_there_is_not_released(project):
    ended = project.pytest("--image-from", "prod", "--set", "gallery=other")
    assert ended.status == 1, ended.output
    assert project.last()["reason"] == (
        "preflight: image to release, tiny/tiny: no images are there, none with a tag "
        "release-passed-in that says so; limit: one that passed in prod"
    )


def test_a_protected_environment_runs_no_destructive_test(project):
    erasing = project.root / "tests" / "smoke" / "test_erase.py"
    erasing.write_text(
        "import pytest\n@pytest.mark.destructive\ndef test_erase(site):\n    pass\n"
    )
    try:
        ended = project.pytest(str(erasing), "--set", "disposable=true", to="prod")
    finally:
        erasing.unlink()
    assert ended.status == 4, ended.output
    assert (
        "ERROR: 1 test is destructive, and environment prod is protected:\n"
        "  tests/smoke/test_erase.py::test_erase\n"
        "  fix: leave such tests out with -m 'not destructive'\n"
    ) in ended.output


def test_no_secret_leaves_a_run_whose_test_shows_all(project):
    test = project.root / "tests" / "smoke" / "test_secrets.py"
    test.write_text(secrets.failing_test())
    try:
        with secrets.CommandLines() as lines:
            ended = project.pytest(str(test), **secrets.ENVIRONMENT)
    finally:
        test.unlink()
    assert ended.status == 1, ended.output
    assert lines.found == secrets.found_in(ended.output) == []
    assert "sp=racw&sig=***" in ended.output
    folders = (project.root / "reports", project.root / ".release")
    assert secrets.found_below(*folders) == {}
