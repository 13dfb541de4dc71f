"""What a journal tells of the stages of a release."""

from __future__ import annotations

import importlib.metadata
import platform

from release.journal import Journal, Kind
from release.stages.timing import DEPLOY, INCONCLUSIVE, LOAD, PREFLIGHT


def begun(journal: Journal) -> bool:
    """Tell whether any stage was begun that may change something."""
    return any(
        event.kind is Kind.STAGE_STARTED and event.stage != PREFLIGHT
        for event in journal.read()
    )


def broken(journal: Journal) -> str:
    """Return the stage that failed and why, on one line, or "".

    What a command printed last, lines that start with a bar, is left to the log.
    """
    for event in journal.read():
        if event.kind is Kind.STAGE_FINISHED and event.data["outcome"] == "failed":
            what = str(event.data["error"]).partition("\n  fix:")[0]
            said = [
                line for line in what.splitlines() if not line.lstrip().startswith("|")
            ]
            return f"{event.stage}: {' '.join(' '.join(said).split())}"
    return ""


def unclear(journal: Journal) -> str:
    """Return the stage that could not tell, and why, or ""."""
    for event in journal.read():
        if event.kind is Kind.STAGE_FINISHED and event.data["outcome"] == INCONCLUSIVE:
            what = str(event.data["error"]).partition("\n  fix:")[0]
            return f"{event.stage}: {what}"
    return ""


def unfinished(journal: Journal) -> str:
    """Return the stage that a release cannot pass without and that has not, or ""."""
    passed = {
        event.stage
        for event in journal.read()
        if event.kind is Kind.STAGE_FINISHED and event.data["outcome"] == "passed"
    }
    return next((name for name in (DEPLOY, LOAD) if name not in passed), "")


def told(journal: Journal) -> list[str]:
    """Return the errors of stages, as they were shown when they came."""
    return [
        str(event.data["error"]).strip()
        for event in journal.read()
        if event.kind is Kind.STAGE_FINISHED and event.data["error"]
    ]


def tools() -> dict[str, str]:
    """Return versions of what a release runs with."""
    names = (
        *("pytest-release", "pytest", "pytest-html", "pytest-xdist"),
        *("selenium", "locust", "azure-identity", "azure-mgmt-compute"),
        *("azure-mgmt-resource-deployments", "azure-storage-blob"),
    )
    found = {name: importlib.metadata.version(name) for name in names}
    machine = {"python": platform.python_version(), "system": platform.platform()}
    return found | machine
