"""``systemctl`` as the init answers it: the verbs that recipes and Ansible use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from .answers import Answer
from .asked import Asked, parse
from .questions import Questions
from .supervisor import UP, Supervisor, not_emulated
from .unit_files import full_name
from .units import signal_number

_READ_ONLY = {
    "status",
    "show",
    "is-active",
    "is-enabled",
    "is-failed",
    "is-system-running",
    "list-units",
    "list-unit-files",
    "cat",
    "get-default",
    "show-environment",
    "--version",
}


class Systemctl:
    """Answers for the supervisor.

    Args:
        supervisor: Whose services they are.
        power: Told ``poweroff`` or ``reboot``.
    """

    def __init__(self, supervisor: Supervisor, power: Callable[[str], None]) -> None:
        self._supervisor = supervisor
        self._power = power
        questions = Questions(supervisor)
        self._verbs: dict[str, Callable[[Asked], Awaitable[Answer]]] = {
            "start": self._start,
            "stop": self._stop,
            "restart": self._restart,
            "try-restart": self._restart,
            "condrestart": self._restart,
            "reload": self._reload,
            "reload-or-restart": self._reload_or_restart,
            "try-reload-or-restart": self._reload_or_restart,
            "force-reload": self._reload_or_restart,
            "kill": self._kill,
            "enable": self._enable,
            "reenable": self._enable,
            "preset": self._enable,
            "disable": self._disable,
            "mask": self._mask,
            "unmask": self._unmask,
            "daemon-reload": self._reread,
            "daemon-reexec": self._reread,
            "reset-failed": self._reset,
            "status": questions.status,
            "show": questions.show,
            "cat": questions.cat,
            "is-active": questions.is_active,
            "is-failed": questions.is_failed,
            "is-enabled": questions.is_enabled,
            "is-system-running": questions.is_system_running,
            "list-units": questions.list_units,
            "list-unit-files": questions.list_files,
            "get-default": self._say("multi-user.target"),
            "set-default": self._say(),
            "show-environment": self._say(),
            "--version": self._say("systemd 252 (stand-in of the embedded Azure)"),
            "poweroff": self._power_verb,
            "halt": self._power_verb,
            "reboot": self._power_verb,
        }

    async def answer(self, argv: list[str], *, root: bool) -> Answer:
        """Do what a command line asks for.

        Args:
            argv: The words after ``systemctl``.
            root: Whether the caller may change anything.
        """
        asked = parse(argv)
        if asked.has("user"):
            return Answer(1, err=["Failed to connect to bus: no user instances here"])
        verb = self._verbs.get(asked.verb)
        if verb is None:
            known = " ".join(sorted(self._verbs))
            return Answer(
                1, err=[f"Unknown command verb {asked.verb}.", f"Known: {known}"]
            )
        if not root and asked.verb not in _READ_ONLY:
            return Answer(1, err=[f"Failed to {asked.verb}: Access denied"])
        if asked.verb not in ("show", "status", "list-units", "list-unit-files"):
            asked.names = [full_name(name) for name in asked.names]
        answer = await verb(asked)
        if asked.has("quiet"):
            answer.out = []
        return answer

    # --- orders -----------------------------------------------------------

    async def _start(self, asked: Asked, also: Sequence[str] = ()) -> Answer:
        """Start what is asked for; `also` goes along, and its failure is its own."""
        missing = self._missing(asked, "start")
        if missing:
            return missing
        names = [*asked.names, *also]
        if asked.has("no-block"):
            self._supervisor.start_later(names)
            return Answer()
        failed = await self._supervisor.start(names)
        failed = {name: failed[name] for name in failed if name not in also}
        return Answer(
            1 if failed else 0,
            err=not_emulated(asked.names)
            + [
                line
                for name, why in failed.items()
                for line in (
                    f"Job for {name} failed: {why}.",
                    f'See "systemctl status {name}" and "journalctl -xeu {name}".',
                )
            ],
        )

    async def _stop(self, asked: Asked) -> Answer:
        await self._supervisor.stop(asked.names)
        unknown = [
            name
            for name in asked.names
            if self._supervisor.files.read(name).path is None
        ]
        return Answer(
            5 if unknown else 0,
            err=[f"Failed to stop {n}: Unit {n} not loaded." for n in unknown],
        )

    async def _restart(self, asked: Asked) -> Answer:
        missing = self._missing(asked, asked.verb)
        if missing:
            return missing
        if asked.verb != "restart":
            asked.names = [n for n in asked.names if self._up(n)]
        dependents = self._supervisor.needing(asked.names)
        await self._supervisor.stop(asked.names)
        return await self._start(asked, dependents)

    async def _reload(self, asked: Asked) -> Answer:
        bad = [n for n in asked.names if not await self._supervisor.reload(n)]
        return Answer(
            1 if bad else 0,
            err=[
                f"Failed to reload {n}: it is not active or has no working ExecReload="
                for n in bad
            ],
        )

    async def _reload_or_restart(self, asked: Asked) -> Answer:
        rest = [n for n in asked.names if not await self._supervisor.reload(n)]
        verb = "try-restart" if asked.verb.startswith("try") else "restart"
        asked.verb, asked.names = verb, rest
        return await self._restart(asked) if rest else Answer()

    async def _kill(self, asked: Asked) -> Answer:
        number = signal_number(asked.options.get("signal", ["SIGTERM"])[-1])
        for name in asked.names:
            self._supervisor.kill(name, number)
        return Answer()

    async def _enable(self, asked: Asked) -> Answer:
        missing = self._missing(asked, asked.verb)
        if missing:
            return missing
        files = self._supervisor.files
        answer = Answer()
        for name in asked.names:
            unit = files.read(name)
            if files.enabled(unit) == "static":
                answer.err.append(
                    f"The unit {name} has no installation config (WantedBy=, "
                    "RequiredBy=, Also=, Alias= in its [Install] section)."
                )
            answer.err += files.enable(unit)
        if asked.has("now"):
            started = await self._start(asked)
            return Answer(started.code, err=answer.err + started.err)
        return answer

    async def _disable(self, asked: Asked) -> Answer:
        files = self._supervisor.files
        missing = [name for name in asked.names if files.read(name).path is None]
        answer = Answer(
            1 if missing else 0,
            err=[
                f"Failed to disable unit: Unit file {name} does not exist."
                for name in missing
            ],
        )
        for name in asked.names:
            answer.err += files.disable(files.read(name))
        if asked.has("now"):
            await self._supervisor.stop(asked.names)
        return answer

    async def _mask(self, asked: Asked) -> Answer:
        answer = Answer()
        for name in asked.names:
            try:
                answer.err += self._supervisor.files.mask(name)
            except ValueError as error:
                answer.code = 1
                answer.err.append(str(error))
        if asked.has("now"):
            await self._supervisor.stop(asked.names)
        return answer

    async def _unmask(self, asked: Asked) -> Answer:
        answer = Answer()
        for name in asked.names:
            answer.err += self._supervisor.files.unmask(name)
        return answer

    async def _reread(self, _: Asked) -> Answer:
        self._supervisor.reread()
        return Answer()

    async def _reset(self, asked: Asked) -> Answer:
        for name in asked.names or self._supervisor.names():
            self._supervisor.reset(name)
        return Answer()

    async def _power_verb(self, asked: Asked) -> Answer:
        self._power("reboot" if asked.verb == "reboot" else "poweroff")
        return Answer()

    def _missing(self, asked: Asked, what: str) -> Answer | None:
        """Refuse units that are not there, as systemctl words it."""
        answer = Answer(5)
        for name in asked.names:
            file = self._supervisor.files.read(name)
            if file.path is None:
                answer.err.append(f"Failed to {what} {name}: Unit {name} not found.")
            elif file.masked:
                answer.err.append(f"Failed to {what} {name}: Unit {name} is masked.")
        return answer if answer.err else None

    def _up(self, name: str) -> bool:
        return self._supervisor.status(name).active in UP

    @staticmethod
    def _say(*lines: str) -> Callable[[Asked], Awaitable[Answer]]:
        async def say(_: Asked) -> Answer:
            return Answer(out=[*lines])

        return say
