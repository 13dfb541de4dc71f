"""Process 1 of a machine: prepare the disk, start the services, obey the host.

1. The host passes one end of a socket pair and, as the first packet, the `Boot`.
2. The disk is made this machine's own; the tools' socket opens; ``ready`` is told.
3. Enabled services start. From now on the host may run commands and ask for the state.
4. On ``shutdown``, SIGTERM or when the host is gone, services stop in order, the init
   ends, and with it all that the machine still runs.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path
from typing import Any

from .accounts import NoSuchUser
from .answers import PACKET_BYTES, Answer
from .commands import Commands
from .control import HostLink, Message, ToolSocket
from .elevation import Elevation
from .invocation import Around
from .log_files import LOGS, tail
from .logs import Log
from .processes import CannotStart, Processes
from .provision import Boot, prepare
from .service import Status
from .sessions import Sessions
from .supervisor import Supervisor
from .syslog import Syslog
from .systemctl import Systemctl
from .unit_files import UnitFiles
from .user_data import run_user_data

_PATH = "/run/guest/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TAIL_LINES = 20


class Init:
    """The machine from inside.

    Args:
        boot: What the host wants of it.
        link: The socket pair's descriptor.
    """

    def __init__(self, boot: Boot, link: int) -> None:
        self._boot = boot
        overrides = {
            "BIND_ADDRESS": boot.address,
            "AZURE_POD_IDENTITY_AUTHORITY_HOST": boot.metadata,
        }
        environment = {"PATH": _PATH, "LANG": "C.UTF-8", **overrides}
        self._processes = Processes()
        around = Around(
            processes=self._processes,
            environment=environment,
            overrides=overrides,
            real_users=boot.real_users,
        )
        self._supervisor = Supervisor(
            files=UnitFiles(),
            around=around,
            logs=LOGS,
            hostname=boot.hostname,
        )
        self._commands = Commands(around)
        self._sessions = Sessions(around)
        self._systemctl = Systemctl(self._supervisor, self._power)
        self._link_number = link
        self._off = asyncio.Event()
        self._how = "poweroff"

    async def run(self) -> str:
        """Live until the machine goes down; return ``poweroff`` or ``reboot``."""
        loop = asyncio.get_running_loop()
        self._processes.listen()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._off.set)
        self._tools = ToolSocket(self._answer, Elevation(self._processes).serve)
        self._syslog = Syslog(Log(LOGS / "syslog.log"))
        link = self._link = HostLink(self._link_number, self._handle, self._off.set)
        link.send({"event": "ready"})
        booting = asyncio.create_task(self._bring_up())
        await self._off.wait()
        booting.cancel()
        # Before anything ends: who is logged in is cut off, and told no exit codes.
        link.send({"event": "going"})
        await asyncio.gather(
            self._commands.kill_all(),
            self._sessions.end_all(),
            self._supervisor.stop_all(),
        )
        await link.settle()
        link.send({"event": "down", "how": self._how})
        return self._how

    async def _bring_up(self) -> None:
        await self._supervisor.boot()
        log = Log(LOGS / "cloud-init.log")
        await run_user_data(self._boot, self._commands, log)

    def _power(self, how: str) -> None:
        self._how = how
        self._off.set()

    async def _answer(self, tool: str, argv: list[str], root: bool) -> Answer:  # noqa: FBT001 - a callback's third word
        if tool == "systemctl":
            return await self._systemctl.answer(argv, root=root)
        return Answer(1, err=[f"the init knows no tool {tool}"])

    # --- the host ---------------------------------------------------------

    async def _handle(self, message: Message, descriptors: list[int]) -> None:
        number = message["id"]
        try:
            reply = await self._do(number, message, descriptors)
        except (NoSuchUser, CannotStart, OSError) as error:
            reply = {"error": str(error)}
        self._link.send({"id": number, **reply})

    async def _do(
        self, number: int, message: Message, descriptors: list[int]
    ) -> dict[str, Any]:
        if message["do"] == "run":
            return await self._run(number, message, descriptors)
        if message["do"] == "kill":
            await self._commands.kill(message["command"])
            return {}
        if message["do"] == "session":
            return await self._sessions.do(number, message["of"], descriptors)
        if message["do"] == "status":
            return {"services": self._state()}
        self._power(message["do"])
        return {}

    async def _run(
        self, number: int, message: Message, descriptors: list[int]
    ) -> dict[str, Any]:
        script, stdout, stderr = descriptors
        try:
            with os.fdopen(script, "rb") as stream:
                text = stream.read()
            running = self._commands.run(
                number,
                script=text,
                environment=message["environment"],
                user=message["user"],
                outputs=(stdout, stderr),
            )
            return {"code": await running}
        finally:
            os.close(stdout)
            os.close(stderr)

    def _state(self) -> dict[str, dict[str, Any]]:
        return {
            name: self._service(name, status)
            for name, status in self._supervisor.services().items()
        }

    def _service(self, name: str, status: Status) -> dict[str, Any]:
        ill = status.active == "failed" or status.sub == "auto-restart"
        log = tail(self._supervisor.log_path(name), _TAIL_LINES) if ill else []
        return {
            "active": status.active,
            "sub": status.sub,
            "result": status.result,
            "why": status.why,
            "main_pid": status.main_pid,
            "restarts": status.restarts,
            "log": [line[:400] for line in log],
        }


def main(link: int) -> None:
    """Be the init of this machine."""
    os.set_inheritable(link, False)  # noqa: FBT003
    with socket.socket(fileno=os.dup(link)) as first:
        boot = Boot.parse(first.recv(PACKET_BYTES).decode())
    # Tools tell the service manager by the name of process 1.
    Path("/proc/self/comm").write_text("systemd", encoding="ascii")
    prepare(boot)

    async def live() -> None:
        await Init(boot, link).run()

    asyncio.run(live())
