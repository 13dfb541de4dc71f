"""Each fault drives one release, which ends as the table says."""

from __future__ import annotations

import pytest

from tests.faults.drive import drive
from tests.faults.table import COMPUTE, FATAL, PREEMPTED, SURVIVED, fails


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


def test_a_first_release_that_fails_leaves_nothing(project, record_property):
    project.set(title="First")
    other = ("--set", "resource_group=first-local", "--set", "scale_set=first")
    project.faults(
        {"kind": "quota", "type": f"{COMPUTE}/virtualMachineScaleSets/write"},
        fails("*/delete", path="*/first-local", **PREEMPTED),
    )
    ended = project.pytest(*other, "--set", "site_port=8091")
    struck = [fault["hits"] for fault in project.struck()]
    project.faults()
    record = project.last()
    assert record["rollback"], ended.output
    for name, value in (
        ("fault", "the quota is used up, and then the deletion is preempted"),
        ("where", "the first release ever"),
        ("struck", sum(struck)),
        ("verdict", record["verdict"]),
        ("seconds", f"{ended.took_s:.1f}"),
        ("said", record["rollback"]["text"]),
    ):
        record_property(name, value)
    assert struck == [1, 1]
    assert record["verdict"] == "failed"
    assert "Current Limit: 10, Current Usage: 10" in record["reason"]
    assert record["rollback"]["text"] == (
        "Nothing ran here before, so there is nothing to go back to; what this build "
        "had made was deleted."
    )
    assert "first-local" not in project.groups()
    project.nothing_is_left()
