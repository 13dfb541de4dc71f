"""Whole releases of a tiny service: they pass, fail where they should, and undo."""

import json
import re
import shutil
import subprocess
import urllib.request
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.harness.releases import secrets, test_canary
from tests.harness.releases.conftest import Ended, Visitor

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


def wrote(project, since):
    """What was asked after a number that may have changed something."""
    questions = ("/token", "/validate", "/whatif", "/checknameavailability")
    return [
        (each["method"], each["path"])
        for each in project.asked(since)
        if each["method"] in WRITES and not each["path"].lower().endswith(questions)
    ]


def temporary_groups(project):
    return [name for name in project.groups() if name.startswith("release-local-")]


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
    assert temporary_groups(project) == []
    assert answers_with(mended.record) == {mended.before["image"]["build"]}


def test_a_recipe_that_was_baked_reuses_the_image(mended):
    assert mended.record["image"]["reused"] is True
    assert version(mended.record) == version(mended.before)
    bake = next(s for s in mended.record["stages"] if s["name"] == "bake")
    assert bake["duration_s"] < 1


def test_whether_the_account_is_there_is_asked_once(mended):
    looks = [path.lower().split("/")[-2] for path in mended.asked]
    assert looks.count("storageaccounts") == 1


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


@dataclass(frozen=True, kw_only=True)
class Visited:
    """A release by two workers, with a canary, while somebody visits."""

    record: dict[str, Any]
    titles: list[str]


@pytest.fixture(scope="module")
def visited(project):
    before = project.live()
    project.set(title="Two workers")
    with Visitor(before["deployment"]["site_url"]) as visitor:
        ended = project.release("-n", "2", *test_canary.OPTIONS)
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


def test_a_build_as_quick_as_the_old_one_goes_on_to_all_instances(visited):
    record = visited.record
    assert record["canary"]["text"] == "as quick as the old build at 1 endpoint"
    assert {each["build"] for each in record["deployment"]["instances"]} == {
        record["build"]
    }


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
    assert temporary_groups(project) == []


def test_a_load_that_is_too_slow_fails_its_gate(project):
    limit = 'load.thresholds."GET /".p95_ms=0.001'
    ended = project.pytest("tests/load", "--set", limit)
    assert ended.status == 1, ended.output
    told = r"\nFailed: GET /: p95 response was [\d.]+ ms, limit 0\.001 ms\.\n"
    assert re.search(told, ended.output), ended.output


MOODY = """
from pathlib import Path


def test_moody(site):
    tries = Path(__file__).with_suffix(".tries")
    tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
    assert len(tries.read_text()) == 3, "not yet"
"""


def attach(project, *options):
    """Attach with a smoke test that passes when it is tried for the third time."""
    file = project.root / "tests" / "smoke" / "test_moody.py"
    file.write_text(MOODY)
    ended = project.pytest("tests/smoke", *options)
    file.unlink()
    file.with_suffix(".tries").unlink()
    return ended


@dataclass(frozen=True, kw_only=True)
class Attached:
    """A run that attached, and what it asked for that changes something."""

    ended: Ended
    wrote: list[tuple[str, str]]


@pytest.fixture(scope="module")
def attached(project):
    before = project.count()
    ended = attach(project, "--set", "smoke.retries=2")
    wrote = [
        (each["method"], each["path"])
        for each in project.asked(before)
        if each["method"] in WRITES and not each["path"].endswith("/token")
    ]
    return Attached(ended=ended, wrote=wrote)


def test_attaching_changes_nothing(attached):
    ended = attached.ended
    assert ended.status == 0, ended.output
    assert "attach: environment local, narrowed by a path; no change" in ended.output
    assert attached.wrote == []


def test_a_test_that_passes_when_tried_again_is_told_as_flaky(attached):
    assert (
        "4 tests passed; 1 flaky: test_moody passed at try 3, after: not yet; then not "
        "yet.\n"
    ) in attached.ended.output


@pytest.mark.matrix
@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("--set", "smoke.retries=1", "-n", "2"), id="too-few"),
        pytest.param((), id="none"),
    ],
)
def test_a_test_that_does_not_pass_when_tried_again_fails(project, options):
    ended = attach(project, *options)
    assert "Failed: test_moody: not yet.\n" in ended.output
    assert ended.status == 1


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


# A quick one is in tests/harness/cloud/test_promotion.py.
@pytest.mark.matrix
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


@pytest.mark.parametrize(
    ("without", "options", "said"),
    [
        pytest.param(
            "smoke/test_page.py",
            ["-n", "2"],
            "ERROR: no smoke test is there, and no release to local passes without\n"
            "  fix: write one in tests/smoke, and see that pytest's testpaths names "
            "it\n",
            id="smoke",
            marks=pytest.mark.matrix,
        ),
        pytest.param(
            "load/test_thresholds.py",
            [],
            "ERROR: no load gate is there, and no release to local passes without\n"
            "  fix: give limits in [env.local.load.thresholds], and have a test in "
            "tests/load that takes the fixture gate\n",
            id="load",
        ),
    ],
)
def test_a_release_that_cannot_pass_is_not_begun(project, without, options, said):
    records, file = project.records(), project.root / "tests" / without
    text = file.read_text()
    file.unlink()
    try:
        ended = project.pytest(*options)
    finally:
        file.write_text(text)
    assert ended.status == 4, ended.output
    assert said in ended.output
    assert project.records() == records


def test_a_load_comes_after_smoke_tests_also_where_it_failed_before(project):
    cache = project.root / ".pytest_cache" / "v" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    failed = "tests/load/test_thresholds.py::test_threshold[* error_ratio]"
    (cache / "lastfailed").write_text(json.dumps({failed: True}))
    ended = project.pytest("--attach", "--collect-only", "-q", "--ff")
    (cache / "lastfailed").unlink()
    tests = [line for line in ended.output.splitlines() if "::" in line]
    assert failed in tests
    folders = [test.split("/")[1] for test in tests]
    assert folders == sorted(folders, reverse=True), tests


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
