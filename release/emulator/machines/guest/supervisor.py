"""All services of the machine: which there are, in which order they start and stop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from .invocation import Around
from .logs import Log
from .service import Service, Status
from .unit_files import UnitFile, UnitFiles, full_name
from .units import BadUnit, Unit, unit_of, usable

UP = ("active", "activating", "reloading")


class Supervisor:
    """Starts and stops services in the order that their units ask for.

    Args:
        files: The unit files.
        around: The machine that the services run on.
        logs: The folder of the logs.
        hostname: The machine's name, for ``%H``.
    """

    def __init__(
        self, *, files: UnitFiles, around: Around, logs: Path, hostname: str
    ) -> None:
        self.files = files
        self.boot_log = Log(logs / "boot.log")
        self.failures: dict[str, str] = {}
        """Units that could not even be tried, and why."""
        self._around = around
        self._logs = logs
        self._hostname = hostname
        self._services: dict[str, Service] = {}
        self._jobs: dict[str, asyncio.Task[bool]] = {}
        self._background: set[asyncio.Task[dict[str, str]]] = set()

    # --- looking ----------------------------------------------------------

    def names(self) -> list[str]:
        """Return every unit that is on disk or was started."""
        return sorted({*self.files.names(), *self._services})

    def status(self, name: str) -> Status:
        """Return what a unit is doing."""
        if name in self._services:
            return self._services[name].status
        if name in self.failures:
            return Status(
                active="failed",
                sub="failed",
                result="resources",
                why=self.failures[name],
            )
        return Status()

    def unit(self, name: str) -> Unit | None:
        """Return what a unit's file says, or None when it says nothing usable."""
        file = self.files.read(name)
        if file.path is None or file.masked or not name.endswith(".service"):
            return None
        try:
            return unit_of(file, hostname=self._hostname)
        except BadUnit:
            return None

    def log_path(self, name: str) -> Path:
        """Return where a unit's log is."""
        return self._logs / f"{name.removesuffix('.service')}.log"

    def services(self) -> dict[str, Status]:
        """Return every service that was started or could not be."""
        names = sorted({*self._services, *self.failures})
        return {name: self.status(name) for name in names}

    # --- orders -----------------------------------------------------------

    async def boot(self) -> None:
        """Start every enabled unit."""
        names = self.files.wanted()
        self.boot_log.say(f"boot: {' '.join(names) or 'no unit is enabled'}")
        for line in not_emulated(names):
            self.boot_log.say(line)
        await self.start(names)

    async def start(self, names: Iterable[str]) -> dict[str, str]:
        """Start units and what they require, in order.

        Returns:
            The units that did not come up, each with one sentence about it.
        """
        wanted = [full_name(name) for name in names]
        chosen = self._with_requirements(wanted)
        before = self._order(chosen)
        jobs = {name: self._job(name, before[name], chosen) for name in _sorted(before)}
        await asyncio.gather(*jobs.values())
        return {
            name: self._why(name)
            for name, job in jobs.items()
            if name in wanted and not job.result()
        }

    def start_later(self, names: Iterable[str]) -> None:
        """Start units without waiting for them."""
        task = asyncio.create_task(self.start(list(names)))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def needing(self, names: Iterable[str]) -> list[str]:
        """Return the other services that stop when these do, of those that are up."""
        wanted = {full_name(name) for name in names}
        return [
            name
            for name in _sorted(self._order(self._with_dependents(wanted)))
            if name not in wanted and self.status(name).active in UP
        ]

    async def stop(self, names: Iterable[str]) -> None:
        """Stop units and what needs them, in the opposite order of their start."""
        chosen = self._with_dependents(names)
        before = self._order(chosen)
        for name in reversed(_sorted(before)):
            if name in self._services:
                await self._services[name].stop()

    async def stop_all(self) -> None:
        """Stop everything, side by side where the order allows it."""
        before = self._order({name: s.unit for name, s in self._services.items()})
        stopped: dict[str, asyncio.Task[None]] = {}

        async def stop(name: str) -> None:
            later = [stopped[n] for n, first in before.items() if name in first]
            await asyncio.gather(*later)
            await self._services[name].stop()

        for name in reversed(_sorted(before)):
            stopped[name] = asyncio.create_task(stop(name))
        await asyncio.gather(*stopped.values())

    async def reload(self, name: str) -> bool:
        """Run a unit's ExecReload=; return whether it has one and it worked."""
        found = self._services.get(name)
        if found is None or found.status.active != "active":
            return False
        return await found.reload()

    def reread(self) -> None:
        """Read the files of all services again: a daemon-reload."""
        self.failures.clear()
        for name, service in self._services.items():
            service.unit = self.unit(name) or service.unit

    def kill(self, name: str, number: int) -> None:
        """Send a signal to all processes of a unit."""
        if name in self._services:
            self._services[name].kill(number)

    def reset(self, name: str) -> None:
        """Forget that a unit failed."""
        self.failures.pop(name, None)
        if name in self._services:
            self._services[name].reset()

    # --- order ------------------------------------------------------------

    def _with_requirements(self, names: Iterable[str]) -> dict[str, Unit | None]:
        chosen: dict[str, Unit | None] = {}
        waiting = [full_name(name) for name in names]
        while waiting:
            name = waiting.pop(0)
            if name in chosen or not name.endswith(".service"):
                continue
            chosen[name] = unit = self._load(name)
            if unit:
                wanted = [n for n in unit.wants if self.files.read(full_name(n)).path]
                waiting += [full_name(n) for n in (*unit.requires, *wanted)]
        return chosen

    def _with_dependents(self, names: Iterable[str]) -> dict[str, Unit | None]:
        chosen = {name: self.unit(name) for name in names}
        while True:
            more = {
                name: service.unit
                for name, service in self._services.items()
                if name not in chosen
                and {*service.unit.requires, *service.unit.part_of} & {*chosen}
            }
            if not more:
                return chosen
            chosen |= more

    @staticmethod
    def _order(chosen: dict[str, Unit | None]) -> dict[str, set[str]]:
        """Return for each unit those of the others that come before it."""
        before: dict[str, set[str]] = {name: set() for name in chosen}
        for name, unit in chosen.items():
            if unit:
                before[name] |= {full_name(n) for n in unit.after} & {*chosen}
                for later in {full_name(n) for n in unit.before} & {*chosen}:
                    before[later].add(name)
        return before

    def _load(self, name: str) -> Unit | None:
        """Read a unit; note why when it cannot be used."""
        file = self.files.read(name)
        self.failures.pop(name, None)
        try:
            unit = usable(file, hostname=self._hostname)
        except BadUnit as error:
            self._note(name, file, str(error))
            return None
        if unit.ignored and name not in self._services:
            self.boot_log.say(f"{name}: not emulated: {', '.join(unit.ignored)}")
        return unit

    def _note(self, name: str, file: UnitFile, why: str) -> None:
        if file.path:
            self.failures[name] = why
        self.boot_log.say(why)

    # --- starting ---------------------------------------------------------

    def _job(
        self, name: str, before: set[str], chosen: dict[str, Unit | None]
    ) -> asyncio.Task[bool]:
        earlier = [self._jobs[n] for n in before if n in self._jobs]
        job = asyncio.create_task(self._start(name, chosen[name], earlier))
        self._jobs[name] = job
        return job

    async def _start(
        self, name: str, unit: Unit | None, earlier: list[asyncio.Task[bool]]
    ) -> bool:
        if earlier:
            await asyncio.wait(earlier)
        if unit is None:
            return False
        service = self._services.get(name)
        if service is None:
            service = Service(unit, Log(self.log_path(name)), self._around)
            self._services[name] = service
        service.unit = unit
        for needed in map(full_name, unit.requires):
            job = self._jobs.get(needed)
            if job and job.done() and not job.result():
                self.failures[name] = f"{needed}, which it requires, did not start"
                service.log.say(self.failures[name])
                return False
        up = await service.start()
        what = "started" if up else f"did not start: {self._why(name)}"
        self.boot_log.say(f"{name} {what}")
        return up

    def _why(self, name: str) -> str:
        return self.failures.get(name) or self.status(name).why or "not found"


def not_emulated(names: Iterable[str]) -> list[str]:
    """Return a line for each unit that a machine of the embedded Azure never runs."""
    return [
        f"{name}: only services run here, no timers, sockets or paths"
        for name in names
        if name.endswith((".timer", ".socket", ".path", ".mount"))
    ]


def _sorted(before: dict[str, set[str]]) -> list[str]:
    """Return names so that each comes after those before it; a cycle is cut."""
    placed: list[str] = []

    def place(name: str, path: frozenset[str]) -> None:
        for earlier in sorted(before[name] - path - {*placed}):
            place(earlier, path | {name})
        if name not in placed:
            placed.append(name)

    for name in sorted(before):
        place(name, frozenset())
    return placed
