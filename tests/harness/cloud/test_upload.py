"""A team's archive in a container of the embedded Azure."""

import itertools

import pytest

from release.azure import storage
from release.errors import ArchiveFailed
from release.history.place import Place
from release.history.upload import Store
from release.settings import Environment
from tests.harness import team
from tests.harness.history.conftest import record_of

COUNT = itertools.count(1)


@pytest.fixture(scope="module")
def account(azure):
    env = Environment(
        cloud="azure",
        subscription=azure.subscription,
        resource_group="team",
        image_resource_group="team",
        storage_account="teamaccount",
        scale_set="team",
        gallery="team",
        image_definition="team",
    )
    storage.ensure_account(azure, env, labels={}, timeout_s=30)
    return env.storage_account


@pytest.fixture
def place(account):
    """A folder of its own in the container of a static website."""
    folder = f"test-{next(COUNT)}"
    return Place.of(f"https://{account}.blob.core.windows.net/$web/{folder}")


def test_a_build_is_sent_with_the_index_and_the_right_types(azure, place, tmp_path):
    assert team.sent(azure, place, tmp_path, 0) == ["2026.1123.0"]
    assert team.types(azure, place) == team.TYPES
    assert team.builds(azure, place) == ["qa/2026.1123.0"]


def test_several_machines_make_one_history(azure, place, tmp_path):
    team.together(azure, place, tmp_path, machines=4)
    assert team.builds(azure, place) == [
        "qa/2026.1123.30000",
        "qa/2026.1123.20000",
        "qa/2026.1123.10000",
        "qa/2026.1123.0",
    ]


def test_a_build_that_was_sent_in_part_is_none_until_its_record_came(
    azure, place, tmp_path
):
    team.sent(azure, place, tmp_path, 0)
    container = azure.blobs(place.account).get_container_client(place.container)
    half = f"{place.folder}qa/2026.1123.5"
    container.upload_blob(f"{half}/report.html", "half")
    assert team.sent(azure, place, tmp_path, 1) == ["2026.1123.10000", "2026.1123.0"]


def test_what_left_the_container_leaves_the_history(azure, place, tmp_path):
    team.sent(azure, place, tmp_path, 0)
    container = azure.blobs(place.account).get_container_client(place.container)
    for name in team.types(azure, place):
        container.delete_blob(place.folder + name)
    assert team.sent(azure, place, tmp_path, 1) == ["2026.1123.10000"]


def test_what_is_missing_there_is_known(azure, place, tmp_path):
    team.sent(azure, place, tmp_path, 0)
    other = team.archived(tmp_path, record_of(1))
    store = Store(azure, place)
    assert store.missing(["qa/2026.1123.0", other]) == [other]


def test_an_account_that_is_not_there_is_told_with_what_to_do(azure, tmp_path):
    nowhere = Place.of("https://noaccount.blob.core.windows.net/builds")
    with pytest.raises(ArchiveFailed) as told:
        team.sent(azure, nowhere, tmp_path, 0)
    assert str(told.value) == (
        "build qa/2026.1123.0 did not get to "
        "https://noaccount.blob.core.windows.net/builds: opening it failed: "
        "ResourceNotFound: The specified resource does not exist. There is no storage "
        "account 'noaccount'.\n"
        "  fix: check the name in release.toml"
    )
