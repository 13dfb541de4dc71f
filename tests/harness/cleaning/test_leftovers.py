from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from release.azure import tags
from release.azure.lease import Holder
from release.builds import Build
from release.cleaning import Kind, Whose, killed, left_over
from release.deploy import Instance
from release.processes import Process

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
WHOSE = Whose(environment="qa", scale_set="qa-rg/web", running="mine")
OURS = tags.created(environment="qa", build="1.1.1", scale_set="qa-rg/web")
LATER = NOW + timedelta(hours=1)


def found(seen, whose=WHOSE):
    return [
        (row.kind, row.name, row.why, row.action) for row in left_over(seen, whose, NOW)
    ]


@pytest.mark.parametrize(
    ("labels", "goes"),
    [
        pytest.param(tags.temporary(OURS, LATER), True, id="of-a-dead-build"),
        pytest.param(
            tags.temporary({**OURS, tags.BUILD: "mine"}, LATER), False, id="my-own"
        ),
        pytest.param(
            tags.temporary({**OURS, tags.SCALE_SET: "prod-rg/web"}, LATER),
            False,
            id="of-another-scale-set",
        ),
        pytest.param(
            tags.temporary({**OURS, tags.SCALE_SET: "prod-rg/web"}, NOW),
            True,
            id="expired-whoever-made-it",
        ),
        pytest.param(OURS, False, id="one-that-is-to-last"),
        pytest.param(
            tags.temporary({**OURS, tags.OWNER: "terraform"}, NOW), False, id="foreign"
        ),
    ],
)
def test_only_temporary_groups_of_builds_that_run_no_more_are_left_over(
    inventory, labels, goes
):
    rows = found(inventory(groups={"tmp": labels}))
    why = "temporary, and its build runs no more"
    assert rows == ([(Kind.GROUP, "tmp", why, "delete it")] if goes else [])


def test_a_group_that_a_journal_names_needs_no_tag_of_the_scale_set(inventory):
    labels = tags.temporary(
        tags.created(environment="qa", build="1.1.1"), NOW + timedelta(hours=1)
    )
    whose = Whose(
        environment="qa",
        scale_set="qa-rg/web",
        running="mine",
        named=frozenset({"packer-x"}),
    )
    assert found(inventory(groups={"packer-x": labels}), WHOSE) == []
    assert len(found(inventory(groups={"packer-X": labels}), whose)) == 1


def test_half_images_and_unproved_ones_are_left_over(inventory, version):
    seen = inventory(
        versions=(
            version("1.0.6", state="Failed"),
            version("1.0.5"),
            version("1.0.4", verdict="passed"),
            version("1.0.3", tags={}),
            version("1.0.2", state="Failed", tags={"made-by": "somebody"}),
        )
    )
    assert found(seen) == [
        (Kind.IMAGE, "1.0.6", "its making ended as Failed", "delete it"),
        (
            Kind.IMAGE,
            "1.0.5",
            "no release of it passed, and no scale set refers to it",
            "delete it",
        ),
    ]


def test_an_image_that_any_scale_set_refers_to_stays(inventory, version):
    versions = (version("1.0.6", state="Failed"), version("1.0.5"))
    ids = frozenset(each.id.lower() for each in versions)
    assert found(inventory(versions=versions, needed=ids)) == []


def test_a_model_that_names_the_definition_keeps_its_newest_version(inventory, version):
    versions = (version("1.0.6"), version("1.0.5"))
    definition = versions[0].id.rpartition("/versions/")[0].lower()
    rows = found(inventory(versions=versions, needed=frozenset({definition})))
    assert [row[1] for row in rows] == ["1.0.5"]


def test_blobs_of_bakes_that_came_to_nothing_are_left_over(inventory, version, blob):
    seen = inventory(
        versions=(version("1.0.5", verdict="passed"),),
        blobs=(
            blob("lock/qa-rg/web", "1.0.4"),
            blob("log/1.0.4.txt", "1.0.4"),
            blob("log/1.0.5.txt", "1.0.5"),
            blob("payload/746cdec52cfb5bb4cc2a.tar.gz", "1.0.4"),
            blob("payload/foreign", "1.0.4", tags={}),
            blob("payload/mine", "mine"),
        ),
    )
    why = "of a bake that came to no image"
    assert found(seen) == [
        (Kind.BLOB, "log/1.0.4.txt", why, "delete it"),
        (Kind.BLOB, "payload/746cdec52cfb", why, "delete it"),
    ]


def test_blobs_go_with_the_image_that_they_made(inventory, version, blob):
    seen = inventory(
        versions=(version("1.0.5"),), blobs=(blob("log/1.0.5.txt", "1.0.5"),)
    )
    assert [row[1] for row in found(seen)] == ["1.0.5", "log/1.0.5.txt"]


@pytest.mark.parametrize(
    ("labels", "latest", "amiss"),
    [
        pytest.param({"verdict": "passed"}, True, "", id="passed"),
        pytest.param(
            {"verdict": "passed", "repairs": "suspended"},
            True,
            "automatic repairs are off: bring all of it to 1.0.5",
            id="repairs-off",
        ),
        pytest.param(
            {"verdict": "passed", "repairs": "suspended"},
            False,
            "1 of 1 instances have another, automatic repairs are off: bring all of it "
            "to 1.0.5",
            id="in-the-midst-of-a-rollback",
        ),
        pytest.param(
            {"repairs": "suspended", "last-passed": "1.0.4"},
            True,
            "its image never passed, automatic repairs are off: bring all of it to "
            "1.0.4",
            id="unproved",
        ),
        pytest.param({}, True, "its image never passed: delete it", id="first-ever"),
        pytest.param({"owner": "terraform"}, False, "", id="foreign"),
    ],
)
def test_a_scale_set_tells_what_a_crash_left_of_it(
    inventory, deployed, labels, latest, amiss
):
    one = Instance(id="0", name="w0", latest_model=latest, health="healthy", address="")
    seen = replace(deployed("1.0.5", **labels), instances=(one,))
    rows = left_over(inventory(deployed=seen), WHOSE, NOW)
    said = f"scale set qa-rg/web, a release of it did not end: {amiss}"
    assert [str(row) for row in rows] == ([said] if amiss else [])


def test_a_killed_build_and_its_lock_are_told_with_their_age(tmp_path):
    build = Build(id="2026.1125.100000", environment="qa", root=tmp_path)
    holder = Holder(
        who="https://ci/7",
        process=Process(machine="", pid=1, started_at_s=0),
        environment="qa",
        build="2026.1123.115500",
        since="2026-11-23T11:55:00+00:00",
        lease="",
    )
    rows = killed([build], holder)
    assert [(r.kind, r.name, r.build, r.age(NOW), r.why, r.action) for r in rows] == [
        (
            Kind.BUILD,
            "2026.1125.100000",
            "2026.1125.100000",
            "2 h",
            "it was killed in this checkout",
            "archive it as failed",
        ),
        (
            Kind.LOCK,
            "https://ci/7",
            "2026.1123.115500",
            "2 d",
            "it was not let go of, and nobody holds it now",
            "take it over",
        ),
    ]
    assert killed([], None) == []
