"""Releases whose builds are sent to a team's archive."""

import json

import pytest

from release import environments
from release.azure import storage
from release.history.place import Place
from release.settings import load
from tests.harness import team

NOWHERE = "https://noaccount.blob.core.windows.net/builds"


@pytest.fixture
def azure(project):
    found = environments.connect(load(project.root, "local", options={}, variables={}))
    yield found
    found.close()


@pytest.fixture
def url(project, azure):
    settings = load(project.root, "local", options={}, variables={})
    account = storage.account_of(azure, settings.env)
    return f"https://{account}.blob.core.windows.net/$web"


@pytest.mark.matrix
def test_an_upload_that_fails_leaves_the_verdict_and_is_made_up_for(
    project, azure, url
):
    ended = project.release("--set", f"archive_to={NOWHERE}")
    assert ended.status == 0, ended.output
    assert project.last()["verdict"] == "passed"
    said = (
        f"build local/{project.last()['build']} did not get to {NOWHERE}: opening it "
        "failed: ResourceNotFound: The specified resource does not exist. There is no "
        "storage account 'noaccount'.; fix: check the name in release.toml"
    )
    assert [line for line in ended.output.splitlines() if NOWHERE in line] == [said]

    told = project.command_line(
        "history", "--env", "local", "--set", f"archive_to={url}", "--upload"
    )
    assert told.status == 0, told.output
    assert told.output.endswith(f"the team's history: {url}/index.html\n")
    assert team.builds(azure, Place.of(url)) == [
        f"local/{record['build']}" for record in reversed(project.records())
    ]


@pytest.mark.matrix
def test_a_release_is_sent_to_the_teams_archive(project, azure, url):
    ended = project.release("--set", f"archive_to={url}")
    assert ended.status == 0, ended.output
    assert f"the team's history: {url}/index.html\n" in ended.output
    path = f"local/{project.last()['build']}"
    assert path in team.builds(azure, Place.of(url))
    sent = json.loads(team.text(azure, Place.of(url), f"{path}/release.json"))
    assert sent == project.last()
    reports = project.root / "reports"
    kept = [p for p in (reports / path).rglob("*") if p.is_file()]
    there = team.types(azure, Place.of(url))
    assert {str(file.relative_to(reports)) for file in kept} <= set(there)
