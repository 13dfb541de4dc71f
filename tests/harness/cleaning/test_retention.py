from datetime import UTC, datetime, timedelta

import pytest

from release.azure.deployments import Past
from release.cleaning import Kind, Whose, outdated
from release.settings import Retention

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
WHOSE = Whose(environment="qa", scale_set="qa-rg/web", running="1.0.9")


def gone(seen, **limits):
    rows = outdated(seen, WHOSE, Retention(**limits), NOW)
    return [(row.kind, row.name, row.why) for row in rows]


@pytest.fixture
def history(version):
    """Newest first: the release that has just passed, and those before it."""
    return (
        version("1.0.9", verdict="passed"),
        version("1.0.8"),
        version("1.0.7", verdict="passed"),
        version("1.0.6", state="Failed"),
        version("1.0.5"),
        version("1.0.4", verdict="passed"),
        version("1.0.3", verdict="passed", **{"scale-set": "prod-rg/web"}),
        version("1.0.2", tags={}),
    )


def test_the_last_images_that_passed_are_kept(inventory, history):
    old = "older than the last 2 that passed"
    failed = "did not pass, and a newer one did"
    assert gone(inventory(versions=history), images=2) == [
        (Kind.IMAGE, "1.0.8", failed),
        (Kind.IMAGE, "1.0.5", failed),
        (Kind.IMAGE, "1.0.4", old),
    ]
    assert len(gone(inventory(versions=history), images=3)) == 2
    assert gone(inventory(versions=history[1:2]), images=3) == []


def test_the_image_that_has_just_passed_is_never_old(inventory, history):
    names = [name for _, name, _ in gone(inventory(versions=history), images=1)]
    assert names == ["1.0.8", "1.0.7", "1.0.5", "1.0.4"]


def test_an_old_image_that_a_scale_set_anywhere_refers_to_is_kept(inventory, history):
    needed = frozenset(each.id.lower() for each in history if each.name == "1.0.4")
    seen = inventory(versions=history, needed=needed)
    assert [name for _, name, _ in gone(seen, images=2)] == ["1.0.8", "1.0.5"]


def test_what_passed_last_in_an_environment_out_of_sight_is_kept(inventory, version):
    def passed(name, **elsewhere):
        where = {"qa": name, **elsewhere}
        text = " ".join(f"{env}={build}" for env, build in where.items())
        return version(name, verdict="passed", **{"passed-in": text})

    versions = (
        passed("1.0.9"),
        passed("1.0.8"),
        passed("1.0.7", prod="1.0.70"),
        passed("1.0.6", prod="1.0.100", stage="1.0.60"),
        passed("1.0.5", prod="1.0.50"),
    )
    names = [name for _, name, _ in gone(inventory(versions=versions), images=1)]
    assert names == ["1.0.8", "1.0.7", "1.0.5"]


def test_blobs_go_by_age_and_with_their_image(inventory, version, blob):
    seen = inventory(
        versions=(
            version("1.0.9", verdict="passed"),
            version("1.0.8", verdict="passed"),
            version("1.0.7", verdict="passed"),
        ),
        blobs=(
            blob("lock/qa-rg/web", "1.0.1", days=99),
            blob("log/1.0.7.txt", "1.0.7"),
            blob("log/1.0.8.txt", "1.0.8", days=31),
            blob("log/1.0.9.txt", "1.0.9", days=31),
            blob("payload/b", "1.0.8", days=29),
            blob("payload/foreign", "1.0.7", days=99, tags={}),
        ),
    )
    assert gone(seen, images=2, blob_days=30) == [
        (Kind.IMAGE, "1.0.7", "older than the last 2 that passed"),
        (Kind.BLOB, "log/1.0.7.txt", "its image is gone"),
        (Kind.BLOB, "log/1.0.8.txt", "older than 30 days"),
    ]


def test_the_history_of_each_group_is_cut_and_what_runs_stays(inventory):
    def past(group, *states):
        return tuple(
            Past(
                group=group,
                name=f"release-{number}",
                at=NOW - timedelta(days=number),
                state=state,
            )
            for number, state in enumerate(states)
        )

    seen = inventory(
        past=(
            past("qa-rg", "Succeeded", "Failed", "Succeeded"),
            past("images", "Succeeded", "Running"),
        )
    )
    assert gone(seen, deployments=1) == [
        (Kind.DEPLOYMENT, "qa-rg/release-1", "beyond the last 1 of its group"),
        (Kind.DEPLOYMENT, "qa-rg/release-2", "beyond the last 1 of its group"),
    ]


def test_a_release_deletes_no_more_than_20_of_a_kind_and_the_oldest_first(
    inventory, version
):
    many = tuple(
        version(f"1.1.{number}", verdict="passed") for number in range(40, 0, -1)
    )
    names = [name for _, name, _ in gone(inventory(versions=many), images=5)]
    assert names == [f"1.1.{number}" for number in range(20, 0, -1)]
