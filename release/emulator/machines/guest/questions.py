"""What systemctl answers without changing anything."""

from __future__ import annotations

import fnmatch

from .answers import Answer
from .asked import Asked
from .log_files import tail
from .properties import properties, timestamp
from .supervisor import UP, Supervisor
from .unit_files import full_name

_NOT_RUNNING = 3
_NO_SUCH_UNIT = 4


class Questions:
    """Answers about a supervisor's units.

    Args:
        supervisor: Whose units they are.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    async def status(self, asked: Asked) -> Answer:
        """Describe units, each with the end of its log."""
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
        if status.active not in UP:
            answer.code = answer.code or _NOT_RUNNING

    async def show(self, asked: Asked) -> Answer:
        """Print properties."""
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

    async def cat(self, asked: Asked) -> Answer:
        """Print unit files."""
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

    async def is_active(self, asked: Asked) -> Answer:
        """Say what units are doing."""
        states = [self._supervisor.status(name).active for name in asked.names]
        return Answer(0 if "active" in states else _NOT_RUNNING, out=states)

    async def is_failed(self, asked: Asked) -> Answer:
        """Say whether a unit failed."""
        states = [self._supervisor.status(name).active for name in asked.names]
        return Answer(0 if "failed" in states else 1, out=states)

    async def is_enabled(self, asked: Asked) -> Answer:
        """Say whether a boot starts units."""
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

    async def is_system_running(self, _: Asked) -> Answer:
        """Sum up all units."""
        states = [status.active for status in self._supervisor.services().values()]
        if "failed" in states:
            return Answer(1, out=["degraded"])
        if "activating" in states:
            return Answer(1, out=["starting"])
        return Answer(0, out=["running"])

    async def list_units(self, asked: Asked) -> Answer:
        """List units that do something."""
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

    async def list_files(self, asked: Asked) -> Answer:
        """List unit files."""
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


def _pattern(pattern: str) -> str:
    return pattern if "*" in pattern else full_name(pattern)
