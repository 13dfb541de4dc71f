"""Each fault drives one release, which ends as the table says."""

from __future__ import annotations

import pytest

from tests.faults.drive import drive
from tests.faults.table import FATAL, SURVIVED


@pytest.mark.parametrize(
    "case", SURVIVED, ids=[f"{each.where}, {each.name}" for each in SURVIVED]
)
def test_a_release_survives_what_passes(project, case, record_property):
    drive(project, case, record_property)


@pytest.mark.parametrize(
    "case", FATAL, ids=[f"{each.where}, {each.name}" for each in FATAL]
)
def test_a_release_that_cannot_go_on_says_why_and_is_undone(
    project, case, record_property
):
    drive(project, case, record_property)
