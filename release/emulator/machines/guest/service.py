"""One service and its life, in the states of systemd.

Source of the states and results: org.freedesktop.systemd1(5).
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .invocation import Around, Invocation, Refused, matching
from .logs import Log
from .notify import NotifySocket
from .processes import Process
from .units import Command, Unit

_CLEAN_SIGNALS = {
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGPIPE,
}
_RESTART_ON = {
    "always": {"success", "exit-code", "signal", "timeout", "protocol", "resources"},
    "on-success": {"success"},
    "on-failure": {"exit-code", "signal", "timeout", "protocol", "resources"},
    "on-abnormal": {"signal", "timeout"},
    "on-abort": {"signal"},
}


@dataclass
class Status:
    """What a service is doing, in systemd's words."""

    active: str = "inactive"
    sub: str = "dead"
    result: str = "success"
    why: str = ""
    """One sentence about the last failure."""
    main_pid: int = 0
    exit_code: int = 0
    """Of the main process; minus the signal when one ended it."""
    restarts: int = 0
    since: float = field(default_factory=time.time)
    text: str = ""
    """STATUS= of a notifying service."""

    def become(self, active: str, sub: str) -> None:
        """Move to another state."""
        if active != self.active:
            self.since = time.time()
        self.active, self.sub = active, sub


class _Failed(Exception):
    """This run of the service ended badly: a result of systemd and a sentence."""

    def __init__(self, result: str, why: str) -> None:
        super().__init__(why)
        self.result = result
        self.why = why


class Service:
    """A service of the machine.

    Args:
        unit: What its file says; replaced by a daemon-reload.
        log: Where its output goes.
        around: The machine.
    """

    def __init__(self, unit: Unit, log: Log, around: Around) -> None:
        self.unit = unit
        self.log = log
        self.status = Status()
        self._around = around
        self._life: asyncio.Task[None] | None = None
        self._started: asyncio.Future[bool] = asyncio.Future()
        self._stop = asyncio.Event()
        self._starts: deque[float] = deque()
        self._main: Process | None = None
        self._run_now = Invocation(unit, log, around)
        self._ready = asyncio.Event()

    # --- orders -----------------------------------------------------------

    async def start(self) -> bool:
        """Start it, unless it runs; return whether it is up (or done)."""
        if self._life is None or self._life.done():
            self._stop.clear()
            self._starts.clear()
            self.status.restarts = 0
            self._started = asyncio.get_running_loop().create_future()
            self._life = asyncio.create_task(self._live())
        return await asyncio.shield(self._started)

    async def stop(self) -> None:
        """Stop it and wait until all of it is gone."""
        self._stop.set()
        if self.status.active == "activating":
            self.kill(self.unit.kill_signal)
        if self._life:
            await asyncio.shield(self._life)

    def reset(self) -> None:
        """Forget a failure."""
        if self.status.active == "failed":
            self.status.become("inactive", "dead")
            self.status.result, self.status.why = "success", ""

    async def reload(self) -> bool:
        """Run ExecReload=; return whether it worked."""
        try:
            for command in self.unit.commands["ExecReload"]:
                await self._run(command, self.unit.start_timeout_s)
        except _Failed as failed:
            self.log.say(f"reload failed: {failed.why}")
            return False
        return bool(self.unit.commands["ExecReload"])

    def kill(self, number: int) -> None:
        """Send a signal to all of its processes."""
        self._around.processes.signal(self._run_now.members(), number)

    # --- life -------------------------------------------------------------

    async def _live(self) -> None:
        try:
            await self._runs()
        finally:
            self._settle(up=False)

    async def _runs(self) -> None:
        """Run it, again and again where its unit says so."""
        while True:
            await self._once()
            if self._stop.is_set() or not self._wants_restart():
                return
            self.status.become("activating", "auto-restart")
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stop.wait(), self.unit.restart_s)
                self.status.become("inactive", "dead")
                return
            self.status.restarts += 1
            self.log.say(f"restart {self.status.restarts} of {self.unit.name}")

    def _wants_restart(self) -> bool:
        code = self.status.exit_code
        names = {str(code)} if code >= 0 else {_signal_name(-code)}
        if names & self.unit.prevent_restart:
            return False
        if self.status.sub == "condition":
            return False
        return self.status.result in _RESTART_ON.get(self.unit.restart, set())

    def _within_limit(self) -> bool:
        now = time.monotonic()
        limit_s = self.unit.start_limit_s
        while self._starts and now - self._starts[0] > limit_s:
            self._starts.popleft()
        self._starts.append(now)
        return not limit_s or len(self._starts) <= self.unit.start_limit_burst

    async def _once(self) -> None:
        """Run the service once, from its first command to its last process."""
        unit, status = self.unit, self.status
        status.result, status.why, status.exit_code, status.text = "success", "", 0, ""
        if not self._within_limit():
            status.result = "start-limit-hit"
            status.why = (
                f"started more than {unit.start_limit_burst} times in "
                f"{unit.start_limit_s:g} s"
            )
            self._fail()
            return
        unmet = next((path for path in unit.conditions if not _met(path)), None)
        if unmet:
            self.log.say(f"not started: condition ConditionPathExists={unmet} not met")
            status.become("inactive", "condition")
            self._settle(up=True)
            return
        self._run_now = Invocation(unit, self.log, self._around)
        self._ready.clear()
        notify = None
        try:
            if unit.type == "notify":
                notify = self._notify_socket()
            await self._activate()
            await self._remain()
        except _Failed as failed:
            status.result, status.why = failed.result, failed.why
        finally:
            if notify:
                notify.close()
        await self._clean_up()
        if status.result == "success":
            status.become("inactive", "dead")
            if self._stop.is_set():
                self.log.say(f"stopped {unit.name}")
        else:
            self._fail()

    def _notify_socket(self) -> NotifySocket:
        try:
            return NotifySocket(self.unit.name, self._told)
        except OSError as error:
            raise _Failed("resources", f"it cannot be listened to: {error}") from None

    def _fail(self) -> None:
        self.log.say(
            f"{self.unit.name} failed ({self.status.result}): {self.status.why}"
        )
        self.status.become("failed", "failed")

    def _settle(self, *, up: bool) -> None:
        if not self._started.done():
            self._started.set_result(up)

    def _told(self, message: dict[str, str]) -> None:
        if message.get("READY") == "1":
            self._ready.set()
        if "STATUS" in message:
            self.status.text = message["STATUS"]
        if message.get("MAINPID", "").isdigit():
            self._be_main(int(message["MAINPID"]))

    async def _activate(self) -> None:
        """Go from nothing to up."""
        unit, status = self.unit, self.status
        deadline = time.monotonic() + unit.start_timeout_s
        self.log.say(f"starting {unit.name}: {unit.description}")
        status.become("activating", "start-pre")
        with _refusals(status):
            self._run_now.make_folders()
        for command in unit.commands["ExecStartPre"]:
            await self._run(command, deadline - time.monotonic())
        status.become("activating", "start")
        if unit.type == "oneshot":
            for command in unit.commands["ExecStart"]:
                await self._run(command, deadline - time.monotonic())
        else:
            await self._start_main(deadline)
        for command in unit.commands["ExecStartPost"]:
            status.sub = "start-post"
            await self._run(command, deadline - time.monotonic())

    async def _start_main(self, deadline: float) -> None:
        unit = self.unit
        with _refusals(self.status):
            process = self._main = self._run_now.start(unit.commands["ExecStart"][0])
        self._be_main(process.pid)
        if unit.type == "notify":
            up = asyncio.create_task(self._ready.wait())
            await self._first(deadline, up, process.ended)
            if not up.done():
                up.cancel()
                self._check(process.ended.result(), "before it said READY=1")
                raise _Failed("protocol", "it ended before it said READY=1")
        elif unit.type == "forking":
            await self._first(deadline, process.ended)
            self._check(process.ended.result(), "while it started")
            self._main = self._daemon()
            self._be_main(self._main.pid if self._main else 0)

    async def _first(self, deadline: float, *futures: asyncio.Future[Any]) -> None:
        stop = asyncio.create_task(self._stop.wait())
        waiting: list[asyncio.Future[Any]] = [*futures, stop]
        try:
            done, _ = await asyncio.wait(
                waiting,
                timeout=_finite(deadline - time.monotonic()),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            stop.cancel()
        if not done:
            raise _Failed(
                "timeout",
                f"it was not up within {self.unit.start_timeout_s:g} s "
                "(TimeoutStartSec)",
            )
        if stop in done:
            raise _Failed("success", "")

    def _daemon(self) -> Process | None:
        """Return the process that a forking service left behind."""
        with contextlib.suppress(OSError, ValueError):
            if self.unit.pid_file:
                pid = int(Path(self.unit.pid_file).read_text(encoding="ascii"))
                return self._around.processes.adopt(pid)
        members = self._run_now.members()
        return self._around.processes.adopt(min(members)) if members else None

    async def _remain(self) -> None:
        """Stay up until the main process ends or a stop is asked for."""
        unit, status = self.unit, self.status
        alive = self._main is not None
        if not alive and not (unit.remain_after_exit or unit.type == "forking"):
            self.log.say(f"finished {unit.name}")
            self._settle(up=True)
            return
        status.become("active", "running" if alive else "exited")
        self.log.say(f"started {unit.name}")
        self._settle(up=True)
        stop = asyncio.create_task(self._stop.wait())
        if self._main:
            either: list[asyncio.Future[Any]] = [stop, self._main.ended]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if self._main and self._main.ended.done():
            status.exit_code = self._main.ended.result()
            self._check(status.exit_code, "")
        if not self._stop.is_set() and unit.remain_after_exit:
            status.become("active", "exited")
            await stop
        stop.cancel()

    async def _clean_up(self) -> None:
        """End what is left, politely first."""
        unit, status = self.unit, self.status
        status.become("deactivating", "stop")
        environment = {
            "SERVICE_RESULT": status.result,
            "EXIT_CODE": "killed" if status.exit_code < 0 else "exited",
            "EXIT_STATUS": str(abs(status.exit_code)),
        }
        with self._noting("ExecStop"):
            if self._stop.is_set() and status.result == "success":
                for command in unit.commands["ExecStop"]:
                    await self._run(command, unit.stop_timeout_s, environment)
        status.sub = "stop-sigterm"
        await self._end_processes()
        with self._noting("ExecStopPost"):
            for command in unit.commands["ExecStopPost"]:
                await self._run(command, unit.stop_timeout_s, environment)
        self._run_now.remove_folders()
        self.log.drain()
        self._be_main(0)
        self._main = None

    @contextlib.contextmanager
    def _noting(self, what: str) -> Iterator[None]:
        try:
            yield
        except _Failed as failed:
            self.log.say(f"{what}= failed: {failed.why}")

    async def _end_processes(self) -> None:
        unit = self.unit
        main = [self._main.pid] if self._main else []
        if unit.kill_mode == "none":
            return
        first = main if unit.kill_mode in ("mixed", "process") else []
        if not await self._run_now.end(first):
            self.log.say(
                f"{unit.name} did not stop within {unit.stop_timeout_s:g} s "
                "(TimeoutStopSec) and was killed"
            )

    # --- processes --------------------------------------------------------

    def _be_main(self, pid: int) -> None:
        self.status.main_pid = self._run_now.main_pid = pid

    async def _run(
        self,
        command: Command,
        timeout_s: float,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Run a command of the service to its end."""
        try:
            with _refusals(self.status):
                process = self._run_now.start(command, environment)
            code = await asyncio.wait_for(
                asyncio.shield(process.ended), _finite(timeout_s)
            )
            self.status.exit_code = code
            self._check(code, "")
            if self._stop.is_set() and self.status.active == "activating":
                raise _Failed("success", "")  # noqa: TRY301 - one way out of a start
        except asyncio.TimeoutError:  # noqa: UP041 - not the same in Python 3.10
            raise _Failed(
                "timeout", f"{' '.join(command.words)} took over {timeout_s:.0f} s"
            ) from None
        except _Failed:
            if not command.may_fail:
                raise

    def _check(self, code: int, when: str) -> None:
        """Raise when an exit is a failure."""
        when = f" {when}" if when else ""
        if code == 0 or str(code) in self.unit.success_status:
            return
        if code > 0:
            self.status.exit_code = code
            raise _Failed("exit-code", f"it exited with status {code}{when}")
        name = _signal_name(-code)
        clean = self.unit.type != "oneshot" and -code in _CLEAN_SIGNALS
        if clean or name in self.unit.success_status or self._stop.is_set():
            return
        self.status.exit_code = code
        raise _Failed("signal", f"it was ended by {name}{when}")


@contextlib.contextmanager
def _refusals(status: Status) -> Iterator[None]:
    """Turn what could not be started into a failure of the service."""
    try:
        yield
    except Refused as refused:
        status.exit_code = refused.code
        raise _Failed("exit-code", refused.why) from None


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal, of which only the ends have names
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"


def _met(condition: str) -> bool:
    path = condition.lstrip("!|")
    found = bool(matching(path)) if "*" in path else Path(path).exists()
    return found != condition.lstrip("|").startswith("!")


def _finite(seconds: float) -> float | None:
    return None if seconds == float("inf") else max(seconds, 0)
