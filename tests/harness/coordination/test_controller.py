"""What a controller makes of what its workers say."""

import signal
from types import SimpleNamespace

import pytest

from release.coordination import collection, interruption
from release.coordination.controller import Controller
from release.journal import Kind
from tests.harness.coordination import shop

pytest_plugins = ["pytester"]


@pytest.fixture
def run(tmp_path):
    return shop.begun(tmp_path)


@pytest.fixture
def controller(run):
    return Controller(run, None, keep_failed=False, verbose=False)


@pytest.fixture
def node(pytestconfig):
    """A worker, as far as xdist shows it to hooks."""
    return SimpleNamespace(config=pytestconfig)


def test_a_release_does_not_go_on_without_the_tests_that_cannot_be_collected(
    controller, node
):
    controller.pytest_collectreport(
        pytest.CollectReport("tests/smoke/test_page.py", "failed", "SyntaxError", [])
    )
    with pytest.raises(pytest.Session.Interrupted):
        controller.pytest_xdist_node_collection_finished(node)


def test_what_a_worker_refuses_ends_the_run_as_a_usage_error(controller, run, node):
    run.journal.write(
        Kind.VALUE, name=collection.REFUSED, value="2 tests are destructive"
    )
    with pytest.raises(pytest.UsageError, match="2 tests are destructive"):
        controller.pytest_xdist_node_collection_finished(node)


def test_all_is_well_when_workers_have_collected_everything(controller, node):
    controller.pytest_xdist_node_collection_finished(node)


@pytest.fixture
def signals(monkeypatch):
    """Let a test set what signals do, and whose build this process is of."""
    before = {number: signal.getsignal(number) for number in interruption.ENDING}
    monkeypatch.setenv(interruption.MARK, "")
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals")
def test_a_release_that_is_interrupted_before_it_began_leaves_no_report(
    controller, run, pytester
):
    config = pytester.parseconfig("-p", "no:terminal", "-p", "no:hypothesispytest")
    run.journal.write(Kind.BUILD_STARTED, build=run.build.id)
    controller.start(config)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    controller.pytest_unconfigure(config)
    reports = run.settings.root / "reports"
    assert list((reports / "local").iterdir()) == []
    assert run.build.id not in (reports / "index.html").read_text()
    assert not run.build.folder.exists()
