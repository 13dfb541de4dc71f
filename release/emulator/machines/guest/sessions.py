"""Login sessions: what somebody who came in over SSH runs.

The SSH server is outside, so that no user's file is opened there; who may come in, and
all that runs, is here. As OpenSSH's sshd does it, a command is run by the user's login
shell, and a session without a command is that shell.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pwd
import signal
import socket
import struct
import termios
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from .accounts import Identity, NoSuchUser, identity
from .invocation import Around
from .processes import CannotStart, Process, Start

_KEYS_BYTES = 1 << 16
_GRACE_S = 1.0
_SUBSYSTEMS = {
    "sftp": (
        "/usr/lib/openssh/sftp-server",
        "/usr/libexec/openssh/sftp-server",
        "/usr/lib/ssh/sftp-server",
        "/usr/libexec/sftp-server",
    )
}
"""The host's own programs, where Debian, Fedora, Arch and others have them."""


class Sessions:
    """The sessions that are open.

    Args:
        around: Where they run.
    """

    def __init__(self, around: Around) -> None:
        self._around = around
        self._running: dict[int, Process] = {}

    async def do(
        self, number: int, asked: Mapping[str, Any], descriptors: Sequence[int]
    ) -> dict[str, Any]:
        """Do what the SSH server asks: ``login``, ``run`` or ``signal``."""
        if asked["verb"] == "login":
            return self.login(asked["user"])
        if asked["verb"] == "run":
            return {"code": await self.run(number, asked, descriptors)}
        self.signal(asked["session"], asked["signal"])
        return {}

    def login(self, user: str) -> dict[str, Any]:
        """Return who a user is, and the text of its authorized_keys.

        Who it is stays the same for the whole connection: the last step of many
        recipes deletes the user that they run as.

        Raises:
            NoSuchUser: There is no such user.
        """
        try:
            pwd.getpwnam(user)
        except (KeyError, ValueError):
            raise NoSuchUser(f"there is no user {user} on this machine") from None
        who = identity(user, real=self._around.real_users)
        return {"who": asdict(who), "keys": _text(Path(who.home, ".ssh"))}

    async def run(
        self, number: int, asked: Mapping[str, Any], descriptors: Sequence[int]
    ) -> int:
        """Run a session; return its exit code, minus the signal that ended it.

        Args:
            number: By which signals reach it.
            asked: ``who``, ``command``, ``subsystem``, ``environment`` and, when it
                has one, ``terminal`` with its type and size.
            descriptors: Three streams; or a socket to send the terminal's other end.

        Raises:
            CannotStart: There is no such shell or subsystem.
        """
        try:
            start = self._start(_identity(asked["who"]), asked)
            if asked["terminal"]:
                process = self._on_terminal(start, asked["terminal"], descriptors[0])
            else:
                stdin, stdout, stderr = descriptors
                streams = replace(start, stdin=stdin, stdout=stdout, stderr=stderr)
                process = self._around.processes.start(streams)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        self._running[number] = process
        try:
            return await process.ended
        finally:
            del self._running[number]

    async def end_all(self) -> None:
        """Hang up on every session; end by force what stays."""
        for number, wait_s in ((signal.SIGHUP, _GRACE_S), (signal.SIGKILL, None)):
            processes = list(self._running.values())
            for process in processes:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
            if processes:
                await asyncio.wait([p.ended for p in processes], timeout=wait_s)

    def signal(self, number: int, name: str) -> None:
        """Send a signal, such as TERM, to what a session runs in the foreground."""
        process = self._running.get(number)
        found = getattr(signal, f"SIG{name}", None)
        if process and found:
            os.killpg(process.pid, found)

    def _start(self, who: Identity, asked: Mapping[str, Any]) -> Start:
        shell = who.shell
        command = asked["command"]
        if asked["subsystem"]:
            command = _subsystem(asked["subsystem"])
        name = Path(shell).name
        return Start(
            program=shell,
            argv=[name, "-c", command] if command else [f"-{name}"],
            environment={
                **self._around.environment,
                "HOME": who.home,
                "USER": who.name,
                "LOGNAME": who.name,
                "SHELL": shell,
                "MAIL": f"/var/mail/{who.name}",
                **asked["environment"],
            },
            identity=who,
            folder=who.home if Path(who.home).is_dir() else "/",
        )

    def _on_terminal(
        self, start: Start, terminal: Mapping[str, Any], control: int
    ) -> Process:
        """Start on a new terminal; its other end goes to the host."""
        ours, theirs = os.openpty()
        try:
            size = struct.pack("4H", *terminal["size"])
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
            if start.identity.apply:
                os.fchown(theirs, start.identity.uid, start.identity.gid)
            with socket.socket(fileno=os.dup(control)) as host:
                socket.send_fds(host, [b"terminal"], [ours])
            names = {"TERM": terminal["type"], "SSH_TTY": os.ttyname(theirs)}
            return self._around.processes.start(
                replace(
                    start,
                    environment={**start.environment, **names},
                    stdin=theirs,
                    stdout=theirs,
                    stderr=theirs,
                    terminal=True,
                )
            )
        finally:
            os.close(ours)
            os.close(theirs)


def _identity(who: Mapping[str, Any]) -> Identity:
    return Identity(**{**who, "groups": tuple(who["groups"])})


def _subsystem(name: str) -> str:
    programs = _SUBSYSTEMS.get(name, ())
    for program in programs:
        if os.access(program, os.X_OK):
            return program
    lacks = ": its programs are the host's, which lacks openssh-sftp-server"
    raise CannotStart(
        f"this machine has no subsystem {name}{lacks if programs else ''}"
    )


def _text(folder: Path) -> str:
    """Return a user's authorized_keys; nothing for what only looks like the file."""
    try:
        number = os.open(folder / "authorized_keys", os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return ""
    with os.fdopen(number, "rb") as stream:
        try:
            return stream.read(_KEYS_BYTES).decode(errors="replace")
        except OSError:
            return ""
