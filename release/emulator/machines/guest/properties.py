"""Pure: the properties that ``systemctl show`` prints."""

from __future__ import annotations

import time

from .service import Status
from .unit_files import UnitFile
from .units import Unit

_EXIT_EXITED = 1  # CLD_EXITED of waitid(2)
_EXIT_KILLED = 2  # CLD_KILLED


def properties(
    file: UnitFile, unit: Unit | None, status: Status, enabled: str
) -> dict[str, str]:
    """Return a unit's properties in the order and spelling of systemd."""
    load = "loaded" if unit or file.path else "not-found"
    if file.masked:
        load = "masked"
    elif file.path and not unit and file.name.endswith(".service"):
        load = "bad-setting"
    found = {
        "Type": unit.type if unit else "",
        "Restart": unit.restart if unit else "",
        "RestartUSec": _span(unit.restart_s) if unit else "",
        "MainPID": str(status.main_pid),
        "StatusText": status.text,
        "Result": status.result,
        "NRestarts": str(status.restarts),
        "ExecMainPID": str(status.main_pid),
        "ExecMainCode": str(_EXIT_KILLED if status.exit_code < 0 else _EXIT_EXITED),
        "ExecMainStatus": str(abs(status.exit_code)),
        "Id": file.name,
        "Names": file.name,
        "Requires": " ".join(unit.requires) if unit else "",
        "Wants": " ".join(unit.wants) if unit else "",
        "After": " ".join(unit.after) if unit else "",
        "Before": " ".join(unit.before) if unit else "",
        "Description": unit.description if unit else file.name,
        "LoadState": load,
        "ActiveState": status.active,
        "SubState": status.sub,
        "FragmentPath": str(file.path or ""),
        "DropInPaths": " ".join(map(str, file.drop_ins)),
        "UnitFileState": "" if enabled == "not-found" else enabled,
        "UnitFilePreset": "enabled" if file.path else "",
        "StateChangeTimestamp": timestamp(status.since),
        "CanStart": _yes(file.path and not file.masked),
        "CanStop": _yes(file.path),
        "CanReload": _yes(unit and unit.commands["ExecReload"]),
        "NeedDaemonReload": "no",
    }
    if unit:
        found |= {
            "User": unit.user,
            "Group": unit.group,
            "WorkingDirectory": unit.working_directory,
            "Environment": " ".join(f"{k}={v}" for k, v in unit.environment.items()),
        }
        for key, commands in unit.commands.items():
            if commands:
                found[key] = " ; ".join(
                    f"{{ path={c.words[0]} ; argv[]={' '.join(c.words)} ; "
                    f"ignore_errors={_yes(c.may_fail)} }}"
                    for c in commands
                )
    return found


def timestamp(seconds: float) -> str:
    """Return a time as systemd prints it."""
    return time.strftime("%a %Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def _span(seconds: float) -> str:
    return f"{seconds * 1000:.0f}ms" if seconds < 1 else f"{seconds:g}s"


def _yes(condition: object) -> str:
    return "yes" if condition else "no"
