"""The essential smoke tests, run again on what came back."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from release.builds import Build
from release.errors import DeployFailed
from release.journal import Kind
from release.stages.timing import ROLLBACK

TIMEOUT_S = 300
GRACE_S = 20
"""Seconds that pytest has to end a test that hangs, with its browser."""
NO_TESTS = 5
"""Exit code of a pytest that collected none."""


def prove(
    root: Path, build: Build, options: Sequence[str], *, timeout_s: float = TIMEOUT_S
) -> str:
    """Run the essential smoke tests against what came back; say how they ended.

    A child pytest that attaches: the tests of this process have had their fixtures.

    Args:
        root: The project's folder.
        build: That was undone.
        options: Of its pytest that count for the proof too.
        timeout_s: Seconds that they may take.

    Raises:
        DeployFailed: One of them fails, or does not end.
    """
    results = build.folder / "rollback-junit.xml"
    said, code = _pytest(
        [
            *("-q", "--attach", "--env", build.environment, "-m", "essential"),
            *("-p", "no:cacheprovider", f"--junitxml={results}"),
            *("-o", "junit_family=xunit2", *options),
        ],
        root,
        timeout_s=timeout_s,
    )
    for line in said:
        build.journal.write(Kind.OUTPUT, stage=ROLLBACK, line=line)
    fix = f"pytest --attach --env {build.environment} -m essential shows why"
    if code is None:
        raise DeployFailed(
            "the previous build is back, and its essential smoke tests have not ended "
            f"in {timeout_s:.0f} s",
            fix=fix,
        )
    if code == NO_TESTS:
        return "no smoke test is marked essential"
    if code:
        raise DeployFailed(
            "the previous build is back, and its essential smoke tests do not prove "
            "it: " + _why(said, f"pytest ended with status {code}"),
            fix=fix,
        )
    count = _passed(results)
    tests = "test" if count == 1 else "tests"
    return f"{count} essential smoke {tests} passed on it"


def _pytest(
    arguments: Sequence[str], root: Path, *, timeout_s: float
) -> tuple[list[str], int | None]:
    """Return the lines that a pytest printed and its exit code, None if it hung."""
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        # A Ctrl-C in the terminal is not for it: the undo goes on.
        start_new_session=True,
    ) as child:
        try:
            said, _ = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return _interrupted(child), None
    return said.strip().splitlines(), child.returncode


def _interrupted(child: subprocess.Popen[str]) -> list[str]:
    """End a pytest that hangs as Ctrl-C would; return what it printed."""
    child.send_signal(signal.SIGINT)
    try:
        said, _ = child.communicate(timeout=GRACE_S)
    except subprocess.TimeoutExpired:
        # Its browsers may hold the pipe: nobody waits for its end.
        child.kill()
        return []
    return said.strip().splitlines()


def _why(said: Sequence[str], otherwise: str) -> str:
    """Return the line that tells how a run ended: the verdict, or the last one."""
    verdicts = ("Failed: ", "Inconclusive: ")
    told = [line for line in said if line.startswith(verdicts)]
    return next(reversed(told or said), otherwise)


def _passed(results: Path) -> int:
    suites = ET.parse(results).getroot()  # noqa: S314 - written by our own child
    return sum(
        int(suite.get("tests", "0")) - int(suite.get("skipped", "0"))
        for suite in suites.iter("testsuite")
    )
