"""The terminal, shared by pytest's own progress and the release's lines.

Both write through pytest's terminal writer, one at a time. A line of the release
starts on a fresh line; where that broke a line of pytest's, its beginning is written
again before pytest goes on with it.
"""

from __future__ import annotations

import contextlib
import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import pytest
from _pytest._io import TerminalWriter

from release.coordination.lines import Line, Style

# ruff: noqa: SLF001 - pytest's terminal writer has no public way to its file

QUIET_S = 10
"""Seconds between plain lines of one theme."""
COLUMNS = 80
"""Of a terminal that does not tell."""
SILENT_S = 30
"""Seconds without a line after which a plain log says that work goes on."""
_MARKUP: dict[Style, dict[str, bool]] = {
    Style.STEP: {},
    Style.OUTPUT: {"light": True},
    Style.GOOD: {"green": True},
    Style.BAD: {"red": True, "bold": True},
    Style.CAUSE: {"red": True},
}
_CLEAR = "\r\x1b[2K"


class Screen:
    """Where the lines of a release go.

    Args:
        reporter: pytest's own.
        writer: What the reporter writes with.
        now: Monotonic seconds.
    """

    def __init__(
        self,
        reporter: pytest.TerminalReporter,
        writer: TerminalWriter,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reporter = reporter
        self._writer = writer
        self._now = now
        self._lock = threading.RLock()
        self._started_s = now()
        self._last: Line | None = None
        """The newest step, until its stage ends."""
        self._since_s = 0.0
        """When it was first shown."""
        self._written_s = 0.0
        self._open = False
        """Whether the cursor stands in its line."""
        self._broken = False
        """Whether a line of pytest's was broken off."""
        self._theirs = self._own_descriptor()
        self._in_place = self._writer.hasmarkup and _is_terminal(self._writer._file)

    def _own_descriptor(self) -> TextIO | None:
        """Give pytest's writer a descriptor that capturing cannot take from it.

        Without it, what a thread writes while a test runs would go into the test's
        captured output. pytest has no public way.
        """
        theirs = self._writer._file
        try:
            number = theirs.fileno()
        except (AttributeError, io.UnsupportedOperation, ValueError):
            return None
        theirs.flush()
        self._writer._file = os.fdopen(
            os.dup(number), "w", encoding=theirs.encoding, errors="replace", buffering=1
        )
        return theirs

    def close(self) -> None:
        """Leave the terminal to pytest; a second time does nothing."""
        with self._lock:
            self.settle()
            if self._theirs is not None:
                ours, self._writer._file = self._writer._file, self._theirs
                self._theirs = None
                ours.close()

    # --- what the release shows ----------------------------------------------------

    def show(self, line: Line) -> None:
        """Show a line of the release."""
        with self._lock:
            if line.style is Style.STEP:
                self._step(line)
            else:
                if line.style is not Style.OUTPUT:
                    self._end_step()
                self._whole(line, self._now())
            self._writer.flush()

    def block(self, text: str) -> None:
        """Show lines that are whole as they are, such as a table."""
        with self._lock:
            self._end_step()
            self._fresh()
            for line in text.splitlines():
                self._writer.line(line)
            self._writer.flush()

    def tick(self) -> None:
        """Show that time passes: to be called every second or so."""
        with self._lock:
            if self._last is None:
                return
            if self._open:
                self._draw()
            elif not self._in_place and self._now() - self._written_s >= SILENT_S:
                waited = (
                    f"still {self._last.text} ({self._now() - self._since_s:.0f} s)"
                )
                self._whole(_said(self._last, waited), self._now())
            self._writer.flush()

    def settle(self) -> None:
        """End a line that is open, so that others may write."""
        with self._lock:
            if self._open:
                self._draw(done=True)
                self._writer.line()
                self._writer.flush()
                self._open = False

    def _step(self, line: Line) -> None:
        """Show what is being done now, in place of the step before where it may be."""
        now, last = self._now(), self._last
        same = last is not None and bool(line.theme) and _about(last) == _about(line)
        if not self._in_place:
            if not (same and now - self._written_s < QUIET_S):
                self._whole(line, now)
            self._last = line
            self._since_s = self._since_s if same else now
            return
        begun = last is not None and last.theme == "started"
        if not (same or begun):
            self.settle()
        self._since_s = self._since_s if same else now
        self._last = line
        self._draw()

    def _end_step(self) -> None:
        self.settle()
        self._last = None

    def _draw(self, *, done: bool = False) -> None:
        """Write the newest step anew, with the seconds that it has taken."""
        if self._last is None:
            return
        took_s = self._now() - self._since_s
        took = f"  {took_s:.0f} s" if took_s >= 1 else ""
        text = self._text(self._last, self._since_s)
        room = self._width() - len(took) - 1
        if len(text) > room:
            text = f"{text[: room - 1]}…"
        if not self._open:
            self._fresh()
        self._writer.write(_CLEAR)
        self._writer.write(text, light=done)
        self._writer.write(took, light=True)
        self._open = True

    def _width(self) -> int:
        """Return the columns of the terminal; pytest asks the one that it captures."""
        try:
            return os.get_terminal_size(self._writer._file.fileno()).columns
        except OSError:
            # It has gone, and the undo goes on.
            return COLUMNS

    def _whole(self, line: Line, at_s: float) -> None:
        """Write a line that stays as it is."""
        self.settle()
        self._fresh()
        self._writer.line(self._text(line, at_s), **_MARKUP[line.style])
        self._written_s = self._now()

    def _text(self, line: Line, at_s: float) -> str:
        return f"{at_s - self._started_s:7.1f} s  {line.stage:<9} {line.text}".rstrip()

    def _fresh(self) -> None:
        """Begin a line of our own, wherever pytest's cursor stands."""
        if self._writer.width_of_current_line:
            self._writer.line()
            self._broken = True

    # --- when pytest writes ----------------------------------------------------------

    @contextlib.contextmanager
    def aside(self, nodeid: str) -> Iterator[None]:
        """Stand aside while pytest writes; mend the line that was broken off."""
        with self._lock:
            self.settle()
            if self._broken:
                self._broken = False
                self._mend(nodeid)
            yield

    def _mend(self, nodeid: str) -> None:
        reporter = self._reporter
        place = reporter.currentfspath
        if isinstance(place, Path):
            if place == reporter.config.rootpath / nodeid.partition("::")[0]:
                self._writer.write(f"{os.path.relpath(place, reporter.startpath)} ")
            else:
                reporter.currentfspath = None
        elif isinstance(place, str):
            self._writer.write(place)


def _about(line: Line) -> tuple[str, str]:
    return line.stage, line.theme


def _said(line: Line, text: str) -> Line:
    return Line(stage=line.stage, text=text, style=Style.STEP)


def _is_terminal(file: TextIO) -> bool:
    return hasattr(file, "isatty") and file.isatty()
