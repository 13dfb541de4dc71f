"""No secret leaves a release: not to a file, a terminal or a process list."""

from __future__ import annotations

import pytest

from tests.harness.releases import secrets

pytestmark = pytest.mark.matrix


@pytest.fixture(scope="module")
def project(own_project):
    """A project of its own: a recipe that prints secrets may pass."""
    return own_project


def released(project):
    with secrets.CommandLines() as lines:
        ended = project.release("-v", **secrets.ENVIRONMENT)
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


@pytest.fixture
def replaced(project):
    """Replace a file of the project for one test."""
    before = {}

    def put(name, text):
        path = project.root / name
        before.setdefault(path, path.read_text() if path.exists() else None)
        path.write_text(text)

    yield put
    for path, text in before.items():
        path.unlink() if text is None else path.write_text(text)


def test_no_secret_leaves_by_a_browser_that_shows_all(project, replaced):
    replaced("tests/smoke/test_secrets.py", secrets.browser_test())
    failed = released(project)
    assert failed.status == 1, failed.output
    record = project.last()
    (test,) = [each for each in record["tests"] if each["outcome"] == "failed"]
    evidence = test["evidence"]
    assert evidence["address"].count("***") > len(secrets.ENVIRONMENT)
    assert evidence["console"].count("***") > len(secrets.ENVIRONMENT)
    page = project.root / "reports" / "local" / record["build"] / evidence["page"]
    assert page.read_text().count("***") > len(secrets.ENVIRONMENT)


def test_no_secret_leaves_by_a_load_whose_errors_name_all(project, replaced):
    replaced("tests/load/locustfile.py", secrets.locustfile())
    failed = released(project)
    assert failed.status == 1, failed.output
    record = project.last()
    assert "error_ratio" in record["reason"]
    folder = project.root / "reports" / "local" / record["build"] / "load"
    for name in ("locust.log", "latency.hlog", "locust_failures.csv"):
        assert "***" in (folder / name).read_text(), name
    assert "***" in next(folder.glob("load-*.jsonl")).read_text()

    # A run that only tests keeps its files too.
    attached = project.pytest("tests/load", **secrets.ENVIRONMENT)
    assert attached.status == 1, attached.output
    assert secrets.found_in(attached.output) == []
    assert secrets.found_below(project.root / ".release") == {}

    replaced(
        "tests/load/locustfile.py", secrets.locustfile() + "\nraise OSError(SHOWN)"
    )
    broken = released(project)
    assert "OSError: ['https://shop.blob" in broken.output, broken.output


def test_an_error_within_pytest_or_a_warning_shows_no_secret(project, replaced):
    shown = "*map(os.environ.get, " + repr(list(secrets.ENVIRONMENT)) + ")"
    replaced(
        "conftest.py",
        f"""
import os, warnings
pytest_plugins = ["release.plugin"]
def pytest_runtest_logfinish(nodeid):
    warnings.warn(str([{shown}]))
    raise RuntimeError("within", {shown})
""",
    )
    for options in ((), ("-n", "2")):
        ended = project.pytest("tests/smoke", *options, **secrets.ENVIRONMENT)
        assert ended.status in (1, 3), ended.output
        assert "INTERNALERROR> " in ended.output
        assert "RuntimeError: ('within', '***'" in ended.output
        assert secrets.found_in(ended.output) == []
    assert secrets.found_below(project.root / ".release") == {}
