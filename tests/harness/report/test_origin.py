import json
import subprocess

import pytest

from release.azure import tags
from release.report.origin import origin

WHO = {"CI_JOB_URL": "https://ci/7"}
GIT = {
    "GIT_AUTHOR_NAME": "A. Weaver",
    "GIT_AUTHOR_EMAIL": "weaver@example.org",
    "GIT_AUTHOR_DATE": "2026-11-22T10:00:00+00:00",
    "GIT_COMMITTER_NAME": "A. Weaver",
    "GIT_COMMITTER_EMAIL": "weaver@example.org",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with three commits, and their names, oldest first."""
    for name, value in GIT.items():
        monkeypatch.setenv(name, value)

    def git(*command):
        done = subprocess.run(
            ["git", "-C", tmp_path, *command],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    git("init", "-q")
    names = []
    for subject in ("Begin", "Show prices", "Count visitors"):
        git("commit", "-q", "--allow-empty", "-m", subject)
        names.append(git("rev-parse", "HEAD"))
    return tmp_path, names


def archived(root, build, **changes):
    folder = root / "reports" / "qa" / build
    folder.mkdir(parents=True)
    told = {"build": build, "verdict": "passed", "commit": "", "duration_s": 10.0}
    (folder / "release.json").write_text(json.dumps(told | changes))


def found(root, **deployed):
    return origin(root, root / "reports" / "qa", deployed=deployed, variables=WHO)


def test_a_build_knows_who_starts_it_and_which_change_it_brings(checkout):
    root, names = checkout
    told = found(root)
    assert told["who"] == "https://ci/7"
    assert told["change"] == {
        "commit": names[-1],
        "subject": "Count visitors",
        "author": "A. Weaver",
        "authored_at": "2026-11-22T10:00:00+00:00",
    }
    assert (told["passed"], told["commits"], told["usual"]) == (None, [], None)


def test_it_brings_the_commits_since_what_passed_last(checkout):
    root, names = checkout
    archived(root, "2026.1121.1", commit=names[1])
    archived(root, "2026.1122.1", commit=names[0] + "-dirty")
    archived(root, "2026.1123.1", commit=names[2], verdict="failed")
    told = found(root)
    assert told["passed"]["build"] == "2026.1122.1"
    assert [each["subject"] for each in told["commits"]] == [
        "Count visitors",
        "Show prices",
    ]
    assert told["count"] == 2


def test_what_runs_knows_better_what_passed_last(checkout):
    root, names = checkout
    archived(root, "2026.1121.1", commit=names[0])
    runs = {tags.VERDICT: tags.PASSED, tags.COMMIT: names[1], tags.BUILD: "9"}
    told = found(root, **runs)
    assert told["passed"] == {"build": "9", "commit": names[1]}
    assert told["count"] == 1


def test_a_commit_that_git_does_not_know_tells_nothing(checkout):
    root, _ = checkout
    archived(root, "2026.1121.1", commit="0" * 40)
    told = found(root)
    assert (told["passed"], told["count"], told["commits"]) == (None, 0, [])


def test_the_usual_duration_is_the_median_of_the_last_that_passed(tmp_path):
    for day in range(1, 13):
        archived(tmp_path, f"2026.11{day:02}.1", duration_s=float(day))
    archived(tmp_path, "2026.1113.1", duration_s=99.0, verdict="failed")
    (tmp_path / "reports" / "qa" / "2026.1112.1" / "release.json").write_text("{")
    assert found(tmp_path)["usual"] == {"duration_s": 6.5, "builds": 10}
