"""The harness, installed from its wheel, makes a project that releases itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 500
INIT = """
import sys
sys.path.insert(0, sys.argv[1])
from release.cli import main
sys.exit(main(["init"]))
"""


@pytest.fixture
def run(tmp_path):
    """Run a command in an empty folder called shop; what it needs is found offline."""
    wheels = tmp_path / "wheels"
    folder = tmp_path / "shop"
    folder.mkdir()
    variables = {
        name: value for name, value in os.environ.items() if name != "PYTHONPATH"
    }
    variables |= {
        "PIP_FIND_LINKS": str(wheels),
        "PIP_CONSTRAINT": str(ROOT / "constraints.txt"),
        "PIP_QUIET": "2",
    }

    def ran(*command, cwd=folder):
        done = subprocess.run(
            command,
            cwd=cwd,
            env=variables,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    ran(
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-t",
        "wheel",
        "-d",
        wheels,
        cwd=ROOT,
    )
    return ran


def test_an_empty_folder_becomes_a_project_that_releases_itself(run, tmp_path):
    # What stands in the wheel makes it; what it needs beside is here already.
    (wheel,) = (tmp_path / "wheels").iterdir()
    where = tmp_path / "installed"
    run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "-t", where, wheel)
    run(sys.executable, "-c", INIT, where)
    try:
        run("make", "lint", "test", "release")
    finally:
        run(".venv/bin/python", "-m", "release", "down", "--env", "local", "--forget")
    (record,) = (tmp_path / "shop" / "reports" / "local").glob("*/release.json")
    assert json.loads(record.read_text())["verdict"] == "passed"
