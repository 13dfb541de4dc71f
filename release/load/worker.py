"""A worker: sends the load of a release that runs on another machine.

Locust runs as child processes, which end with this one, however it ends.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from release.errors import LoadFailed
from release.load.child import GRACE_S
from release.load.profile import INSIDE

NO_MASTER = 255
"""Exit code of a Locust that found no master in five minutes."""


def work(*, host: str, port: int, locustfile: Path, processes: int) -> int:
    """Send load until the release has what it wanted; return 0 if it had.

    What the release says of this worker goes to stderr.

    Args:
        host: Where the release's load waits for workers.
        port: Its port.
        locustfile: The same as the release's, with what lies beside it.
        processes: How many workers this machine is.

    Raises:
        LoadFailed: There is nothing to send, or nobody to send it for.
    """
    if not locustfile.is_file():
        raise LoadFailed(
            f"there is no locustfile {locustfile}",
            fix="copy the folder of the release's, or name it with --locustfile",
        )
    try:
        socket.getaddrinfo(host, port)
    except OSError as error:
        raise LoadFailed(
            f"no machine is called {host}: {error.strerror}",
            fix="give --master the name or address that the release listens at",
        ) from None
    arguments = command(host=host, port=port, locustfile=locustfile.resolve())
    with contextlib.ExitStack() as running:
        children = [running.enter_context(_locust(arguments)) for _ in range(processes)]
        code = max(child.wait() for child in children)
    if code == NO_MASTER:
        raise LoadFailed(
            f"no release listened at {host}:{port} for five minutes",
            fix="start the release, and see that its load.workers.bind is reached "
            "from here",
        )
    return min(code, 1)


def command(*, host: str, port: int, locustfile: Path) -> list[str]:
    """Return the command of one worker; only its problems are logged."""
    return [
        *(sys.executable, "-m", "locust", "--worker", "--loglevel", "WARNING"),
        *("--master-host", host, "--master-port", str(port)),
        *("-f", f"{locustfile},{INSIDE / 'recorder.py'}"),
    ]


@contextlib.contextmanager
def _locust(arguments: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LOCUST_")}
    with subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        env=kept | {"PYTHONUNBUFFERED": "1", "RECORDER_CHILD": "at once"},
        start_new_session=True,
    ) as child:
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                child.kill()
