"""SSH by asyncssh; imported when somebody connects, since it takes long and much."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import signal
import socket
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, cast

import asyncssh

from release.emulator.machines.link import LinkLost
from release.emulator.machines.ssh.door import (
    Door,
    Login,
    Refused,
    Session,
    Terminal,
    Wanted,
)
from release.emulator.machines.ssh.pipe import Pipe

log = logging.getLogger(__name__)
# It tells of every step of every connection.
logging.getLogger("asyncssh").setLevel(logging.WARNING)

ORDINARY_ENDS = (asyncssh.Error, OSError, LinkLost)
"""How a connection may end that never came to anything."""

_CANNOT_RUN = 127


async def serve(client: socket.socket, door: Door) -> asyncssh.SSHServerConnection:
    """Speak SSH on a connected socket; return once somebody is in."""
    return await asyncssh.run_server(
        client,
        server_factory=lambda: _Visitor(door),
        server_host_keys=[_host_key(door.host_key)],
        encoding=None,
        agent_forwarding=False,
        x11_forwarding=False,
        gss_host=None,
    )


def _host_key(path: Path) -> asyncssh.SSHKey:
    if not path.is_file():
        key = asyncssh.generate_private_key("ssh-ed25519")
        path.touch(mode=0o600)
        key.write_private_key(path)
    return asyncssh.read_private_key(path)


class _Visitor(asyncssh.SSHServer):
    """One connection.

    Args:
        door: The machine that it comes to.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._login: Login | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    async def begin_auth(self, username: str) -> bool:
        """Look up the keys that let this user in."""
        with contextlib.suppress(Refused, ValueError):
            self._login = await self._door.login(username)
            keys = asyncssh.import_authorized_keys(self._login.keys)
            self._connection.set_authorized_keys(keys)
        return True

    def password_auth_supported(self) -> bool:
        return bool(self._door.password)

    def validate_password(self, username: str, password: str) -> bool:
        right = hmac.compare_digest(password.encode(), self._door.password.encode())
        return right and username == self._door.admin and self._login is not None

    def session_requested(self) -> asyncssh.SSHServerProcess[bytes]:
        if self._login is None:
            raise asyncssh.ChannelOpenError(
                asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "nobody has logged in"
            )
        return _Process(self._door, self._login)


class _Process(asyncssh.SSHServerProcess[bytes]):
    """One session of a connection.

    Args:
        door: The machine.
        login: Whose session it is.
    """

    def __init__(self, door: Door, login: Login) -> None:
        super().__init__(lambda _: None, None, 3, allow_scp=False)
        self._door = door
        self._login = login
        self._session: Session | None = None
        self._input: Pipe | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def subsystem_requested(self, subsystem: str) -> bool:  # noqa: ARG002 - the machine knows
        return True

    def session_started(self) -> None:
        """Start it in the machine: asyncssh's own sftp would open files outside."""
        self._do(self._live())

    def signal_received(self, signal: str) -> None:
        """Send a client's signal, such as TERM, to what it started."""
        if self._session:
            self._do(self._door.signal(self._session.number, signal))

    def terminal_size_changed(
        self, width: int, height: int, pixwidth: int, pixheight: int
    ) -> None:
        """Give the terminal the size of the client's window."""
        if self._input:
            self._input.resize(height, width, pixwidth, pixheight)

    def _do(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _live(self) -> None:
        try:
            await self._run()
        except Refused as refused:
            self.channel.write_stderr(f"{refused}\n".encode())
            self.exit(_CANNOT_RUN)
        except LinkLost:
            self.channel.abort()
        except (OSError, asyncssh.Error):
            """The client left first, or speaks no SSH that asyncssh understands."""
        await self.wait_closed()

    async def _run(self) -> None:
        self._session = session = await self._door.open(self._wanted())
        self._input = Pipe(session.stdin)
        await self.redirect(
            # It is only written to; asyncssh's type wants read() too.
            stdin=cast("Any", self._input),
            stdout=session.stdout,
            stderr=session.stderr or asyncssh.PIPE,
            send_eof=False,
        )
        code = await session.ended()
        # As sshd does: what the command left running may hold its output open.
        for kind in (None, asyncssh.EXTENDED_DATA_STDERR):
            await asyncssh.SSHWriter(self, self.channel, kind).drain()
        if code >= 0:
            self.exit(code)
        else:
            name = signal.Signals(-code).name.removeprefix("SIG")
            self.exit_with_signal(name)

    def _wanted(self) -> Wanted:
        client = self.get_extra_info("peername")
        server = self.get_extra_info("sockname")
        given = {
            name: value
            for name, value in self.env.items()
            if name == "LANG" or name.startswith("LC_")
        }
        width, height, *pixels = self.term_size
        terminal = Terminal(
            type=self.term_type or "", size=(height, width, pixels[0], pixels[1])
        )
        return Wanted(
            who=self._login.who,
            command=self.command or "",
            subsystem=self.subsystem or "",
            environment={
                **given,
                "SSH_CLIENT": f"{client[0]} {client[1]} {server[1]}",
                "SSH_CONNECTION": f"{client[0]} {client[1]} {server[0]} {server[1]}",
            },
            terminal=terminal if self.term_type else None,
        )
