"""The command that builds the service, before anything is asked of Azure."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from azure.identity import ClientSecretCredential

from release import settings, stages
from release.azure.clients import Azure, Endpoint
from release.builds import Build
from release.errors import ReleaseError

TOML = """
[image]
build = {}

[env.qa]
cloud = "azure"
subscription = "22222222-2222-2222-2222-222222222222"
resource_group = "shop"
image_resource_group = "shop"
scale_set = "shop"
gallery = "shop"
image_definition = "shop"
"""


def failure(folder: Path, *command: str, timeout_s: float = 60) -> str:
    text = TOML.format(json.dumps(command))
    (folder / "release.toml").write_text(f"{text}bake_timeout_s = {timeout_s}\n")
    given = settings.load(folder, "qa", options={}, variables={})
    build = Build(id="2026.1125.1", environment="qa", root=folder)
    build.folder.mkdir(parents=True)
    nobody = ClientSecretCredential("tenant", "client", "secret")
    azure = Azure(Endpoint(subscription=given.env.subscription), nobody)
    with pytest.raises(ReleaseError) as caught:
        stages.bake(given, build, azure)
    return str(caught.value)


def test_a_command_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    assert failure(tmp_path, "sh", "-c", "echo one; echo two >&2; exit 3") == (
        "sh -c echo one; echo two >&2; exit 3 ended with status 3\n"
        "  | one\n"
        "  | two\n"
        "  fix: run it by hand in the project's folder; it is image.build of "
        "release.toml"
    )


def test_one_that_says_nothing_is_told_without(tmp_path: Path) -> None:
    assert failure(tmp_path, "false") == (
        "false ended with status 1\n"
        "  fix: run it by hand in the project's folder; it is image.build of "
        "release.toml"
    )


def test_one_that_hangs_is_ended_with_what_it_said_last(tmp_path: Path) -> None:
    hangs = ("sh", "-c", "echo compiling; sleep 60")
    assert failure(tmp_path, *hangs, timeout_s=0.7) == (
        "no end of sh -c echo compiling; sleep 60: waited 1 s, last seen compiling\n"
        "  fix: raise bake_timeout_s, or mend what hangs: it is image.build of "
        "release.toml"
    )


def test_what_one_leaves_running_is_not_waited_for(tmp_path: Path) -> None:
    left = ("sh", "-c", "sleep 20 & echo $! > pid; exit 3")
    assert failure(tmp_path, *left, timeout_s=15).startswith(
        "sh -c sleep 20 & echo $! > pid; exit 3 ended with status 3\n"
    )
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
