"""Two releases at once, and what killed ones leave."""

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True, kw_only=True)
class AtOnce:
    """Two releases that began at the same instant, in two checkouts."""

    projects: tuple[Any, Any]
    ended: tuple[Any, Any]
    archived: list[int]
    """How many builds each checkout archived."""

    @property
    def passed(self):
        return next(
            project.last()
            for project, ended in zip(self.projects, self.ended, strict=True)
            if ended.status == 0
        )


pytestmark = pytest.mark.matrix


@pytest.fixture(scope="module")
def project(own_project):
    """A project of its own: all images but one go, and its Azure is killed."""
    return own_project


@pytest.fixture(scope="module")
def at_once(project):
    """Release in two checkouts; one image may stay."""
    project.set(title="At once")
    both = (project, project.second_checkout())
    before = [len(one.records()) for one in both]
    with ThreadPoolExecutor() as pool:
        ended = tuple(
            pool.map(lambda one: one.release("--set", "retention.images=1"), both)
        )
    archived = [
        len(one.records()) - count for one, count in zip(both, before, strict=True)
    ]
    if ended[1].status == 0:
        # Tests of this project look at its own records for what runs.
        for name in ("reports", "passed.json"):
            subprocess.run(["cp", "-r", both[1].root / name, project.root], check=True)
    return AtOnce(projects=both, ended=ended, archived=archived)


def test_of_two_checkouts_at_the_same_instant_one_releases_and_one_says_why_not(
    project, at_once
):
    first, second = at_once.ended
    assert sorted([first.status, second.status]) == [0, 4]
    refused = first if first.status else second
    assert re.search(
        r"ERROR: environment local is being released by \S+@\S+: build "
        r"\d+\.\d+\.\d+, process \d+, since .* UTC, last heard of \d s ago\n  fix: ",
        refused.output,
    ), refused.output
    assert at_once.archived == [int(first.status == 0), int(second.status == 0)]
    held = project.command_line("status", "--env", "local")
    assert "no release runs" in held.output, held.output


def test_old_images_go_when_a_release_has_passed(project, at_once):
    kept = list((project.root / ".release/emulator/machines/images").iterdir())
    assert len(kept) == 2, "the base image, and the one that runs"
    cleaned = at_once.passed["cleaned"]
    assert {row["kind"] for row in cleaned} == {"image", "blob"}


def test_clean_lists_what_a_killed_release_left_and_deletes_it_when_asked(project):
    before = project.live()["image"]["build"]
    project.set(title="Killed")
    project.killed("batch 2 of 2")
    listed = project.command_line("clean", "--env", "local")
    assert listed.status == 0, listed.output
    for text in ("archive it as failed", "take it over", "bring all of it to"):
        assert text in listed.output
    cleaned = project.command_line("clean", "--env", "local", "--yes")
    assert cleaned.status == 0, cleaned.output
    assert f"bringing back {before}" in cleaned.output
    again = project.command_line("clean", "--env", "local")
    assert again.output == "nothing is left over at local\n"
    assert project.last()["reason"].startswith("killed in deploy: process ")


def test_a_release_whose_azure_is_killed_is_undone_on_one_that_is_started_anew(project):
    before = project.live()
    project.set(title="Azure killed")
    ended = project.bereft("batch 1 of 2")
    assert ended.status == 1, ended.output
    record = project.last()
    assert record["verdict"] == "failed"
    name = before["image"]["build"]
    assert f"The previous build {name} is back and proved" in ended.output
    assert "no release runs" in project.command_line("status", "--env", "local").output
    project.clean()
