import json
import os
import subprocess
import sys

import psutil
import pytest

from release import builds
from release.coordination import killed
from release.coordination.interruption import MARK
from release.journal import Kind
from release.settings import load
from tests.harness.coordination import shop


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "release.toml").write_text(shop.RELEASE)
    return load(tmp_path, "local", options={}, variables={})


@pytest.fixture
def build(settings):
    found = builds.begin(settings.root, "local", attached=False)
    found.journal.write(Kind.BUILD_STARTED, build=found.id, commit="abc1234")
    return found


def test_a_killed_build_is_archived_as_failed_with_a_page(settings, build):
    build.journal.write(Kind.STAGE_STARTED, stage="bake")
    build.journal.write(
        Kind.TEST_FINISHED,
        nodeid="tests/smoke/test_page.py::test_it",
        outcome="passed",
        duration_s=1.0,
    )

    killed.keep(build, settings)

    record = json.loads((build.archive / "release.json").read_text())
    assert record["verdict"] == "failed"
    assert record["reason"].startswith(
        f"killed in bake: process {os.getpid()} was last heard of at "
    )
    assert record["commit"] == "abc1234"
    assert [test["group"] for test in record["tests"]] == ["smoke"]
    page = (build.archive / "report.html").read_text()
    assert "killed in bake" in page
    assert "tests/smoke/test_page.py::test_it" in page
    assert build.id in (settings.root / "reports" / "index.html").read_text()
    assert not build.folder.exists()


def test_a_build_killed_after_its_verdict_keeps_it(settings, build):
    build.journal.write(Kind.BUILD_FINISHED, verdict="passed", reason="all is well")

    killed.keep(build, settings)

    record = json.loads((build.archive / "release.json").read_text())
    assert (record["verdict"], record["reason"]) == ("passed", "all is well")


def test_what_becomes_of_a_build_is_told_by_whether_it_had_ended(build):
    assert killed.told(build, ["chrome 12"]) == (
        f"swept: build {build.id} was killed, and is archived as failed; chrome 12 "
        "still ran"
    )
    (build.folder / "release.json").write_text("{}")
    (build.folder / "report.html").write_text("")
    assert killed.told(build, []) == (
        f"swept: build {build.id} had ended, and is archived now"
    )


def test_a_build_that_had_not_begun_leaves_nothing(settings):
    build = builds.begin(settings.root, "local", attached=False)
    killed.keep(build, settings)
    assert not build.folder.exists()
    assert not build.archive.exists()


def test_a_copy_that_was_cut_short_goes_and_the_build_is_archived(settings, build):
    draft = build.archive.with_name(f".{build.id}.part")
    draft.mkdir(parents=True)
    (draft / "release.json").write_text("{}")
    killed.keep(build, settings)
    assert build.archive.is_dir()
    assert not draft.exists()


def test_what_a_killed_build_left_running_is_ended(build):
    child = subprocess.Popen(
        [sys.executable, "-c", "input()"],
        stdin=subprocess.PIPE,
        env={**os.environ, MARK: str(build.folder)},
    )
    with child:
        assert [text.rpartition(" ")[2] for text in killed.end(build)] == [
            f"({child.pid})"
        ]
    assert not psutil.pid_exists(child.pid)
