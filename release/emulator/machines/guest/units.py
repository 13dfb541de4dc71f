"""Pure: what a service is, read from its unit file.

The directives are those of systemd.service(5), systemd.exec(5) and systemd.kill(5)
that decide whether and how a service runs. Those that only confine or weigh it are
named in `Unit.ignored`.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass

from .unit_files import UnitFile, instance_of
from .words import seconds, specify, split

_UNIT = {
    "Description",
    "Documentation",
    "After",
    "Before",
    "Requires",
    "Requisite",
    "BindsTo",
    "PartOf",
    "Wants",
    "Upholds",
    "ConditionPathExists",
    "AssertPathExists",
    "StartLimitIntervalSec",
    "StartLimitInterval",
    "StartLimitBurst",
}
_SERVICE = {
    "Type",
    "ExecStartPre",
    "ExecStart",
    "ExecStartPost",
    "ExecStop",
    "ExecStopPost",
    "ExecReload",
    "Environment",
    "EnvironmentFile",
    "UnsetEnvironment",
    "WorkingDirectory",
    "User",
    "Group",
    "DynamicUser",
    "UMask",
    "Restart",
    "RestartSec",
    "RestartPreventExitStatus",
    "SuccessExitStatus",
    "RemainAfterExit",
    "PIDFile",
    "TimeoutSec",
    "TimeoutStartSec",
    "TimeoutStopSec",
    "KillSignal",
    "KillMode",
    "StandardOutput",
    "StandardError",
    "StandardInput",
    "SyslogIdentifier",
    "LimitNOFILE",
    "AmbientCapabilities",
    "SupplementaryGroups",
    "NotifyAccess",
    "StartLimitInterval",
    "StartLimitBurst",
    "RuntimeDirectory",
    "StateDirectory",
    "CacheDirectory",
    "LogsDirectory",
    "ConfigurationDirectory",
    "RuntimeDirectoryMode",
    "RuntimeDirectoryPreserve",
}
_FOLDERS = {
    "RuntimeDirectory": "/run",
    "StateDirectory": "/var/lib",
    "CacheDirectory": "/var/cache",
    "LogsDirectory": "/var/log",
    "ConfigurationDirectory": "/etc",
}
_TYPES = ("simple", "exec", "notify", "oneshot", "forking", "idle")


class BadUnit(Exception):
    """A unit file holds something unusable; the text says what."""


@dataclass(frozen=True)
class Command:
    """One Exec line: words whose variables are not expanded yet."""

    words: tuple[str, ...]
    may_fail: bool = False
    literal: bool = False
    """Prefix ``:``: variables are not expanded."""
    privileged: bool = False
    """Prefix ``+`` or ``!``: User= does not apply."""
    renamed: bool = False
    """Prefix ``@``: the second word is the program's name for itself."""


@dataclass(frozen=True)
class Folder:
    """A folder that a service asks for: StateDirectory= and its like."""

    variable: str
    path: str
    volatile: bool


@dataclass(frozen=True)
class Unit:
    """A service as its unit file describes it. Times are seconds."""

    name: str
    description: str
    type: str
    after: tuple[str, ...]
    before: tuple[str, ...]
    requires: tuple[str, ...]
    wants: tuple[str, ...]
    part_of: tuple[str, ...]
    conditions: tuple[str, ...]
    commands: dict[str, tuple[Command, ...]]
    environment: dict[str, str]
    environment_files: tuple[str, ...]
    unset_environment: tuple[str, ...]
    working_directory: str
    user: str
    group: str
    dynamic_user: bool
    extra_groups: tuple[str, ...]
    capabilities: tuple[str, ...]
    """What a service keeps that is not root, such as CAP_NET_BIND_SERVICE."""
    umask: int
    folders: tuple[Folder, ...]
    restart: str
    restart_s: float
    prevent_restart: frozenset[str]
    success_status: frozenset[str]
    remain_after_exit: bool
    pid_file: str
    start_timeout_s: float
    stop_timeout_s: float
    kill_signal: int
    kill_mode: str
    output: str
    error: str
    open_files: int
    start_limit_s: float
    start_limit_burst: int
    ignored: tuple[str, ...]


def usable(file: UnitFile, *, hostname: str) -> Unit:
    """Read a service that is to be started.

    Raises:
        BadUnit: It is not there, masked, or cannot be used.
    """
    if file.path is None:
        raise BadUnit(f"Unit {file.name} not found.")
    if file.masked:
        raise BadUnit(f"Unit {file.name} is masked.")
    return unit_of(file, hostname=hostname)


def unit_of(file: UnitFile, *, hostname: str) -> Unit:
    """Read a service.

    Raises:
        BadUnit: A value cannot be used, or ExecStart= is missing.
    """
    try:
        return _unit_of(file, hostname)
    except ValueError as error:
        raise BadUnit(f"{file.name}: {error}") from None


def specifiers(name: str, hostname: str) -> dict[str, str]:
    """Return what the specifiers of systemd.unit(5) stand for."""
    stem = name.rpartition(".")[0]
    return {
        "n": name,
        "N": stem,
        "p": stem.partition("@")[0],
        "P": stem.partition("@")[0],
        "i": instance_of(name),
        "I": instance_of(name).replace("-", "/"),
        "H": hostname,
        "l": hostname.partition(".")[0],
        "u": "root",
        "U": "0",
        "g": "root",
        "G": "0",
        "h": "/root",
        "s": "/bin/sh",
        "t": "/run",
        "S": "/var/lib",
        "C": "/var/cache",
        "L": "/var/log",
        "E": "/etc",
        "T": "/tmp",  # noqa: S108 - what %T means
        "V": "/var/tmp",  # noqa: S108 - what %V means
        "j": stem.partition("@")[0].rpartition("-")[2],
    }


def _unit_of(file: UnitFile, hostname: str) -> Unit:
    known = specifiers(file.name, hostname)
    service = file.sections.get("Service", {})

    def text(key: str, default: str = "", section: str = "Service") -> str:
        return specify(file.value(section, key, default), known)

    def words(section: str, *keys: str) -> tuple[str, ...]:
        return tuple(specify(word, known) for word in file.words(section, *keys))

    commands = {
        key: tuple(
            command
            for line in service.get(key, [])
            for command in _commands(line, known)
        )
        for key in _SERVICE
        if key.startswith("Exec")
    }
    kind = text("Type", "simple" if commands["ExecStart"] else "oneshot")
    if kind not in _TYPES:
        raise ValueError(f"Type={kind} is not emulated; use {', '.join(_TYPES)}")
    if not commands["ExecStart"] and not commands["ExecStop"]:
        raise ValueError("Service has no ExecStart= setting")
    if len(commands["ExecStart"]) > 1 and kind != "oneshot":
        raise ValueError("Service has more than one ExecStart= setting")
    timeout = text("TimeoutSec", "90s")
    return Unit(
        name=file.name,
        description=text("Description", file.name, "Unit"),
        type=kind,
        after=words("Unit", "After"),
        before=words("Unit", "Before"),
        requires=words("Unit", "Requires", "BindsTo", "Requisite"),
        wants=words("Unit", "Wants", "Upholds"),
        part_of=words("Unit", "PartOf", "BindsTo"),
        conditions=words("Unit", "ConditionPathExists", "AssertPathExists"),
        commands=commands,
        environment=_environment(service.get("Environment", []), known),
        environment_files=tuple(
            specify(value, known) for value in service.get("EnvironmentFile", [])
        ),
        unset_environment=words("Service", "UnsetEnvironment"),
        working_directory=text("WorkingDirectory"),
        user=text("User"),
        group=text("Group"),
        dynamic_user=_yes(text("DynamicUser")),
        extra_groups=words("Service", "SupplementaryGroups"),
        capabilities=words("Service", "AmbientCapabilities"),
        umask=int(text("UMask", "0022"), 8),
        folders=_folders(words),
        restart=text("Restart", "no"),
        restart_s=seconds(text("RestartSec", "100ms")),
        prevent_restart=frozenset(words("Service", "RestartPreventExitStatus")),
        success_status=frozenset(words("Service", "SuccessExitStatus")),
        remain_after_exit=_yes(text("RemainAfterExit")),
        pid_file=text("PIDFile"),
        start_timeout_s=_timeout(
            text(
                "TimeoutStartSec",
                "infinity" if kind == "oneshot" else timeout,
            )
        ),
        stop_timeout_s=_timeout(text("TimeoutStopSec", timeout)),
        kill_signal=signal_number(text("KillSignal", "SIGTERM")),
        kill_mode=text("KillMode", "control-group"),
        output=text("StandardOutput", "journal"),
        error=text("StandardError", "inherit"),
        open_files=_limit(text("LimitNOFILE", "0")),
        start_limit_s=seconds(
            text("StartLimitIntervalSec", section="Unit")
            or text("StartLimitInterval", section="Unit")
            or text("StartLimitInterval", "10s")
        ),
        start_limit_burst=int(
            text("StartLimitBurst", section="Unit") or text("StartLimitBurst", "5")
        ),
        ignored=tuple(
            sorted({*service} - _SERVICE | ({*file.sections.get("Unit", {})} - _UNIT))
        ),
    )


def signal_number(text: str) -> int:
    """Return a signal's number from ``SIGTERM``, ``TERM`` or ``15``.

    Raises:
        ValueError: There is no such signal.
    """
    if text.isdigit():
        return int(text)
    name = text if text.startswith("SIG") else f"SIG{text}"
    try:
        return int(signal.Signals[name])
    except KeyError:
        raise ValueError(f"no such signal: {text}") from None


def _commands(line: str, known: dict[str, str]) -> list[Command]:
    found = []
    group: list[str] = []
    for word in [*split(line), ";"]:
        if word != ";":
            group.append(specify(word, known))
            continue
        if group:
            found.append(_command(group))
        group = []
    return found


def _command(words: list[str]) -> Command:
    program = words[0].lstrip("-@:+!|")
    prefix = words[0][: len(words[0]) - len(program)]
    return Command(
        words=(program, *words[1:]),
        may_fail="-" in prefix,
        literal=":" in prefix,
        privileged="+" in prefix or "!" in prefix,
        renamed="@" in prefix,
    )


def _environment(values: list[str], known: dict[str, str]) -> dict[str, str]:
    pairs = [
        specify(word, known).partition("=") for value in values for word in split(value)
    ]
    return {name: value for name, equals, value in pairs if equals}


def _folders(words: Callable[..., tuple[str, ...]]) -> tuple[Folder, ...]:
    return tuple(
        Folder(
            variable=key.replace("Directory", "_DIRECTORY").upper(),
            path=f"{parent}/{word.partition(':')[0]}",
            volatile=key == "RuntimeDirectory",
        )
        for key, parent in _FOLDERS.items()
        for word in words("Service", key)
    )


def _timeout(text: str) -> float:
    return seconds(text) or float("inf")


def _limit(text: str) -> int:
    last = text.rpartition(":")[2]
    return 0 if last == "infinity" else int(last)


def _yes(text: str) -> bool:
    return text.lower() in ("1", "yes", "y", "true", "t", "on")
