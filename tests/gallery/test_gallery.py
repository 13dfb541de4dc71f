"""Reports of every state, as a reader sees them: make gallery."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.gallery.states import STATES, made

LARGEST_BYTES = 5_000_000
SLOWEST_MS = 1000


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_a_report_may_be_shown_to_anybody(state, project, looking, gallery):
    folder = made(project, state)
    kept = gallery / state.name
    shutil.copytree(folder, kept, dirs_exist_ok=True)
    record = kept / "release.json"
    if record.exists():
        assert json.loads(record.read_text())["verdict"] == state.verdict
    seen = looking(kept / "report.html", state.name)
    assert seen.issues == ()
    assert seen.size_bytes < LARGEST_BYTES
    assert seen.interactive_ms < SLOWEST_MS
