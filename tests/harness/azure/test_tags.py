"""Where an image passed, as its tags keep it."""

from datetime import UTC, datetime

from release.azure import tags
from release.azure.gallery import Version
from release.azure.promotion import last_passed


def also(labels, environment, build):
    return tags.also_passed(labels, environment=environment, build=build)


def test_an_image_remembers_each_environment_that_it_passed_in():
    labels = also({"release-owner": "pytest-release"}, "qa", "2026.1.1")
    labels = also(labels, "prod", "2026.1.2")
    assert labels == {
        "release-owner": "pytest-release",
        "release-verdict": "passed",
        "release-passed-in": "qa=2026.1.1 prod=2026.1.2",
    }
    assert tags.passed_in(labels, "qa") == "2026.1.1"
    assert tags.passed_in(labels, "q") == ""


def test_a_later_pass_takes_the_place_of_an_earlier_one():
    labels = also(also(also({}, "qa", "1.1.1"), "prod", "1.1.2"), "qa", "1.1.3")
    assert labels["release-passed-in"] == "prod=1.1.2 qa=1.1.3"


def test_the_oldest_passes_are_forgotten_where_a_tag_gets_too_long():
    labels = {}
    for number in range(40):
        labels = also(labels, f"environment-{number}", "2026.1125.101500")
    told = labels["release-passed-in"]
    assert len(told) <= 256
    assert told.endswith("environment-39=2026.1125.101500")
    assert tags.passed_in(labels, "environment-0") == ""


def version(name, *, passed_in="", owner="pytest-release", state="Succeeded"):
    return Version(
        id=f"/versions/{name}",
        name=name,
        tags={"release-owner": owner, "release-passed-in": passed_in},
        state=state,
        published_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_the_image_that_passed_last_is_taken_and_not_the_newest():
    again = version("1.0.1", passed_in="qa=2026.1.3 prod=2026.1.4")
    versions = [
        version("1.0.5", passed_in="qa=2026.1.9", owner="somebody"),
        version("1.0.4", passed_in="qa=2026.1.9", state="Deleting"),
        version("1.0.3", passed_in="prod=2026.1.9"),
        version("1.0.2", passed_in="qa=2026.1.2"),
        again,
    ]
    assert last_passed(versions, "qa") is again
    assert last_passed(versions, "staging") is None


def test_a_pass_before_ten_o_clock_does_not_come_after_one_at_ten():
    morning = version("1.0.1", passed_in="qa=2026.1125.95900")
    later = version("1.0.2", passed_in="qa=2026.1125.101500")
    assert last_passed([morning, later], "qa") is later


def test_an_image_that_another_release_replicates_is_not_passed_over():
    older = version("1.0.1", passed_in="qa=2026.1125.101500")
    busy = version("1.0.2", passed_in="qa=2026.1125.111500", state="Updating")
    assert last_passed([older, busy], "qa") is busy
