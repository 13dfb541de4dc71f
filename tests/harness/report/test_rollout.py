from release.report.rollout import Row, batches, rows
from release.report.undo import undo

IMAGES = "/galleries/web/images/web/versions"


def instance(name, version="42"):
    return {
        "name": name,
        "image_id": f"{IMAGES}/{version}",
        "build": version,
        "health": "healthy",
        "address": f"10.0.0.1:5000{name[-1]}",
    }


def batch(*names, stage="deploy", named="1 of 1", healthy_s=4.2):
    return {
        "stage": stage,
        "batch": named,
        "instances": [
            {"name": name, "before": "41", "after": "42", "healthy_s": healthy_s}
            for name in names
        ],
    }


def test_an_instance_is_told_by_batch_with_its_versions_and_its_time():
    deployed = {"instances": [instance("web0")]}
    assert rows([batch("web0", named="1 of 2")], deployed, None) == [
        Row(
            batch="1 of 2",
            name="web0",
            before="41",
            after="42",
            healthy="4.2 s",
            answers="42",
            health="healthy",
            address="10.0.0.1:50000",
            well=True,
        )
    ]


def test_one_that_never_got_healthy_says_so():
    (row,) = rows([batch("web0", healthy_s=None)], None, None)
    assert (row.healthy, row.health, row.answers, row.well) == (
        "not healthy",
        "unknown",
        "not asked",
        False,
    )


def test_those_that_no_batch_reached_are_told_too():
    deployed = {"instances": [instance("web0"), instance("web1"), instance("web2")]}
    before = {"instances": [instance("web1"), instance("web0", "41")]}
    found = rows([batch("web0")], deployed, before)
    assert [(row.name, row.batch, row.before, row.healthy) for row in found] == [
        ("web0", "1 of 1", "41", "4.2 s"),
        ("web1", "none", "42", "unchanged"),
        ("web2", "none", "none", "not measured"),
    ]


def test_a_record_without_batches_has_none():
    assert batches({}, "deploy") == []
    assert batches({"rollout": {"strategy": "batches"}}, "deploy") == []


def record(rollback, **stage):
    ended = {"name": "rollback", "outcome": "passed", "duration_s": 9.0} | stage
    return {
        "rollback": rollback,
        "stages": [ended] if stage or rollback else [],
        "deployment": None,
        "rollout": {"batches": [batch("web0", stage="rollback"), batch("web1")]},
    }


def test_a_rollback_is_told_with_its_own_batches_and_its_proof():
    done = record({"text": "41 is back.", "deployment": {"instances": []}})
    found = undo(done)
    assert (found.text, found.outcome, found.took) == ("41 is back.", "passed", "9.0 s")
    assert [row.name for row in found.rows] == ["web0"]


def test_a_rollback_that_was_cut_short_says_so():
    found = undo(record(None, outcome="unfinished", duration_s=None))
    assert found.text == "It was begun, and did not end."
    assert (found.outcome, found.took) == ("unfinished", "")


def test_a_release_without_a_rollback_has_none():
    assert undo(record(None)) is None
