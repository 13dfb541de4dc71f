"""Start processes, wait for them, and find all that came of one.

The init is process 1 of its sandbox, so every orphan ends up here. What belongs to a
service or a command is told by ``INVOCATION_ID`` in its environment (systemd sets the
same) or by its session; there are no control groups in a sandbox.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import resource
import signal
import termios
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .accounts import Identity

_KEEP = -1


class CannotStart(Exception):
    """A program could not be started; the text says which and why."""


@dataclass(frozen=True)
class Start:
    """What to start and how."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    identity: Identity
    program: str = ""
    """The file to run when it is not ``argv[0]``."""
    folder: str = "/"
    stdin: int = _KEEP
    stdout: int = _KEEP
    stderr: int = _KEEP
    umask: int = 0o022
    open_files: int = 0
    terminal: bool = False
    """Whether its stdin is a terminal, which it then controls."""


class Process:
    """A child of the init."""

    def __init__(self, pid: int, ended: asyncio.Future[int]) -> None:
        self.pid = pid
        self.ended = ended
        """The exit code once it ended; minus the signal when one ended it."""


class Processes:
    """All processes of the machine."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._changed = asyncio.Event()

    def listen(self) -> None:
        """Reap from now on."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCHLD, self.reap)

    def reap(self) -> None:
        """Take the exit of every process that ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not pid:
                break
            ended = self._waiting.pop(pid, None)
            if ended and not ended.done():
                ended.set_result(os.waitstatus_to_exitcode(status))
        self._changed.set()

    async def changed(self) -> None:
        """Wait until any process ended."""
        self._changed.clear()
        await self._changed.wait()

    def start(self, start: Start) -> Process:
        """Start a program in its own session.

        Raises:
            CannotStart: It is not there, or may not be run.
        """
        program = find_program(
            start.program or start.argv[0], start.environment.get("PATH", "")
        )
        trouble, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            _become(start, program, tell)
        os.close(tell)
        with os.fdopen(trouble, "rb") as reader:
            error = reader.read().decode(errors="replace")
        if error:
            os.waitpid(pid, 0)
            raise CannotStart(error)
        ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[pid] = ended
        return Process(pid, ended)

    def adopt(self, pid: int) -> Process:
        """Wait for a process that a daemon left behind: by now it is our child."""
        ended = self._waiting.get(pid)
        if ended is None:
            ended = asyncio.get_running_loop().create_future()
            self._waiting[pid] = ended
        return Process(pid, ended)

    def members(self, invocation: str, sessions: Sequence[int]) -> list[int]:
        """Return the processes of one service or command."""
        marker = f"INVOCATION_ID={invocation}".encode()
        return [
            pid
            for pid in running()
            if _session(pid) in sessions or marker in _environment(pid)
        ]

    def signal(self, pids: Sequence[int], number: int) -> None:
        """Send a signal to those that are still there."""
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)

    async def end(
        self,
        invocation: str,
        sessions: Sequence[int],
        *,
        number: int,
        timeout_s: float,
        first: Sequence[int] = (),
    ) -> bool:
        """End a service's or a command's processes, at last by force.

        Args:
            invocation: Its INVOCATION_ID.
            sessions: Its sessions.
            number: The signal to begin with.
            timeout_s: Seconds until SIGKILL.
            first: The only ones to get the first signal (KillMode=mixed); empty is all.

        Returns:
            Whether they ended without force.
        """
        self.signal(first or self.members(invocation, sessions), number)

        async def gone() -> None:
            while self.members(invocation, sessions):
                await self.changed()

        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(gone(), None if timeout_s > 1e9 else timeout_s)  # noqa: PLR2004 - infinity
            return True
        self.signal(self.members(invocation, sessions), signal.SIGKILL)
        await gone()
        return False


def running() -> list[int]:
    """Return every process but the init."""
    try:
        names = [path.name for path in Path("/proc").iterdir()]
    except OSError:
        return []
    return [int(name) for name in names if name.isdigit() and int(name) != os.getpid()]


def find_program(name: str, path: str) -> str:
    """Return a program's file.

    Raises:
        CannotStart: It is nowhere.
    """
    if "/" in name:
        return name
    for folder in path.split(":"):
        found = f"{folder}/{name}"
        if os.access(found, os.X_OK) and not Path(found).is_dir():
            return found
    raise CannotStart(f"{name}: not found in PATH ({path})")


def _become(start: Start, program: str, tell: int) -> None:
    """Turn this forked child into the program; never returns."""
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGPIPE, signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        for target, source in enumerate((start.stdin, start.stdout, start.stderr)):
            if source != _KEEP:
                os.dup2(source, target)
        if start.terminal:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        if start.open_files:
            resource.setrlimit(
                resource.RLIMIT_NOFILE, (start.open_files, start.open_files)
            )
        os.umask(start.umask)
        if start.identity.apply:
            os.setgroups(start.identity.groups)
            os.setgid(start.identity.gid)
            os.setuid(start.identity.uid)
        os.chdir(start.folder)
        os.execve(program, list(start.argv), dict(start.environment))  # noqa: S606 - no shell is wanted
    except OSError as error:
        os.write(tell, f"{error.filename or program}: {error.strerror}".encode())
    except BaseException as error:  # noqa: BLE001 - a fork must never go on as the init
        os.write(tell, repr(error).encode())
    os._exit(203)


def _session(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    state, _, _, session, *_ = stat.rpartition(b")")[2].split()
    return 0 if state in (b"Z", b"X") else int(session)


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""
