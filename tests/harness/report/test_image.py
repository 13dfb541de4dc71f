import pytest

from release.report.image import image

FOUND = {
    "version": "42",
    "build": "42",
    "digest": "0123456789abcdef",
    "commit": "abc",
    "reused": False,
    "baked_at": "2026-11-23T11:32:05+00:00",
}


def record(origin=None, base="", settings=(), **changes):
    values = [{"path": path, "value": value} for path, value in settings]
    told = {"image": FOUND | changes, "settings": values, "origin": origin}
    return told | ({"base": base} if base else {})


def facts(found):
    return {fact.name: (fact.value, *fact.notes) for fact in found.facts}


def test_an_image_is_told_with_what_it_is_baked_from():
    recipe = (("image.builder", "native"), ("image.recipe", "app/image"))
    assert facts(image(record(base="Debian:debian-12:12:latest", settings=recipe))) == {
        "Version": ("42",),
        "Made": ("baked by this build", "2026-11-23 11:32:05 UTC"),
        "From": ("app/image on Debian:debian-12:12:latest",),
        "Recipe digest": ("0123456789ab",),
        "Commit": ("abc",),
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reused": True, "build": "41"}, "reused, baked by build 41"),
        (
            {"passed_in": "qa", "build": "41"},
            "reused from qa, where it passed; baked by build 41",
        ),
    ],
)
def test_a_reused_image_says_by_whom_it_was_baked(changes, said):
    assert facts(image(record(**changes)))["Made"][0] == said


def test_packer_is_named_with_its_template_and_base():
    settings = (
        ("image.builder", "packer"),
        ("image.packer.template", "web.pkr.hcl"),
        ("image.packer.base", "Debian:debian-12:12"),
    )
    told = facts(image(record(settings=settings)))
    assert told["From"] == ("web.pkr.hcl, by Packer on Debian:debian-12:12",)


def test_it_brings_the_commits_since_what_passed_last():
    commit = {
        "commit": "f" * 40,
        "subject": "Show prices",
        "author": "A. Weaver",
        "authored_at": "2026-11-22T10:00:00+00:00",
    }
    passed = {"build": "41", "commit": "e" * 40}
    found = image(record({"passed": passed, "count": 40, "commits": [commit]}))
    assert (found.since, found.count) == ("41", 40)
    (told,) = found.commits
    assert (told.name, told.subject) == ("f" * 12, "Show prices")
    assert told.written == "2026-11-22 10:00:00 UTC"


def test_a_build_without_an_image_shows_none():
    assert image({"image": None}) is None
