"""What a protected environment asks for before it is released to."""

import subprocess

import pytest

from release.coordination.protection import in_ci, reasons, uncommitted

GOOD = {
    "commit": "0123abc",
    "uncommitted": (),
    "confirmed": "prod",
    "ci": False,
}


@pytest.mark.parametrize(
    ("but", "expected"),
    [
        pytest.param({}, [], id="confirmed"),
        pytest.param({"confirmed": "", "ci": True}, [], id="in-ci"),
        pytest.param(
            {"confirmed": ""},
            ["nobody confirmed it; say --yes-release prod, or release in CI"],
            id="by-accident",
        ),
        pytest.param(
            {"confirmed": "qa", "ci": True},
            ["--yes-release names qa; say --yes-release prod"],
            id="another-one",
        ),
        pytest.param(
            {"commit": ""},
            ["the commit is not known; release from a git checkout"],
            id="no-git",
        ),
        pytest.param(
            {"uncommitted": list("abcdefg"), "confirmed": ""},
            [
                "uncommitted changes in a, b, c, d, e and 2 more; commit or stash them",
                "nobody confirmed it; say --yes-release prod, or release in CI",
            ],
            id="all-at-once",
        ),
    ],
)
def test_a_protected_environment_tells_all_that_it_wants(but, expected):
    assert reasons("prod", **(GOOD | but)) == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"CI": "true"}, True),
        ({"TF_BUILD": "True"}, True),
        ({"CI": "false"}, False),
        ({}, False),
    ],
)
def test_ci_is_known_by_its_variables(variables, expected):
    assert in_ci(variables) is expected


def test_a_tree_is_clean_when_git_knows_every_file_as_it_is(tmp_path):
    def git(*command):
        who = ("-c", "user.name=me", "-c", "user.email=me@example.invalid")
        subprocess.run(["git", *who, *command], cwd=tmp_path, check=True)

    assert uncommitted(tmp_path) == []
    git("init", "-q")
    (tmp_path / "old name").write_text("one\ntwo\nthree\n")
    assert uncommitted(tmp_path) == ["old name"]
    git("add", "-A")
    git("commit", "-qm", "A file")
    assert uncommitted(tmp_path) == []
    git("mv", "old name", "new name")
    assert uncommitted(tmp_path) == ["new name"]
