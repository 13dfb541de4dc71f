"""Whole releases of one, two, three and five instances, by both strategies."""

import json
import urllib.request

import pytest

STRATEGIES = ("batches", "surge")


def builds(record):
    """The build ids that the instances answer with, asked here."""
    found = []
    for instance in record["deployment"]["instances"]:
        with urllib.request.urlopen(f"http://{instance['address']}/healthz") as answer:
            found.append(json.load(answer)["build"])
    return found


def ids(record):
    return {instance["id"] for instance in record["deployment"]["instances"]}


def released(project, strategy, title, visiting):
    """Release by a strategy while somebody visits; return the record and who did."""
    before = project.live()
    project.set(title=title)
    with visiting(before["deployment"]["site_url"]) as visitor:
        ended = project.by(strategy).release()
    assert ended.status == 0, ended.output
    record = project.last()
    count = len(before["deployment"]["instances"])
    assert builds(record) == [record["build"]] * count
    assert visitor.titles[-1] == title
    assert (ids(record) == ids(before)) == (strategy == "batches")
    return record, visitor


# A quick one is in tests/harness/cloud/test_surge.py.
@pytest.mark.matrix
def test_a_release_by_a_surge_is_noticed_by_no_visitor(project, visiting):
    record, visitor = released(project, "surge", "By a surge", visiting)
    assert set(visitor.titles) == {visitor.titles[0], "By a surge"}
    rollout = record["rollout"]
    assert (rollout["strategy"], rollout["in_place"]) == ("surge", [])


@pytest.mark.matrix
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_release_of_any_size_is_noticed_by_no_visitor(sized, strategy, visiting):
    title = f"By {strategy}"
    record, visitor = released(sized, strategy, title, visiting)
    others = set(visitor.titles) - {visitor.titles[0], title}
    if strategy == "batches" and len(record["deployment"]["instances"]) == 1:
        # A lone instance is away while it boots: only a surge can do without.
        assert others
    else:
        assert others == set()


@pytest.mark.matrix
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param({"starts": False}, id="does-not-start"),
        pytest.param({"status": 500}, id="fails-a-smoke-test"),
    ],
)
def test_a_broken_release_of_any_size_is_undone(sized, strategy, behaviour):
    before = sized.live()
    sized.set(**behaviour)
    ended = sized.by(strategy).release()
    assert ended.status == 1, ended.output
    record = sized.last()
    back = record["rollback"]["deployment"]
    expected = before["image"]["build"]
    assert [instance["build"] for instance in back["instances"]] == [expected] * len(
        before["deployment"]["instances"]
    )
    assert back["repairs"] is True


@pytest.mark.matrix
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_next_release_goes_on_from_a_killed_roll_out(sized, strategy):
    begun = {"batches": "batch 1 of", "surge": "rolling upgrade: under way"}[strategy]
    sized.set(title=f"Killed in {strategy}")
    ended = sized.by(strategy).killed(begun)
    assert ended.status == -9, ended.output
    ended = sized.by(strategy).release()
    assert ended.status == 0, ended.output
    record = sized.last()
    assert set(builds(record)) == {record["image"]["build"]}


@pytest.mark.matrix
def test_an_interrupted_surge_is_undone(sized):
    before = sized.live()
    sized.set(title="Interrupted surge")
    ended = sized.by("surge").interrupted("rolling upgrade: under way")
    assert ended.status == 2, ended.output
    record = sized.last()
    assert (
        f"The previous build {before['image']['build']} is back and proved on "
        in (record["rollback"]["text"])
    )
