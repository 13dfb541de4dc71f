"""The essential smoke tests of a project, run again in a pytest of their own."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from release.builds import Build
from release.errors import DeployFailed
from release.journal import Kind
from release.stages import essential

CONFTEST = """
def pytest_addoption(parser):
    parser.addoption("--attach", action="store_true")
    parser.addoption("--env")


def pytest_configure(config):
    config.addinivalue_line("markers", "essential: runs after a rollback")


def pytest_unconfigure(config):
    print("Failed: test_fails: an error.\\nfailed in 1 s, report: report.html")
"""
PASSES = "def test_passes(request):\n    assert request.config.option.env == 'qa'\n"
FAILS = "def test_fails():\n    assert 'the page' == 'an error'\n"
SKIPS = "def test_skips():\n    pytest.skip('not now')\n"
HANGS = "import threading\n\n\ndef test_hangs():\n    threading.Event().wait()\n"
MARKED = "import pytest\n\npytestmark = pytest.mark.essential\n\n\n"


@pytest.fixture
def build(tmp_path: Path) -> Build:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    made = Build(id="2026.1125.1", environment="qa", root=tmp_path)
    made.folder.mkdir(parents=True)
    return made


def prove(build: Build, *tests: str, timeout_s: float = 60) -> str:
    (build.root / "test_it.py").write_text(MARKED + "\n\n".join(tests))
    return essential.prove(build.root, build, ["-q"], timeout_s=timeout_s)


def test_those_that_passed_are_counted(build: Build) -> None:
    assert prove(build, PASSES) == "1 essential smoke test passed on it"
    lines = [e.data["line"] for e in build.journal.read() if e.kind is Kind.OUTPUT]
    assert lines[0].startswith(".")


def test_those_that_were_skipped_are_not(build: Build) -> None:
    assert prove(build, PASSES, SKIPS) == "1 essential smoke test passed on it"


def test_one_that_fails_is_told_with_the_verdict(build: Build) -> None:
    with pytest.raises(DeployFailed) as caught:
        prove(build, PASSES, FAILS)
    assert str(caught.value) == (
        "the previous build is back, and its essential smoke tests do not prove it: "
        "Failed: test_fails: an error.\n"
        "  fix: pytest --attach --env qa -m essential shows why"
    )


def test_none_that_is_marked_is_no_failure(build: Build) -> None:
    (build.root / "test_it.py").write_text(PASSES)
    found = essential.prove(build.root, build, [])
    assert found == "no smoke test is marked essential"


def test_one_that_hangs_is_ended_and_told(build: Build) -> None:
    before = set(psutil.Process().children())
    with pytest.raises(DeployFailed) as caught:
        prove(build, HANGS, timeout_s=1)
    assert str(caught.value) == (
        "the previous build is back, and its essential smoke tests have not ended in "
        "1 s\n"
        "  fix: pytest --attach --env qa -m essential shows why"
    )
    assert set(psutil.Process().children()) - before == set()
