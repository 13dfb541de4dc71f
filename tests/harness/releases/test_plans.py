"""Releases that are stopped before they begin."""

import pytest

from tests.faults.table import FATAL
from tests.harness.releases.records import outcomes


@pytest.mark.matrix
def test_a_release_that_would_fail_ends_before_anything_is_created(project):
    before = project.count()
    project.conditions(limits={"cores": 5})
    try:
        planned = project.pytest("--plan")
        assert project.wrote(before) == []
        ended = project.pytest()
    finally:
        project.conditions()
    said = (
        "core quota, Total Regional vCPUs in westeurope: 4 used, 2 more needed "
        "(builder 2); limit: 5"
    )
    assert planned.status == ended.status == 1
    assert said in planned.output
    assert said in ended.output
    record = project.last()
    assert (record["verdict"], record["reason"]) == ("failed", f"preflight: {said}")
    assert outcomes(record) == {"preflight": "failed"}
    assert {test["outcome"] for test in record["tests"]} == {"skipped"}
    assert {test["text"] for test in record["tests"]} == {"not run: preflight failed"}
    assert record["preflight"]["summary"] == "1 stop"
    assert len(record["preflight"]["what_if"]["changes"]) == 7
    assert [path for _, path in project.wrote(before) if "/lock/" not in path] == []
    folder = project.root / "reports" / "local" / record["build"]
    assert "What was to change in Azure" in (folder / "report.html").read_text()


def test_a_first_release_that_would_fail_leaves_nothing_at_all(fresh_project):
    project = fresh_project
    project.conditions(limits={"cores": 5})
    ended = project.pytest()
    assert ended.status == 1, ended.output
    assert (
        "Failed: preflight: core quota, Total Regional vCPUs in westeurope: 0 used, 6 "
        "more needed (builder 2, instances 4); limit: 5."
    ) in ended.output
    assert project.wrote(0) == []
    assert project.groups() == []
    assert project.last()["verdict"] == "failed"


@pytest.mark.matrix
def test_a_release_without_a_role_says_which_before_it_begins(fresh_project):
    project = fresh_project
    case = next(each for each in FATAL if each.where == "list resource groups")
    project.faults(*case.faults)
    ended = project.pytest()
    assert ended.status == 4, ended.output
    assert f"ERROR: {case.usage}\n" in ended.output
    assert [fault["hits"] for fault in project.struck()] == [case.struck]
    assert project.records() == []
    project.faults()
    project.nothing_is_left()
