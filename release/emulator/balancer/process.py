"""Runs HAProxy, one process for each configuration.

A change starts a new process which takes the listening sockets over from the old
one; only when the new one answers is the old one asked to finish what it has. So a
change refuses no connection and breaks none, and a configuration that cannot start
leaves the old one at work. Each process dies with the one that started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
from collections import deque
from pathlib import Path

from release.emulator.balancer.desired import Frontend, ServerState
from release.emulator.balancer.errors import HaproxyFailed, HaproxyMissing
from release.emulator.balancer.haproxy import (
    find_taken,
    parse_stat,
    parse_states,
    render,
    render_states,
)

_MAX_CONNECTIONS = 4000
_START_TIMEOUT_S = 20.0
_LOOK_EVERY_S = 0.005
_LINES_KEPT = 40

_log = logging.getLogger(__name__)


class _Generation:
    """One HAProxy process, with the configuration that it was started with."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        *,
        socket: str,
        desired: tuple[Frontend, ...],
    ) -> None:
        self.process = process
        self.socket = socket
        self.desired = desired
        self.answers = True
        """Whether it has always answered so far; a dead one may not be reaped yet."""
        self.lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._reader = asyncio.create_task(self._read())

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self.process.returncode is None

    async def _read(self) -> None:
        stream = self.process.stderr
        while stream and (line := await stream.readline()):
            text = line.decode(errors="replace").rstrip()
            self.lines.append(text)
            _log.debug("haproxy %s: %s", self.process.pid, text)

    async def ended(self) -> None:
        """Wait until the process has ended and all its lines are read."""
        await self.process.wait()
        await self._reader

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if there is still somebody to get it."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)


class Balancer:
    """A load balancer on loopback addresses.

    Args:
        folder: Where configuration and control sockets are kept; made if missing.
        path: Folders to look for haproxy and setpriv in, as in PATH.
    """

    def __init__(self, folder: Path, *, path: str | None = None) -> None:
        self._folder = folder
        self._path = path
        self._programs: tuple[str, str] | None = None
        self._current: _Generation | None = None
        self._draining: set[asyncio.Task[None]] = set()
        self._old: list[_Generation] = []
        self._count = 0
        self._lock = asyncio.Lock()

    async def start(self) -> None:
        """Find the programs and sweep what a killed balancer left.

        Raises:
            HaproxyMissing: haproxy or setpriv is not installed.
        """
        path = self._path
        if path is None:
            path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
        haproxy = _find("haproxy", package="haproxy", path=path)
        setpriv = _find("setpriv", package="util-linux", path=path)
        self._programs = (haproxy, setpriv)
        self._folder.mkdir(parents=True, exist_ok=True)
        for stale in self._folder.glob("*.sock*"):
            stale.unlink()

    async def apply(self, desired: tuple[Frontend, ...]) -> None:
        """Balance exactly what is desired, from now on.

        Servers that are known keep their health; others get their first connection
        after their first good probe. Returns when new connections are taken as
        desired.

        Raises:
            AddressTaken: An address and port cannot be listened on. What was
                balanced before still is.
            HaproxyFailed: HAProxy does not start for another reason.
        """
        async with self._lock:
            running = await self._running()
            if running and running.desired == desired:
                return
            if running is None and not desired:
                return
            new = await self._launch(desired, running)
            self._current = new
            if running:
                self._drain(running)

    async def _running(self) -> _Generation | None:
        """Return the process that balances now; end one that no longer answers."""
        current = self._current
        if current and not current.answers:
            current.signal(signal.SIGKILL)
            await current.ended()
        return current if current and current.alive else None

    async def states(self) -> tuple[ServerState, ...]:
        """Return what is known of each server now.

        Raises:
            HaproxyFailed: HAProxy has ended although it should run.
        """
        async with self._lock:
            current = self._current
            if current is None:
                return ()
            text = await self._ask(current, "show stat")
            return parse_stat(text, current.desired)

    async def stop(self) -> None:
        """End all connections and every process."""
        async with self._lock:
            generations = [*self._old, *([self._current] if self._current else [])]
            self._current = None
            for generation in generations:
                generation.signal(signal.SIGKILL)
            for generation in generations:
                await generation.ended()
            if self._draining:
                await asyncio.gather(*self._draining)

    async def _launch(
        self, desired: tuple[Frontend, ...], running: _Generation | None
    ) -> _Generation:
        if self._programs is None:
            await self.start()
        assert self._programs is not None  # noqa: S101 - start() has set it
        haproxy, setpriv = self._programs
        known = await self._known(running)
        self._count += 1
        socket = f"{self._count}.sock"
        self._write(desired, socket, known)
        command = [setpriv, "--pdeathsig", "KILL", haproxy, "-db", "-f", "haproxy.cfg"]
        if running:
            command += ["-x", running.socket]
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self._folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        new = _Generation(process, socket=socket, desired=desired)
        try:
            await self._ready(new)
        except BaseException:
            new.signal(signal.SIGKILL)
            await new.ended()
            (self._folder / socket).unlink(missing_ok=True)
            raise
        return new

    def _write(
        self,
        desired: tuple[Frontend, ...],
        socket: str,
        known: dict[tuple[str, str], dict[str, str]],
    ) -> None:
        config = render(
            desired,
            socket=socket,
            states="haproxy.states",
            max_connections=_MAX_CONNECTIONS,
        )
        (self._folder / "haproxy.cfg").write_text(config)
        (self._folder / "haproxy.states").write_text(render_states(desired, known))

    async def _known(
        self, running: _Generation | None
    ) -> dict[tuple[str, str], dict[str, str]]:
        if running is None:
            return {}
        text = await self._ask(running, "show servers state")
        return parse_states(text, running.desired)

    async def _ready(self, new: _Generation) -> None:
        deadline = asyncio.get_running_loop().time() + _START_TIMEOUT_S
        while True:
            with contextlib.suppress(OSError):
                if await self._send(new, "show version"):
                    return
            if not new.alive:
                await new.ended()
                raise find_taken(new.lines) or _failed("ended", new)
            if asyncio.get_running_loop().time() > deadline:
                raise _failed(f"gave no answer in {_START_TIMEOUT_S:.0f} s", new)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _ask(self, generation: _Generation, command: str) -> str:
        try:
            return await self._send(generation, command)
        except OSError as error:
            generation.answers = False
            raise _failed("does not answer", generation) from error

    async def _send(self, generation: _Generation, command: str) -> str:
        # A socket's path may have 107 bytes, a folder's more: go through its handle.
        folder = os.open(self._folder, os.O_PATH | os.O_DIRECTORY)
        try:
            reader, writer = await asyncio.open_unix_connection(
                f"/proc/self/fd/{folder}/{generation.socket}"
            )
        finally:
            os.close(folder)
        try:
            writer.write(f"{command}\n".encode())
            await writer.drain()
            return (await reader.read()).decode()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _drain(self, generation: _Generation) -> None:
        generation.signal(signal.SIGUSR1)
        self._old.append(generation)
        task = asyncio.create_task(self._forget(generation))
        self._draining.add(task)
        task.add_done_callback(self._draining.discard)

    async def _forget(self, generation: _Generation) -> None:
        await generation.ended()
        (self._folder / generation.socket).unlink(missing_ok=True)
        self._old.remove(generation)


def _find(name: str, *, package: str, path: str) -> str:
    program = shutil.which(name, path=path)
    if program is None:
        raise HaproxyMissing(
            f"The program {name} is not installed; the load balancer needs it.",
            fix=f"sudo apt-get install {package}",
        )
    return program


def _failed(what: str, generation: _Generation) -> HaproxyFailed:
    return HaproxyFailed(
        "\n".join((f"HAProxy {what}. Its last lines:", *generation.lines)),
        fix="restart the embedded Azure; if it stays, report these lines",
    )
