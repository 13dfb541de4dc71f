"""One machine: boots, obeys, shuts down."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import stat
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from release.emulator.machines import guest_files, seccomp
from release.emulator.machines.child import Child
from release.emulator.machines.command import Command, OnOutput
from release.emulator.machines.errors import MachineError, NotRunning
from release.emulator.machines.link import Link, LinkLost, Message
from release.emulator.machines.sandbox import Mode, Sandbox, arguments, launch
from release.emulator.machines.ssh import Listener
from release.emulator.machines.ssh.door import Door
from release.emulator.machines.state import Power, ServiceState, State

_BOOT_TIMEOUT_S = 20
_LOG_BYTES = 1 << 16
_LOG_LINES = 30
_RESOLVER = Path("/etc/resolv.conf")


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """How a machine was made; kept beside its disk."""

    hostname: str
    address: str
    admin: str = ""
    ssh_keys: tuple[str, ...] = ()
    password: str = ""
    """With which the administrator may log in; empty when no password lets in."""
    custom_data: str = ""
    """Base64."""
    provision: bool = True
    """Whether its disk waits for its first boot."""

    def write(self, path: Path) -> None:
        """Keep it; custom data may be private, and a password is."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        partial = path.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps({"schema": 1, **values}), encoding="utf-8")
        partial.replace(path)

    @staticmethod
    def read(path: Path) -> Made:
        """Read what was kept."""
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        del values["schema"]
        return Made(**{**values, "ssh_keys": tuple(values["ssh_keys"])})


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """What all machines of a state folder share."""

    mode: Mode
    guest: Path
    ca_pem: str
    ssh_port: int
    metadata_origin: str = ""


class Machine:
    """A machine whose disk is there.

    Args:
        folder: Its folder: ``disk/``, ``logs/``, ``console.log``, ``machine.json``.
        host: What it shares with the others.
        rebooting: Called when the machine asks for its own reboot.
        went_off: Called when it went down by itself, and does not reboot.
    """

    def __init__(
        self,
        folder: Path,
        host: Host,
        rebooting: Callable[[], Awaitable[None]],
        went_off: Callable[[], None],
    ) -> None:
        self.folder = folder
        self.lock = asyncio.Lock()
        """Held by whoever changes its power or its disk."""
        self._host = host
        self._rebooting = rebooting
        self._went_off = went_off
        self._child: Child | None = None
        self._link: Link | None = None
        self._ssh: Listener | None = None
        self._ready: asyncio.Future[None] | None = None
        self._asked_down = False
        self._how = ""
        self._ended = ""
        self._reboot: asyncio.Task[None] | None = None

    @property
    def disk(self) -> Path:
        """Where its disk is."""
        return self.folder / "disk"

    @property
    def made(self) -> Path:
        """Where it is kept how it was made."""
        return self.folder / "machine.json"

    @property
    def _console(self) -> Path:
        """What its sandbox says; not among its logs, which its root can replace."""
        return self.folder / "console.log"

    @property
    def _host_key(self) -> Path:
        """The key of its SSH server: made at need, new with each new disk."""
        return self.folder / "ssh_host_ed25519_key"

    @property
    def running(self) -> bool:
        """Whether its sandbox is there."""
        return self._child is not None

    # --- power ------------------------------------------------------------

    async def boot(self) -> None:
        """Start the sandbox; return once its services start and SSH answers.

        Raises:
            MachineError: It did not come up; the text has its last lines.
        """
        if self._child is not None:
            if (await self.state()).power is Power.RUNNING:
                return
            await self._child.wait()  # It was on its way down, by itself.
        if not self.made.is_file():
            raise NotRunning(f"{self.folder.name} was deleted", fix="create it again")
        made = Made.read(self.made)
        logs = self.folder / "logs"
        logs.mkdir(exist_ok=True)
        logs.chmod(0o755)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            ours.send(json.dumps(self._boot_words(made)).encode())
            self._child = self._start(made, theirs.fileno())
        self._asked_down, self._how, self._ended = False, "", ""
        self._ready = asyncio.get_running_loop().create_future()
        self._link = Link(ours, self._heard)
        self._child.ended.add_done_callback(self._went_down)
        try:
            await asyncio.wait_for(asyncio.shield(self._ready), _BOOT_TIMEOUT_S)
        except TimeoutError:
            await self.power_off()
            self._ended = f"its init was not ready within {_BOOT_TIMEOUT_S} s"
        except asyncio.CancelledError:
            await self.power_off()
            raise
        if not self.running:
            raise MachineError(
                f"{self.folder.name} did not boot: {self._ended}",
                fix=f"read {self._console} and {logs / 'boot.log'}",
            )
        if made.provision:
            self._host_key.unlink(missing_ok=True)
        try:
            self._listen(made)
        except MachineError:
            await self.power_off()
            raise
        replace(made, provision=False).write(self.made)

    def _listen(self, made: Made) -> None:
        """Open the SSH port."""
        assert self._link is not None  # noqa: S101 - it runs
        door = Door(
            name=self.folder.name,
            link=self._link,
            host_key=self._host_key,
            admin=made.admin,
            password=made.password,
        )
        self._ssh = Listener(door, made.address, self._host.ssh_port)

    def _stop_listening(self) -> None:
        if self._ssh:
            self._ssh.close()
        self._ssh = None

    def _boot_words(self, made: Made) -> Message:
        resolver = ""
        with contextlib.suppress(OSError):
            resolver = _RESOLVER.read_text(encoding="utf-8", errors="replace")
        return {
            "hostname": made.hostname,
            "address": made.address,
            "real_users": self._host.mode is Mode.ROOT,
            "ca_pem": self._host.ca_pem,
            "metadata": f"{self._host.metadata_origin}/{self.folder.name}",
            "resolver": resolver,
            "admin": made.admin,
            "ssh_keys": list(made.ssh_keys),
            "custom_data": made.custom_data,
            "provision": made.provision,
        }

    def _start(self, made: Made, link: int) -> Child:
        """Start bubblewrap; its arguments and the filter travel in memory."""
        sandbox = Sandbox(
            mode=self._host.mode,
            disk=self.disk,
            logs=self.folder / "logs",
            guest=self._host.guest,
            hostname=made.hostname,
            tools=guest_files.tools(),
        )
        words = arguments(sandbox)
        with contextlib.ExitStack() as stack:
            passed = [link]
            if self._host.mode is Mode.USER:
                passed.append(stack.enter_context(_memory(seccomp.program())))
                words += ["--seccomp", str(passed[-1])]
            packed = b"".join(os.fsencode(word) + b"\0" for word in words)
            passed.append(stack.enter_context(_memory(packed)))
            console = stack.enter_context(self._console.open("wb"))
            return Child(
                ["bwrap", "--args", str(passed[-1]), "--", *launch(link)],
                output=console,
                pass_fds=passed,
            )

    async def shut_down(self, *, grace_s: float) -> None:
        """Stop its services in order, then the sandbox; nothing when it is down.

        Args:
            grace_s: Seconds until it is ended by force.
        """
        if self._child is None or self._link is None:
            return
        self._asked_down = True
        child = self._child
        with contextlib.suppress(LinkLost):
            self._link.send({"do": "poweroff"})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(child.wait(), grace_s)
        await self.power_off()

    async def power_off(self) -> None:
        """End the sandbox at once."""
        self._asked_down = True
        if self._child:
            await self._child.kill()

    def _heard(self, message: Message) -> None:
        if message.get("event") == "ready" and self._ready and not self._ready.done():
            self._ready.set_result(None)
        if message.get("event") == "going":
            self._stop_listening()
        if message.get("event") == "down":
            self._how = message["how"]

    def _went_down(self, ended: asyncio.Future[int]) -> None:
        self._child = None
        self._stop_listening()
        if self._link:
            self._link.drain()
            self._link.close()
        self._link = None
        if not self._asked_down and self._how != "poweroff":
            tail = " | ".join(_tail(self._console, 5))
            self._ended = f"its sandbox ended with status {ended.result()}: {tail}"
        if self._how == "reboot" and not self._asked_down:
            self._ended = ""
            self._reboot = asyncio.ensure_future(self._rebooting())
        elif not self._asked_down:
            self._went_off()
        if self._ready and not self._ready.done():
            self._ready.set_result(None)

    # --- use --------------------------------------------------------------

    async def run(
        self,
        script: str,
        *,
        env: Mapping[str, str],
        on_output: OnOutput,
        timeout_s: float,
        user: str | None,
    ) -> int:
        """Run a script; see `Machines.run`."""
        if self._link is None:
            raise self.not_running("to run a command")
        command = Command(self.folder.name, self._link, on_output)
        return await command.run(
            script, environment=env, timeout_s=timeout_s, user=user or ""
        )

    async def state(self) -> State:
        """Return what it is doing."""
        answer = None
        with contextlib.suppress(LinkLost):
            answer = await self._link.ask({"do": "status"}) if self._link else None
        boot_log = tuple(_tail(self.folder / "logs/boot.log", _LOG_LINES))
        if answer is None:
            return State(power=Power.STOPPED, boot_log=boot_log, ended=self._ended)
        return State(
            power=Power.RUNNING,
            services={
                name: ServiceState(**{**service, "log": tuple(service["log"])})
                for name, service in answer["services"].items()
            },
            boot_log=boot_log,
        )

    def not_running(self, why: str) -> NotRunning:
        """Return the error for something that needs a running machine."""
        return NotRunning(
            f"{self.folder.name} does not run, and has to, {why}"
            + (f" ({self._ended})" if self._ended else ""),
            fix="boot it first",
        )


@contextlib.contextmanager
def _memory(data: bytes) -> Iterator[int]:
    """Give a descriptor from which data can be read."""
    number = os.memfd_create("sandbox")
    try:
        os.write(number, data)
        os.lseek(number, 0, os.SEEK_SET)
        yield number
    finally:
        os.close(number)


def _tail(path: Path, lines: int) -> list[str]:
    """Return the last lines of a file that a machine may have replaced.

    It is then no file, or a link to one of the host's: nothing of either is read.
    """
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return []
    with os.fdopen(number, "rb") as stream:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            return []
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(size - _LOG_BYTES, 0))
        return stream.read().decode(errors="replace").splitlines()[-lines:]
