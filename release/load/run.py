"""Run Locust as a child process, and read what it measured.

Locust never enters this process: importing it patches sockets and threads.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from release.errors import LoadFailed, WaitTimedOut
from release.load import failures
from release.load.child import locust
from release.load.live import Live, Tail
from release.load.measurements import FILES, Measurements, describe, events, read
from release.load.profile import Profile, command, shared, variables
from release.wait import Seen, wait_until

LOG = "locust.log"
STOP = "stop"
"""A file that makes the recorders end the load."""
LOOK_S = 1.0
SILENT_S = 30.0
"""The recorders tell something each second, however little is sent."""
PLACE_S = 2.0
"""Seconds in which a Locust that is stuck tells where."""


def run(
    profile: Profile,
    *,
    host: str,
    folder: Path,
    progress: Callable[[Live], None] = lambda _: None,
    give_up: Callable[[Measurements], str] = lambda _: "",
    python: str = sys.executable,
    silent_s: float = SILENT_S,
) -> Measurements:
    """Send load and return what was measured.

    However this ends, by an error or a Ctrl-C too, Locust has ended as well.

    Args:
        profile: The load.
        host: URL of the site, such as "http://127.0.0.1:8080".
        folder: An empty or missing folder for samples and log; `read` of it
            gives the same measurements again.
        progress: Told each second how it goes.
        give_up: Asked each second whether what was measured so far makes the rest
            useless; says why, or "" to go on.
        python: An interpreter that has Locust.
        silent_s: Seconds without a word after which Locust is stuck.

    Raises:
        LoadFailed: Locust could not run, or measured nothing to judge.
    """
    if not profile.locustfile.is_file():
        raise LoadFailed(
            f"there is no locustfile {profile.locustfile}",
            fix="write one, or name another in load.locustfile of release.toml",
        )
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.glob(FILES)):
        raise LoadFailed(
            f"{folder} holds the figures of another run", fix="name another folder"
        )
    describe(
        folder,
        users=profile.users,
        lead_s=profile.lead_s,
        time_s=profile.time_s,
        **_sharing(profile),
    )
    arguments = command(profile, host=host, python=python, folder=folder)
    arguments += shared(profile, free_port=_free_port())
    log_path = folder / LOG
    with locust(arguments, variables(profile, folder), log_path) as child:
        code, gave_up = _watched(
            child,
            profile,
            folder,
            progress=progress,
            give_up=give_up,
            silent_s=silent_s,
        )
    log = log_path.read_text(encoding="utf-8", errors="replace")
    if code != 0:
        short = _too_few(folder)
        raise (
            failures.too_few(short, profile)
            if short
            else failures.ended_badly(code, log, profile, log_path=log_path)
        )
    measurements = read(folder)
    wrong = failures.not_measured(measurements, log, profile, gave_up=gave_up)
    if wrong is not None or measurements is None:
        raise wrong or AssertionError("no measurements and no reason")
    return replace(measurements, ended_early=gave_up)


def _sharing(profile: Profile) -> dict[str, object]:
    """Return what is written down of processes that share the load."""
    # Nothing but a lack of memory ends a process of this machine.
    found: dict[str, object] = {"senders": profile.senders, "least_ratio": 1.0}
    if profile.workers:
        where = profile.workers
        found |= {"workers": where.bind, "least_ratio": where.least_ratio}
    return found


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as there:
        port: int = there.getsockname()[1]
        return port


def _too_few(folder: Path) -> dict[str, Any] | None:
    """Return what was told of workers who did not come, or None."""
    told = [event for path in folder.glob(FILES) for event in events(path)[0]]
    return next((event for event in told if event["event"] == "too_few"), None)


def _watched(
    child: subprocess.Popen[bytes],
    profile: Profile,
    folder: Path,
    *,
    progress: Callable[[Live], None],
    give_up: Callable[[Measurements], str],
    silent_s: float,
) -> tuple[int, str]:
    """Wait for Locust; return its exit code, and why the load was ended early or ""."""
    tail = Tail(folder)
    gave_up, silent = "", 0

    def look() -> Seen[int]:
        nonlocal gave_up, silent
        try:
            # Waiting here, not between looks, ends with Locust and not up to a
            # second later.
            return Seen(what="ended", value=child.wait(LOOK_S))
        except subprocess.TimeoutExpired:
            live = tail.look(time.time())
            progress(live)
        # Looks, and no clock: a machine that sleeps tells nothing either.
        silent = 0 if live.heard or gave_up or not live.is_cut_short else silent + 1
        if silent * LOOK_S >= silent_s:
            log = _standing(child, folder / LOG)
            raise failures.stuck(log, profile, silent_s=silent_s)
        measured = tail.so_far(time.time())
        if measured and not gave_up:
            gave_up = give_up(measured)
            if gave_up:
                (folder / STOP).touch()
        return Seen(what=str(live))

    try:
        code = wait_until(
            "end of the load",
            look,
            timeout_s=profile.wait_s + profile.longest_s,
            interval_s=0,
            fix=f"see {failures.kept(folder / LOG)}",
        )
    except WaitTimedOut as error:
        log = (folder / LOG).read_text(encoding="utf-8", errors="replace")
        raise LoadFailed(
            f"Locust did not end: {error.what}{failures.tail(log)}", fix=error.fix
        ) from error
    return code, gave_up


def _standing(child: subprocess.Popen[bytes], log_path: Path) -> str:
    """Return the log of a Locust with where it stands, which the recorder writes."""
    begin = log_path.stat().st_size
    os.killpg(child.pid, signal.SIGUSR1)
    with suppress(WaitTimedOut):
        wait_until(
            "place where Locust stands",
            lambda: Seen(what="nothing", value=log_path.stat().st_size > begin or None),
            timeout_s=PLACE_S,
            interval_s=0.1,
            fix="see its log",
        )
    return log_path.read_bytes()[begin:].decode(errors="replace")
