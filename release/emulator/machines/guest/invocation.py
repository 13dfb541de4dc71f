"""One run of a service: its id, its environment and its processes."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .accounts import Identity, NoSuchUser, identity
from .logs import Log
from .processes import CannotStart, Process, Processes, Start
from .units import Command, Unit
from .words import assignments, expand

_EXIT_EXEC = 203  # exit codes of systemd.exec(5)
_EXIT_USER = 217
_EXIT_FOLDER = 233


@dataclass(frozen=True)
class Around:
    """What whatever runs needs of its machine."""

    processes: Processes
    environment: Mapping[str, str]
    """What every process gets."""
    overrides: Mapping[str, str]
    """What wins over the unit: BIND_ADDRESS."""
    real_users: bool
    """Whether the sandbox can change users."""


class Refused(Exception):
    """A command could not be started.

    Args:
        code: The exit code that systemd gives it.
        why: One sentence.
    """

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


class Invocation:
    """From a service's first process to its last.

    Args:
        unit: The service.
        log: Where its output goes.
        around: Its machine.
    """

    def __init__(self, unit: Unit, log: Log, around: Around) -> None:
        self.unit = unit
        self.main_pid = 0
        """What MAINPID is to be."""
        self._log = log
        self._around = around
        self._id = uuid.uuid4().hex
        self._sessions: list[int] = []

    def members(self) -> list[int]:
        """Return its processes."""
        return self._around.processes.members(self._id, self._sessions)

    async def end(self, first: Sequence[int]) -> bool:
        """End all of it; return whether that took no force.

        Args:
            first: The only ones to get the unit's signal; empty is all.
        """
        return await self._around.processes.end(
            self._id,
            self._sessions,
            number=self.unit.kill_signal,
            timeout_s=self.unit.stop_timeout_s,
            first=first,
        )

    def start(
        self, command: Command, environment: Mapping[str, str] | None = None
    ) -> Process:
        """Start a command.

        Raises:
            Refused: The user, a file or the program is not there.
        """
        try:
            process = self._start(command, environment or {})
        except (CannotStart, OSError, ValueError) as error:
            raise Refused(_EXIT_EXEC, f"cannot start: {error}") from None
        except NoSuchUser as error:
            raise Refused(_EXIT_USER, str(error)) from None
        self._sessions.append(process.pid)
        return process

    def _start(self, command: Command, environment: Mapping[str, str]) -> Process:
        who = self._identity(command)
        variables = {**self._environment(who), **environment}
        words = list(command.words)
        if not command.literal:
            words = expand(words[:1], variables)[:1] + expand(words[1:], variables)
        argv = words[1:] if command.renamed else words
        if who.apply and self.unit.capabilities:
            who, argv = _keeping(self.unit.capabilities, who, words)
            words = argv
        self._log.open_pipe()
        opened: list[int] = []
        try:
            stdout, stderr = self._outputs(opened)
            return self._around.processes.start(
                Start(
                    argv=argv,
                    program=words[0],
                    environment=variables,
                    identity=who,
                    folder=self._folder(who),
                    stdin=_opened("/dev/null", os.O_RDONLY, opened),
                    stdout=stdout,
                    stderr=stderr,
                    umask=self.unit.umask,
                    open_files=self.unit.open_files,
                )
            )
        finally:
            for number in opened:
                os.close(number)

    def make_folders(self) -> None:
        """Make RuntimeDirectory= and its like.

        Raises:
            Refused: Their owner is not there, or something is in their place.
        """
        try:
            who = self._identity(Command(words=()))
            for folder in self.unit.folders:
                path = Path(folder.path)
                path.mkdir(parents=True, exist_ok=True)
                if who.apply:
                    os.chown(path, who.uid, who.gid)
        except NoSuchUser as error:
            raise Refused(_EXIT_USER, str(error)) from None
        except OSError as error:
            raise Refused(_EXIT_FOLDER, f"cannot make a folder: {error}") from None

    def remove_folders(self) -> None:
        """Remove what does not outlive a run."""
        for folder in self.unit.folders:
            if folder.volatile:
                shutil.rmtree(folder.path, ignore_errors=True)

    def _identity(self, command: Command) -> Identity:
        unit = self.unit
        stem = unit.name.rpartition(".")[0]
        if command.privileged:
            return identity("", real=self._around.real_users)
        return identity(
            unit.user or (stem if unit.dynamic_user else ""),
            group=unit.group,
            extra_groups=unit.extra_groups,
            real=self._around.real_users,
            dynamic=unit.dynamic_user,
        )

    def _folder(self, who: Identity) -> str:
        folder = self.unit.working_directory
        optional = folder.startswith("-")
        folder = folder.lstrip("-") or "/"
        if folder == "~":
            return who.home
        return "/" if optional and not Path(folder).is_dir() else folder

    def _environment(self, who: Identity) -> dict[str, str]:
        unit = self.unit
        variables = dict(self._around.environment)
        if unit.user or unit.dynamic_user:
            variables |= {
                "HOME": who.home,
                "LOGNAME": who.name,
                "USER": who.name,
                "SHELL": who.shell,
            }
        variables |= {
            "INVOCATION_ID": self._id,
            **_folder_variables(unit),
            **unit.environment,
        }
        for pattern in unit.environment_files:
            variables |= _read_environment(pattern)
        if unit.type == "notify":
            variables["NOTIFY_SOCKET"] = f"/run/systemd/notify/{unit.name}"
        if self.main_pid:
            variables["MAINPID"] = str(self.main_pid)
        variables |= self._around.overrides
        for name in unit.unset_environment:
            variables.pop(name.partition("=")[0], None)
        return variables

    def _outputs(self, opened: list[int]) -> tuple[int, int]:
        stdout = self._output(self.unit.output, self._log.write_end, opened)
        return stdout, self._output(self.unit.error, stdout, opened)

    def _output(self, target: str, inherited: int, opened: list[int]) -> int:
        how, _, path = target.partition(":")
        if how == "null":
            return _opened("/dev/null", os.O_WRONLY, opened)
        if how in ("file", "append", "truncate"):
            flags = os.O_WRONLY | os.O_CREAT
            flags |= {"append": os.O_APPEND, "truncate": os.O_TRUNC}.get(how, 0)
            return _opened(path, flags, opened)
        return inherited if how == "inherit" else self._log.write_end


def _keeping(
    capabilities: Sequence[str], who: Identity, words: list[str]
) -> tuple[Identity, list[str]]:
    """Let setpriv(1) change the user, so that these capabilities stay."""
    kept = ",".join(f"+{n.lower().removeprefix('cap_')}" for n in capabilities)
    groups = ",".join(map(str, who.groups))
    change = [f"--reuid={who.uid}", f"--regid={who.gid}", f"--groups={groups}"]
    keep = [f"--inh-caps={kept}", f"--ambient-caps={kept}"]
    argv = ["/usr/bin/setpriv", *change, *keep, "--", *words]
    return replace(who, apply=False), argv


def _opened(path: str, flags: int, opened: list[int]) -> int:
    number = os.open(path, flags, 0o644)
    opened.append(number)
    return number


def _folder_variables(unit: Unit) -> dict[str, str]:
    paths: dict[str, list[str]] = {}
    for folder in unit.folders:
        paths.setdefault(folder.variable, []).append(folder.path)
    return {name: ":".join(found) for name, found in paths.items()}


def _read_environment(pattern: str) -> dict[str, str]:
    optional = pattern.startswith("-")
    pattern = pattern.lstrip("-")
    paths = matching(pattern) if "*" in pattern else [Path(pattern)]
    found: dict[str, str] = {}
    for path in paths:
        if optional and not path.is_file():
            continue
        found |= assignments(path.read_text(encoding="utf-8"))
    return found


def matching(pattern: str) -> list[Path]:
    """Return the files that a pattern such as ``/etc/app/*.env`` names."""
    return sorted(Path("/").glob(pattern.lstrip("/")))
