"""A few of the faults of tests/faults, all of which `make test-faults` drives."""

import pytest

from tests.faults.drive import drive
from tests.faults.table import SURVIVED, Case

TOGETHER = (
    ("throttled, in seconds", "create the builder's group"),
    ("throttled, in milliseconds", "list images"),
    ("storage is busy", "read the bake's log"),
    ("the answer never comes", "begin the run command"),
    ("preempted", "deallocate the builder"),
    ("the answer never comes, a POST", "generalize the builder"),
    ("failed inside", "publish the image"),
    ("the answer never comes", "begin the deployment"),
    ("conflict, inside a deployment", "change the scale set"),
    ("the answer never comes, a POST", "upgrade an instance"),
    ("conflict", "tag the image as passed"),
)


@pytest.mark.matrix
def test_a_release_survives_many_faults_at_once(project, record_property):
    chosen = [each for each in SURVIVED if (each.name, each.where) in TOGETHER]
    assert len(chosen) == len(TOGETHER)
    everything = Case(
        name="many",
        where="everywhere",
        faults=tuple(fault for each in chosen for fault in each.faults),
        struck=sum(each.struck for each in chosen),
    )
    drive(project, everything, record_property)
