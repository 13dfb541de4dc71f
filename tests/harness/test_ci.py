"""The two CI files do the same, with the commands of the README."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
SANDBOXES = "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"


def read(name):
    return YAML(typ="safe").load((ROOT / name).read_text())


def github():
    """Commands of each job of the workflow, in order."""
    jobs = read(".github/workflows/release.yml")["jobs"]
    return {
        name: [" ".join(step["run"].split()) for step in job["steps"] if "run" in step]
        for name, job in jobs.items()
    }


def azure():
    """Commands of each stage of the pipeline, in order."""
    check, release = read("azure-pipelines.yml")["stages"]
    steps = {
        "check": check["jobs"][0]["steps"],
        "release": release["jobs"][0]["strategy"]["runOnce"]["deploy"]["steps"],
    }
    return {
        name: [
            step.get("script") or step["inputs"]["inlineScript"]
            for step in each
            if "script" in step or "inlineScript" in step.get("inputs", {})
        ]
        for name, each in steps.items()
    }


@pytest.mark.parametrize("commands", [github, azure])
def test_a_pull_request_is_checked_and_what_comes_to_main_is_released(commands):
    found = commands()
    assert found["check"][:-1] == [
        *(SANDBOXES, "make lint", "make test", "make release"),
    ]
    assert found["release"][:-1] == ["make setup", ".venv/bin/pytest --env qa"]
    for job, environment in (("check", "local"), ("release", "qa")):
        assert found[job][-1].startswith(
            f".venv/bin/python -m release summary --env {environment} --format"
        )


@pytest.mark.parametrize("commands", [github, azure])
def test_every_command_stands_in_the_readme(commands):
    readme = (ROOT / "README.md").read_text()
    ours = {line for job in commands().values() for line in job} - {SANDBOXES}
    for line in ours:
        command = line.removeprefix(".venv/bin/").partition(" --env local")[0]
        assert command.partition(" --env qa --format")[0] in readme, line


def test_one_release_at_a_time_with_no_more_rights_than_it_needs():
    workflow = read(".github/workflows/release.yml")
    release = workflow["jobs"]["release"]
    assert workflow["permissions"] == {}
    assert release["permissions"] == {"contents": "read", "id-token": "write"}
    assert release["concurrency"] == {
        "group": "release-qa",
        "cancel-in-progress": False,
    }
    assert read("azure-pipelines.yml")["stages"][1]["lockBehavior"] == "sequential"
