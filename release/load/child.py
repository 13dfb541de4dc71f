"""Locust as a child process, which ends with whoever started it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

GRACE_S = 2.0
"""Seconds that Locust has to end when it is told to."""


@contextmanager
def locust(
    arguments: list[str], own: Mapping[str, str], log_path: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run Locust in a session of its own, and end all of it at the end.

    A Ctrl-C reaches this process alone, which then ends the child: the child's
    own handling of it would look like a finished run.

    Args:
        arguments: The command.
        own: Variables for it; LOCUST_* ones of this process would change the load.
        log_path: Gets all that it prints.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LOCUST_")}
    with (
        log_path.open("wb") as log,
        subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=kept | {"PYTHONUNBUFFERED": "1"} | dict(own),
            start_new_session=True,
        ) as child,
    ):
        try:
            yield child
        finally:
            _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        if child.poll() is not None:
            return
        os.killpg(child.pid, signal_number)
        try:
            child.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            continue
