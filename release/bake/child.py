"""Run a command as a child: follow its lines, interrupt it once, end it for good.

It gets a session of its own, so that a Ctrl-C in the terminal does not reach it:
the harness sends it one, to its whole group as a terminal would, because Packer's
outer process passes none on. A second one would make it drop all it is at.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from release.errors import WaitTimedOut
from release.wait import Seen, wait_until

LOOK_S = 0.2
"""Seconds that a look waits for a line."""
MOST = 1000
"""Lines that a look tells at most while it runs, so that a command that never stops
printing runs out of time too."""
LAST_S = 1
"""Seconds for the last lines of a command that has ended: what it left running may
hold its output open."""


class Child:
    """A running command.

    Args:
        command: Program and arguments.
        name: What it is called when it does not end.
        folder: Where it runs.
        environment: All of its environment.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        name: str,
        folder: Path,
        environment: Mapping[str, str],
    ) -> None:
        self._name = name
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), daemon=True
        )
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process id, which is that of its session too."""
        return self._process.pid

    def run(
        self,
        told: Callable[[str], None],
        *,
        timeout_s: float,
        grace_s: Callable[[], float],
        step: Callable[[], str],
        fix: str,
    ) -> int:
        """Follow it to its end; interrupt it when this is interrupted, or too long.

        Args:
            told: Called with each line, without its end.
            timeout_s: Seconds that it may take.
            grace_s: Says how many seconds it has to clean up.
            step: Says what it is at, for the error.
            fix: What to do when it takes longer.

        Raises:
            WaitTimedOut: It took longer; it has ended.
        """
        try:
            return self.follow(told, timeout_s=timeout_s, step=step, fix=fix)
        except BaseException:
            self.interrupt(told, grace_s=grace_s())
            raise

    def follow(
        self,
        told: Callable[[str], None],
        *,
        timeout_s: float,
        step: Callable[[], str],
        fix: str,
    ) -> int:
        """Tell each line that it prints until it ends; return its status.

        Args:
            told: Called with each line, without its end.
            timeout_s: Seconds that it may take.
            step: Says what it is at, for the error.
            fix: What to do when it takes longer.

        Raises:
            WaitTimedOut: It took longer; it runs on.
        """

        def look() -> Seen[int]:
            status = self._process.poll()
            for line in self._some() if status is None else self._rest():
                told(line)
            return Seen(what=step() or "nothing", value=status)

        return wait_until(
            f"end of {self._name}", look, timeout_s=timeout_s, interval_s=0, fix=fix
        )

    def interrupt(self, told: Callable[[str], None], *, grace_s: float) -> None:
        """Ask it to end and to clean up, once; kill it when it takes too long.

        Args:
            told: Called with each line that it still prints.
            grace_s: Seconds that it has.
        """
        self._signal(signal.SIGINT)
        with contextlib.suppress(WaitTimedOut):
            self.follow(told, timeout_s=grace_s, step=str, fix="it is killed now")
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def _read(self, stdout: IO[str]) -> None:
        with stdout:
            for line in stdout:
                self._lines.put(line.rstrip("\r\n"))

    def _some(self) -> Iterator[str]:
        """Yield the lines that are there, after a short wait for a first one."""
        with contextlib.suppress(queue.Empty):
            yield self._lines.get(timeout=LOOK_S)
            for _ in range(MOST):
                yield self._lines.get_nowait()

    def _rest(self) -> Iterator[str]:
        """Yield all that a command which has ended printed."""
        self._reader.join(LAST_S)
        for _ in range(self._lines.qsize()):
            yield self._lines.get_nowait()
