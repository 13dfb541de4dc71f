"""``systemctl`` as the init answers it: the verbs that recipes and Ansible use."""

from __future__ import annotations

import fnmatch
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from .answers import Answer
from .log_files import tail
from .properties import properties, timestamp
from .supervisor import Supervisor, not_emulated
from .unit_files import full_name
from .units import signal_number

_WITH_VALUE = {
    "-p": "property",
    "--property": "property",
    "-P": "value-of",
    "-t": "type",
    "--type": "type",
    "--state": "state",
    "-s": "signal",
    "--signal": "signal",
    "-n": "lines",
    "--lines": "lines",
    "-o": "output",
    "--output": "output",
    "--kill-who": "kill-who",
    "--kill-whom": "kill-who",
    "--job-mode": "job-mode",
}
_FLAGS = {"-q": "quiet", "-a": "all", "-l": "full", "-f": "force"}
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
_NOT_RUNNING = 3
_NO_SUCH_UNIT = 4
_UP = ("active", "activating", "reloading")


@dataclass
class Asked:
    """A command line of systemctl."""

    verb: str = ""
    names: list[str] = field(default_factory=list)
    options: dict[str, list[str]] = field(default_factory=dict)

    def has(self, option: str) -> bool:
        """Tell whether a flag or option was given."""
        return option in self.options


def parse(argv: list[str]) -> Asked:
    """Read a command line of systemctl."""
    asked = Asked()
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if name in _WITH_VALUE:
            given = value if equals else next(words, "")
            asked.options.setdefault(_WITH_VALUE[name], []).append(given)
        elif word == "--version":
            asked.verb = word
        elif word.startswith("--"):
            asked.options.setdefault(name[2:], []).append(value)
        elif word.startswith("-") and len(word) > 1:
            for letter in word[1:]:
                asked.options.setdefault(_FLAGS.get(f"-{letter}", letter), [])
        elif asked.verb:
            asked.names.append(word)
        else:
            asked.verb = word
    if asked.has("failed"):
        asked.options.setdefault("state", []).append("failed")
    asked.verb = asked.verb or "list-units"
    return asked


class Systemctl:
    """Answers for the supervisor.

    Args:
        supervisor: Whose services they are.
        power: Told ``poweroff`` or ``reboot``.
    """

    def __init__(self, supervisor: Supervisor, power: Callable[[str], None]) -> None:
        self._supervisor = supervisor
        self._power = power
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
            "status": self._status,
            "show": self._show,
            "cat": self._cat,
            "is-active": self._is_active,
            "is-failed": self._is_failed,
            "is-enabled": self._is_enabled,
            "is-system-running": self._is_system_running,
            "list-units": self._list_units,
            "list-unit-files": self._list_files,
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

    async def _start(self, asked: Asked) -> Answer:
        missing = self._missing(asked, "start")
        if missing:
            return missing
        if asked.has("no-block"):
            self._supervisor.start_later(asked.names)
            return Answer()
        failed = await self._supervisor.start(asked.names)
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
        await self._supervisor.stop(asked.names)
        return await self._start(asked)

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

    # --- questions --------------------------------------------------------

    async def _status(self, asked: Asked) -> Answer:
        answer = Answer()
        for pattern in asked.names or ["*.service"]:
            for name in self._matching(pattern):
                self._describe(name, asked, answer)
        return answer

    def _describe(self, name: str, asked: Asked, answer: Answer) -> None:
        supervisor = self._supervisor
        file = supervisor.files.read(name)
        if file.path is None:
            answer.code = _NO_SUCH_UNIT
            answer.err.append(f"Unit {name} could not be found.")
            return
        unit, status = supervisor.unit(name), supervisor.status(name)
        enabled = supervisor.files.enabled(file)
        shown = properties(file, unit, status, enabled)
        answer.out += [
            f"● {name} - {shown['Description']}",
            f"     Loaded: {shown['LoadState']} ({file.path}; {enabled})",
            (
                f"     Active: {status.active} ({status.sub})"
                f" since {timestamp(status.since)}"
            ),
        ]
        if status.why:
            answer.out.append(f"     Reason: {status.result}: {status.why}")
        if status.main_pid:
            answer.out.append(f"   Main PID: {status.main_pid}")
        lines = int(asked.options.get("lines", ["10"])[-1])
        shown_lines = tail(supervisor.log_path(name), lines)
        answer.out += ["", *shown_lines] if shown_lines else []
        if status.active not in _UP:
            answer.code = answer.code or _NOT_RUNNING

    async def _show(self, asked: Asked) -> Answer:
        wanted = [
            name
            for given in asked.options.get("property", [])
            + asked.options.get("value-of", [])
            for name in given.split(",")
        ]
        bare = asked.has("value") or asked.has("value-of")
        answer = Answer()
        for pattern in asked.names:
            for name in self._matching(pattern):
                found = self._properties(name)
                names = wanted or list(found)
                answer.out += [
                    found.get(key, "") if bare else f"{key}={found[key]}"
                    for key in names
                    if key in found or bare
                ]
        return answer

    def _properties(self, name: str) -> dict[str, str]:
        file = self._supervisor.files.read(name)
        return properties(
            file,
            self._supervisor.unit(name),
            self._supervisor.status(name),
            self._supervisor.files.enabled(file),
        )

    async def _cat(self, asked: Asked) -> Answer:
        answer = Answer()
        for name in asked.names:
            file = self._supervisor.files.read(name)
            if file.path is None:
                answer.code = 1
                answer.err.append(f"No files found for {name}.")
                continue
            for path in (file.path, *file.drop_ins):
                text = path.read_text(encoding="utf-8", errors="replace")
                answer.out += [f"# {path}", *text.splitlines(), ""]
        return answer

    async def _is_active(self, asked: Asked) -> Answer:
        states = [self._supervisor.status(name).active for name in asked.names]
        return Answer(0 if "active" in states else _NOT_RUNNING, out=states)

    async def _is_failed(self, asked: Asked) -> Answer:
        states = [self._supervisor.status(name).active for name in asked.names]
        return Answer(0 if "failed" in states else 1, out=states)

    async def _is_enabled(self, asked: Asked) -> Answer:
        files = self._supervisor.files
        states = {name: files.enabled(files.read(name)) for name in asked.names}
        answer = Answer()
        for name, state in states.items():
            if state == "not-found":
                answer.err.append(
                    f"Failed to get unit file state for {name}: "
                    "No such file or directory"
                )
            else:
                answer.out.append(state)
        good = {"enabled", "static", "indirect", "alias"}
        answer.code = 0 if good & {*states.values()} else 1
        return answer

    async def _is_system_running(self, _: Asked) -> Answer:
        states = [status.active for status in self._supervisor.services().values()]
        if "failed" in states:
            return Answer(1, out=["degraded"])
        if "activating" in states:
            return Answer(1, out=["starting"])
        return Answer(0, out=["running"])

    async def _list_units(self, asked: Asked) -> Answer:
        answer = Answer()
        for name in self._listed(asked):
            shown = self._properties(name)
            state = {shown[key] for key in ("ActiveState", "SubState", "LoadState")}
            chosen = {s for given in asked.options.get("state", []) for s in [given]}
            if (chosen and not chosen & state) or (
                not chosen
                and not asked.has("all")
                and shown["ActiveState"] == "inactive"
            ):
                continue
            answer.out.append(
                f"  {name} {shown['LoadState']} {shown['ActiveState']} "
                f"{shown['SubState']} {shown['Description']}"
            )
        return answer

    async def _list_files(self, asked: Asked) -> Answer:
        files = self._supervisor.files
        rows = [
            f"{name} {files.enabled(files.read(name))} enabled"
            for name in self._listed(asked)
        ]
        if asked.has("no-legend"):
            return Answer(out=rows)
        header = "UNIT FILE STATE PRESET"
        return Answer(
            0 if rows else 1, out=[header, *rows, "", f"{len(rows)} unit files listed."]
        )

    # --- parts ------------------------------------------------------------

    def _listed(self, asked: Asked) -> list[str]:
        kinds = asked.options.get("type", [])
        patterns = asked.names or ["*"]
        return [
            name
            for name in self._supervisor.names()
            if any(fnmatch.fnmatch(name, _pattern(p)) for p in patterns)
            and (not kinds or name.rpartition(".")[2] in kinds)
        ]

    def _matching(self, pattern: str) -> list[str]:
        if "*" in pattern:
            return fnmatch.filter(self._supervisor.names(), _pattern(pattern))
        return [full_name(pattern)]

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
        return self._supervisor.status(name).active in _UP

    @staticmethod
    def _say(*lines: str) -> Callable[[Asked], Awaitable[Answer]]:
        async def say(_: Asked) -> Answer:
            return Answer(out=[*lines])

        return say


def _pattern(pattern: str) -> str:
    return pattern if "*" in pattern else full_name(pattern)
