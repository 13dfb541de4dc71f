"""The end of a release at which something goes wrong that nobody foresaw."""

import json

import pytest

from release.coordination import ending
from release.environments import folder
from release.journal import Kind
from release.verdict import State, Verdict
from tests.harness.coordination import shop


@pytest.fixture
def run(tmp_path):
    """A release that has touched the scale set, and was baking."""
    run = shop.begun(tmp_path)
    run.journal.write(Kind.CREATING, resource_id="group")
    run.journal.write(Kind.VALUE, name="touched", value=True)
    return run


def end(run, state=State.FAILED):
    """End a release; return the verdict and the errors that were shown."""
    shown = []
    found = ending.end(
        run,
        None,
        Verdict(state=state, reason="test_page: 500"),
        interrupted=True,
        keep_failed=False,
        show=shown.append,
    )
    return found, shown


def undoing(run):
    """Tell whether the undo was begun."""
    return "rollback" in [
        event.stage for event in run.journal.read() if event.kind is Kind.STAGE_STARTED
    ]


def test_no_error_of_the_disk_keeps_a_release_from_being_undone(run):
    folder(run.settings.root).write_text("no folder")
    found, shown = end(run)
    assert found == Verdict(
        state=State.FAILED,
        reason="test_page: 500; then FileExistsError: [Errno 17] File exists: "
        f"'{folder(run.settings.root)}'",
    )
    assert shown == []
    assert undoing(run)


def test_a_full_disk_keeps_no_release_from_being_undone(run, full_disk):
    folder(run.settings.root).write_text("no folder")
    run.journal.go_on()
    with full_disk(0):
        found, _ = end(run)
    assert "test_page: 500; then FileExistsError" in found.reason
    assert undoing(run)


def test_a_bug_is_shown_and_the_release_undone(run):
    folder(run.settings.root).mkdir()
    (folder(run.settings.root) / "endpoint.json").write_text(json.dumps({}))
    found, shown = end(run, State.PASSED)
    assert found == Verdict(
        state=State.FAILED, reason="test_page: 500; then KeyError: 'pid'"
    )
    assert {repr(error) for error in shown} == {"KeyError('pid')"}
    assert undoing(run)
