"""Runs that change nothing of what was released: plans, refusals, tests alone."""

import json
import re
from dataclasses import dataclass

import pytest

from tests.harness.releases import secrets
from tests.harness.releases.project import WRITES, Ended


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
    assert project.wrote(before) == []
    assert project.records() == records
    assert not list((project.root / ".release" / "builds").iterdir())


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


def test_an_image_that_has_not_passed_there_is_not_released(project):
    ended = project.pytest("--image-from", "prod", "--set", "gallery=other")
    assert ended.status == 1, ended.output
    assert project.last()["reason"] == (
        "preflight: image to release, tiny/tiny: no images are there, none with a tag "
        "release-passed-in that says so; limit: one that passed in prod"
    )


@pytest.mark.matrix
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


@pytest.mark.matrix
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
