"""What the SSH server asks of a machine: who somebody is, and to run what they want.

Descriptors of the streams travel to the machine; what a session says never passes
through its init.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from release.emulator.machines.link import Link, Message


class Refused(Exception):
    """The machine does not do it; the text says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """A user of the machine, as the machine tells."""

    who: Message
    keys: str
    """The text of its authorized_keys."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Terminal:
    """A terminal that a client asks for; its size as in ``struct winsize``."""

    type: str
    size: tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What to run: a command, a subsystem, or a shell when both are empty."""

    who: Message
    command: str = ""
    subsystem: str = ""
    environment: Mapping[str, str]
    terminal: Terminal | None = None


@dataclass(kw_only=True, slots=True)
class Session:
    """What runs, and our ends of its streams."""

    number: int
    reply: asyncio.Future[Message]
    stdin: int
    stdout: int
    stderr: int | None
    """None on a terminal."""

    async def ended(self) -> int:
        """Return its exit code; minus the signal when one ended it.

        Raises:
            Refused: It could not start.
            LinkLost: The machine went down.
        """
        return int(_checked(await self.reply)["code"])


@dataclass(kw_only=True, slots=True)
class Door:
    """A machine that runs.

    Args:
        name: The machine's.
        link: Its init.
        host_key: The file of its key; made when somebody comes.
        admin: The only user with a password.
        password: Empty: nobody comes in with one.
    """

    name: str
    link: Link
    host_key: Path
    admin: str
    password: str = field(repr=False)

    async def login(self, user: str) -> Login:
        """Look a user up.

        Raises:
            Refused: There is none of that name.
            LinkLost: The machine went down.
        """
        asked = {"verb": "login", "user": user}
        answer = _checked(await self.link.ask({"do": "session", "of": asked}))
        return Login(who=answer["who"], keys=answer["keys"])

    async def open(self, wanted: Wanted) -> Session:
        """Start a session.

        Raises:
            Refused: It could not start.
            LinkLost: The machine went down.
        """
        message = {"do": "session", "of": {"verb": "run", **asdict(wanted)}}
        if wanted.terminal:
            return await self._on_terminal(message)
        pairs = [os.pipe(), os.pipe(), os.pipe()]
        (theirs_in, ours_in), (ours_out, theirs_out), (ours_err, theirs_err) = pairs
        theirs = [theirs_in, theirs_out, theirs_err]
        number, reply = self._send(message, theirs, [ours_in, ours_out, ours_err])
        return Session(
            number=number, reply=reply, stdin=ours_in, stdout=ours_out, stderr=ours_err
        )

    async def _on_terminal(self, message: Message) -> Session:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            number, reply = self._send(message, [theirs.detach()], [])
            terminal = await _descriptor(ours)
            if terminal is None:
                _checked(await reply)
                raise Refused(f"{self.name} gave no terminal")
        return Session(
            number=number,
            reply=reply,
            stdin=terminal,
            stdout=os.dup(terminal),
            stderr=None,
        )

    def _send(
        self, message: Message, theirs: list[int], ours: list[int]
    ) -> tuple[int, asyncio.Future[Message]]:
        """Send a request with descriptors, which are then the machine's alone."""
        try:
            return self.link.send(message, theirs)
        except BaseException:
            for number in ours:
                os.close(number)
            raise
        finally:
            for number in theirs:
                os.close(number)

    async def signal(self, number: int, name: str) -> None:
        """Send a signal, such as TERM, to a session."""
        asked = {"verb": "signal", "session": number, "signal": name}
        await self.link.ask({"do": "session", "of": asked})


def _checked(answer: Message) -> Message:
    if "error" in answer:
        raise Refused(answer["error"])
    return answer


async def _descriptor(connection: socket.socket) -> int | None:
    """Return the descriptor that the other side sends; None when it ends without."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(connection, _tell, ready)
    try:
        await ready
    finally:
        loop.remove_reader(connection)
    _, found, _, _ = socket.recv_fds(connection, 64, 1)
    return found[0] if found else None


def _tell(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
