"""What ``sudo`` cannot do in a sandbox, the init does: run a command as another user.

No program in a sandbox gains rights (bubblewrap sees to that), so the tool hands its
streams, its folder and its environment to the init, which looks into sudoers. The
command has a session of its own: a shell started so has no job control.
"""

from __future__ import annotations

import asyncio
import contextlib
import grp
import json
import os
import pwd
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .accounts import NoSuchUser, identity
from .answers import PACKET_BYTES
from .processes import CannotStart, Process, Processes, Start, find_program
from .sudoers import allowed


class Elevation:
    """Runs commands for users who are not root.

    Args:
        processes: Where they run.
    """

    def __init__(self, processes: Processes) -> None:
        self._processes = processes

    async def serve(
        self, connection: socket.socket, descriptors: list[int], uid: int
    ) -> dict[str, Any]:
        """Run what a tool asks for; return ``code``, or ``error`` with the reason.

        Args:
            connection: The tool's, for the signals that it gets.
            descriptors: Its three streams, and a file with what it asks.
            uid: Who it is, as the kernel says.
        """
        try:
            *streams, text = descriptors
            with os.fdopen(os.dup(text), encoding="utf-8") as file:
                asked = json.load(file)
            process = self._start(asked, streams, uid)
        except (CannotStart, NoSuchUser, OSError, ValueError) as error:
            return {"error": str(error)}
        finally:
            for number in descriptors:
                os.close(number)
        listening = asyncio.create_task(_pass_signals(connection, process))
        try:
            return {"code": await process.ended}
        finally:
            listening.cancel()

    def _start(
        self, asked: dict[str, Any], streams: Sequence[int], uid: int
    ) -> Process:
        try:
            who = pwd.getpwuid(uid)
        except KeyError:
            raise NoSuchUser("you do not exist in the passwd database") from None
        target = identity(asked["user"], real=True)
        argv, environment = asked["argv"], asked["environment"]
        program = find_program(argv[0], environment.get("PATH", ""))
        if not allowed(
            _sudoers(),
            user=who.pw_name,
            groups=_groups(who),
            become=target.name,
            command=[program, *argv[1:]],
        ):
            raise CannotStart(
                f"{who.pw_name} may not run {program} as {target.name}: no rule with "
                "NOPASSWD of /etc/sudoers or /etc/sudoers.d says so"
            )
        stdin, stdout, stderr = streams
        return self._processes.start(
            Start(
                argv=argv,
                program=program,
                environment=environment,
                identity=target,
                folder=asked["folder"],
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
            )
        )


async def _pass_signals(connection: socket.socket, process: Process) -> None:
    """Send a command what its tool is sent; end it when the tool is gone."""
    loop = asyncio.get_running_loop()
    while data := await loop.sock_recv(connection, PACKET_BYTES):
        _signal(process, json.loads(data)["signal"])
    _signal(process, 15)


def _signal(process: Process, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _groups(who: pwd.struct_passwd) -> list[str]:
    numbers = os.getgrouplist(who.pw_name, who.pw_gid)
    return [entry.gr_name for entry in grp.getgrall() if entry.gr_gid in numbers]


def _sudoers() -> list[str]:
    """Return the lines of all files, as ``@includedir`` reads them."""
    lines: list[str] = []
    for path in (Path("/etc/sudoers"), *sorted(Path("/etc/sudoers.d").glob("*"))):
        if "." in path.name or path.name.endswith("~"):
            continue
        with contextlib.suppress(OSError):
            lines += path.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines
