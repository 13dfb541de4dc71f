"""From pytest's reports to outcomes that the verdict counts."""

from __future__ import annotations

import re

import pytest

from release.verdict import Ended, Outcome

GROUPS = ("smoke", "load")
GATE = "release.gate"
"""Name of the user property that holds a gate's own outcome."""
FLAKY = "flaky"
"""Name of the user property that says after what a test passed at last."""
RERUN = "rerun"
"""Outcome of a report whose test is tried again, as pytest's reporters know it."""
NAME = "gate"
"""Name of the user property that holds a gate's name among all of a release."""
EVIDENCE = (
    *("address", "screenshot", "page", "console", "picture", "requests", "network"),
)
"""Names of the user properties that hold what a browser showed at a test's end."""


def ended(report: pytest.TestReport) -> Ended | None:
    """Return how a test ended, from the one phase that decides it, else None."""
    if str(report.outcome) == RERUN:
        return None
    if report.when == "teardown" and report.passed:
        return None
    if report.when == "setup" and report.passed:
        return None
    group = next((group for group in GROUPS if _is_of(group, report)), "")
    properties = dict(report.user_properties)
    return Ended(
        nodeid=report.nodeid,
        group=group,
        outcome=_outcome(report),
        # The time of set-up is that of the stages which the first test asks for.
        duration_s=round(report.duration, 3) if report.when == "call" else 0,
        text=cause(report),
        flaky=str(properties.get(FLAKY, "")),
        evidence={k: str(properties[k]) for k in EVIDENCE if k in properties},
    )


def _is_of(group: str, report: pytest.TestReport) -> bool:
    """Tell by mark, and by place: the report of a crashed worker's test has no mark."""
    return group in report.keywords or report.nodeid.startswith(f"tests/{group}/")


def _outcome(report: pytest.TestReport) -> Outcome:
    if report.skipped:
        return Outcome.SKIPPED
    if (dict(report.user_properties).get(GATE) == "inconclusive") and report.failed:
        return Outcome.INCONCLUSIVE
    return Outcome.PASSED if report.passed else Outcome.FAILED


def cause(report: pytest.TestReport) -> str:
    """Return why a test failed or was skipped, or ""."""
    if report.passed:
        return ""
    if isinstance(report.longrepr, str):
        return _error_in(report.longrepr)
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    return _plain(str(crash.message if crash else _error_in(report.longreprtext)))


def _error_in(text: str) -> str:
    """Return the error of a failure that is told as a text, or all of it.

    That of a fixture which there is not begins with the test that asks for it.
    """
    found = re.search(r"^E\s+(\S.*)$", text, re.MULTILINE)
    return found[1] if found else text


def _plain(text: str) -> str:
    """Return a failure's text without what pytest and Selenium put around it."""
    text = re.sub(r"\x1b\[[\d;]*m", "", text)
    text = re.sub(r"\n*Stacktrace:\n.*", "", text, flags=re.DOTALL)
    text = re.sub(r"^[\w.]*\.(\w+: )Message: ", r"\1", text)
    return text.removeprefix("AssertionError: ").removeprefix("Failed: ").strip()
