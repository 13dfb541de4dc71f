"""Live lines: what a release does, as it does it.

A thread follows the journal and writes to the terminal's own descriptor, so that
lines show under ``-n``, where workers cannot print, and while pytest captures. A
terminal gets colour and one line for what is waited for, written again in place;
anything else gets plain lines.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

from release.journal import Event, Journal, Kind

POLL_S = 0.1


class Live:
    """Show a journal's events as lines.

    Args:
        journal: What to follow.
        descriptor: Where to write; duplicated, so that capturing cannot take it.
        verbose: Also show each line that a command prints.
    """

    def __init__(self, journal: Journal, descriptor: int, *, verbose: bool) -> None:
        self._journal = journal
        self._out = os.dup(descriptor)
        self._terminal = os.isatty(self._out)
        self._verbose = verbose
        self._stop = threading.Event()
        self._position = 0
        self._started = time.monotonic()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Show what is left and end; a second time does nothing."""
        if self._stop.is_set():
            return
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        os.close(self._out)

    def _follow(self) -> None:
        while not self._stop.wait(POLL_S):
            self._show()
        self._show()

    def _show(self) -> None:
        new, self._position = self._journal.after(self._position)
        for event in new:
            for text in line(event, verbose=self._verbose):
                self._write(text)

    def _write(self, text: str) -> None:
        elapsed = time.monotonic() - self._started
        stamp = f"{elapsed:6.1f} s  "
        clear = "\r\x1b[2K" if self._terminal else ""
        os.write(self._out, f"{clear}{stamp}{text}\n".encode())


def line(event: Event, *, verbose: bool = False) -> Iterator[str]:
    """Yield the lines that show an event; none for one that nobody waits for."""
    data = event.data
    stage = f"{event.stage:<9}"
    match event.kind:
        case Kind.STAGE_STARTED:
            yield f"{stage} ..."
        case Kind.PROGRESS:
            yield f"{stage} {data['text']}"
        case Kind.OUTPUT if verbose:
            yield f"{stage} | {data['line']}"
        case Kind.STAGE_FINISHED:
            yield f"{stage} {data['outcome']} after {data['duration_s']:.1f} s"
            if data.get("error"):
                yield from (f"{stage}   {text}" for text in data["error"].splitlines())
        case _:
            return
