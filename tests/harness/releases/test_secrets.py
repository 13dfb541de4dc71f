"""No secret leaves a release: not to a file, a terminal or a process list."""

from __future__ import annotations

import pytest

from tests.harness.releases import secrets

pytestmark = pytest.mark.matrix


def released(project):
    with secrets.CommandLines() as lines:
        ended = project.pytest("-v", **secrets.ENVIRONMENT)
    assert lines.looks > 20
    assert lines.found == []
    assert secrets.found_in(ended.output) == []
    folders = (project.root / "reports", project.root / ".release")
    assert secrets.found_below(*folders) == {}
    return ended


@pytest.fixture
def telling(project):
    """A project whose provisioner prints all secrets."""
    script = project.root / "image" / "install.sh"
    before = script.read_text()
    script.write_text(secrets.printing_script() + before)
    yield project
    script.write_text(before)


def test_no_secret_leaves_a_release_that_passes_or_fails(telling):
    project = telling
    passed = released(project)
    assert passed.status == 0, passed.output
    record = project.last()
    printed = [each["line"] for each in record["output"] if "***" in each["line"]]
    assert len(printed) > len(secrets.ENVIRONMENT)

    test = project.root / "tests" / "smoke" / "test_secrets.py"
    test.write_text(secrets.failing_test())
    try:
        failed = released(project)
    finally:
        test.unlink()
    assert failed.status == 1, failed.output
    assert "RuntimeError: https://shop.blob.core.windows.net/" in failed.output
    assert project.last()["verdict"] == "failed"
