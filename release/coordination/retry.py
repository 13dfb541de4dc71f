"""A failed smoke test may be tried again; that it had to be stays told.

The package pytest-rerunfailures would also try what a stage failed for, add options of
its own to every pytest, and listen on a port under ``-n``.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from _pytest.runner import runtestprotocol

from release.coordination.collection import RUN, group_of
from release.coordination.outcomes import FLAKY, RERUN, cause

STATUS = ("rerun", "R", ("RERUN", {"yellow": True}))
"""What the terminal says of a failure that is followed by another try."""


def run(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run a test that may be tried again; tell whether this is one."""
    retries = _retries(item)
    if not retries:
        return False
    tell = item.ihook.pytest_runtest_logreport
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    causes: list[str] = []
    while True:
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        failed = [report for report in reports if report.failed]
        ends = item.session.shouldstop or item.session.shouldfail
        # What fails before or after the test itself, such as a stage, is no moody test.
        if [each.when for each in failed] != ["call"] or len(causes) == retries or ends:
            break
        causes.append(cause(failed[0]).partition("\n")[0])
        failed[0].outcome = RERUN  # type: ignore[assignment] # as reporters know it
        tell(report=failed[0])
    for report in reports:
        if causes and report.when == "call" and report.passed:
            report.user_properties.append((FLAKY, _told(causes)))
        tell(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _retries(item: pytest.Item) -> int:
    """Return how often a test may be tried again; a measurement is not."""
    found = item.config.stash.get(RUN, None)
    smoke = group_of(item.path, item.config.rootpath) == "smoke"
    if found is None or not (smoke or item.get_closest_marker("smoke")):
        return 0
    measures = "page_load" in getattr(item, "fixturenames", ())
    return 0 if measures else found.settings.env.smoke.retries


def _told(causes: Sequence[str]) -> str:
    return f"passed at try {len(causes) + 1}, after: {'; then '.join(causes)}"
