"""How a build that did not pass is undone, and what came back is proved."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from release import deploy as deploying
from release.azure import groups
from release.azure.clients import Azure
from release.builds import Build
from release.deploy import Deployed
from release.errors import DeployFailed, ReleaseError
from release.journal import Journal, Kind
from release.settings import Settings
from release.stages.rollout import target as target_of
from release.stages.timing import ROLLBACK, on_azure, progress, stage

ESSENTIAL_TIMEOUT_S = 300


def tidy(build: Build, azure: Azure) -> None:
    """Delete what an interrupted build has not: its own clearing up was cut short."""
    journal = build.journal
    try:
        groups.sweep(azure, journal, unfinished=[journal])
    except ReleaseError as error:
        # Its tags say when it expires, and then the next release deletes it.
        journal.write(Kind.PROGRESS, text=f"a group is left for now: {error.what}")


def undo(
    settings: Settings, build: Build, azure: Callable[[], Azure], *, keep_failed: bool
) -> None:
    """Bring back what ran before a build that did not pass, and prove it.

    Does nothing where the build has not touched the scale set.

    Raises:
        ReleaseError: It did not come back; the message says what runs now.
    """
    journal = build.journal
    if not journal.value("touched"):
        return
    if keep_failed:
        _undone(journal, f"Build {build.id} was left in place, as --keep-failed asks.")
        return
    with stage(journal, ROLLBACK):
        connected = azure()
        target = target_of(settings, build, connected)
        previous = _previous(journal)
        with on_azure(journal, connected, ROLLBACK):
            deploying.settle(target, build=build.id)
        if previous is None:
            with on_azure(journal, connected, ROLLBACK):
                deploying.remove_first(target, build=build.id)
            _undone(
                journal,
                "Nothing ran here before, so there is nothing to go back to; "
                "what this build had made was deleted.",
            )
            return
        previous = previous.to_go_back_to()
        name = previous.build or previous.image_id.rpartition("/")[2]
        _undone(journal, f"Build {name} was to come back, and is not proved.")
        with on_azure(journal, connected, ROLLBACK):
            proved = deploying.roll_back(target, previous)
        tested = _essential(settings, build, journal)
        _undone(
            journal,
            f"The previous build {name} is back and proved on "
            f"{len(proved.instances)} instances; {tested}.",
            deployment=proved.to_json(),
        )


def _previous(journal: Journal) -> Deployed | None:
    found = journal.value("previous")
    return Deployed.from_json(found) if found else None


def _undone(journal: Journal, text: str, **more: Any) -> None:
    journal.write(
        Kind.VALUE, stage=ROLLBACK, name="rollback", value={"text": text, **more}
    )


OPTIONS = "options"
"""Name of the journal's value that holds the options of a proof: browsers, settings."""


def _essential(settings: Settings, build: Build, journal: Journal) -> str:
    """Run the essential smoke tests against what came back; say how they ended.

    A child pytest that attaches: the tests of this process have had their fixtures.

    Raises:
        DeployFailed: One of them fails.
    """
    progress(journal, ROLLBACK)("running the essential smoke tests again")
    results = build.folder / "rollback-junit.xml"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "--attach"),
            *("--env", settings.environment, "-m", "essential"),
            *("-p", "no:cacheprovider", f"--junitxml={results}"),
            *("-o", "junit_family=xunit2"),
            *(journal.value(OPTIONS) or []),
        ],
        cwd=settings.root,
        capture_output=True,
        text=True,
        timeout=ESSENTIAL_TIMEOUT_S,
        check=False,
        # A Ctrl-C in the terminal is not for it: the undo goes on.
        start_new_session=True,
    )
    for line in done.stdout.splitlines():
        journal.write(Kind.OUTPUT, stage=ROLLBACK, line=line)
    if done.returncode == 5:  # noqa: PLR2004 - pytest's "no tests collected"
        return "no smoke test is marked essential"
    if done.returncode:
        raise DeployFailed(
            "the previous build is back, and an essential smoke test fails on it: "
            + (done.stdout + done.stderr).strip().rpartition("\n")[2],
            fix=f"pytest --attach --env {settings.environment} -m essential shows why",
        )
    return f"{_passed(results)} essential smoke tests passed on it"


def _passed(results: Path) -> int:
    suites = ET.parse(results).getroot()  # noqa: S314 - written by our own child
    return sum(int(suite.get("tests", "0")) for suite in suites.iter("testsuite"))
