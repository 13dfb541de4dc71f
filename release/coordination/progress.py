"""Live lines: what a release does, as it does it.

A thread follows the journal, so that lines show under ``-n``, where workers cannot
print, and while pytest captures.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import Any

import pytest

from release.coordination.lines import lines
from release.coordination.screen import Screen
from release.journal import Journal

POLL_S = 0.1
TICK_EACH = 10
"""Looks at the journal between two ticks of the screen."""


class Live:
    """Show a journal's events as lines. A plugin: it stands aside for pytest's own.

    Args:
        journal: What to follow.
        screen: Where to show them.
        verbose: Also show each line that a command prints.
    """

    def __init__(self, journal: Journal, screen: Screen, *, verbose: bool) -> None:
        self._journal = journal
        self._screen = screen
        self._verbose = verbose
        self._stop = threading.Event()
        self._position = 0
        self._looking = threading.Lock()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def look(self) -> None:
        """Show what is new, now."""
        with self._looking:
            new, self._position = self._journal.after(self._position)
            for event in new:
                for line in lines(event, verbose=self._verbose):
                    self._screen.show(line)

    def block(self, text: str) -> None:
        """Show what is new, then some lines as they are."""
        self.look()
        self._screen.block(text)

    def stop(self) -> None:
        """Show what is left and end; a second time does nothing."""
        if self._stop.is_set():
            return
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        self.look()
        self._screen.close()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> Generator[None, Any, Any]:
        """Stand aside while pytest says that a test begins."""
        self.look()
        with self._screen.aside(nodeid):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(
        self, report: pytest.TestReport
    ) -> Generator[None, Any, Any]:
        """Stand aside while pytest says how a test ended."""
        self.look()
        with self._screen.aside(report.nodeid):
            return (yield)

    def _follow(self) -> None:
        looks = 0
        while not self._stop.wait(POLL_S):
            self.look()
            looks += 1
            if looks % TICK_EACH == 0:
                self._screen.tick()
