"""A worker of xdist: runs tests, and notes how they end in the shared journal."""

from __future__ import annotations

import pytest

from release.coordination import interruption
from release.coordination.outcomes import ended
from release.coordination.run import Run
from release.journal import Kind


class Worker:
    """A run, in one of its workers.

    Args:
        run: What all processes share.
    """

    def __init__(self, run: Run) -> None:
        self.run = run

    def start(self) -> None:
        """Join in, and end in order when asked to."""
        interruption.heed_once()
        interruption.heed_end_of_parent()
        self.run.journal.write(Kind.VALUE, name=interruption.JOINED, value=True)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a test ended: load tests wait for smoke tests elsewhere."""
        found = ended(report)
        if found:
            self.run.note(found)

    def pytest_unconfigure(self) -> None:
        """Close connections, and leave."""
        self.run.close()
        self.run.journal.write(Kind.VALUE, name=interruption.LEFT, value=True)
