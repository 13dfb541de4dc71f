"""The machine's users and groups: looked up, added and removed.

The files are written here and not by useradd, which a host need not have.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_FIRST_UID = 1000
_SUDOERS = Path("/etc/sudoers.d/90-cloud-init-users")
"""Where cloud-init, and so Azure's own images, let the administrator become root."""
_DYNAMIC_UID = 61184  # systemd's range for DynamicUser=: 61184 to 65519
_DYNAMIC_COUNT = 4336


@dataclass(frozen=True)
class Identity:
    """Who a process runs as. On a machine without real users, only by name."""

    name: str = "root"
    home: str = "/root"
    shell: str = "/bin/sh"
    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = (0,)
    apply: bool = False
    """Whether the sandbox may change users at all, and this one is not root."""


class NoSuchUser(Exception):
    """There is no such user or group."""


def identity(
    user: str,
    *,
    real: bool,
    group: str = "",
    extra_groups: Sequence[str] = (),
    dynamic: bool = False,
) -> Identity:
    """Return who a process is to run as.

    Args:
        user: A name or number; empty is root.
        group: A name or number; empty is the user's own.
        extra_groups: More groups.
        real: Whether the sandbox can change users.
        dynamic: Whether the user is made up for a service.

    Raises:
        NoSuchUser: The user or the group is not on this machine.
    """
    if dynamic and user and not _entry(user):
        uid = _DYNAMIC_UID + zlib.crc32(user.encode()) % _DYNAMIC_COUNT
        return Identity(
            name=user,
            home="/",
            uid=uid,
            gid=uid,
            groups=(uid, *map(_gid, extra_groups)),
            apply=real,
        )
    entry = _entry(user or "root")
    if entry is None:
        raise NoSuchUser(f"there is no user {user} on this machine")
    gid = _gid(group) if group else entry.pw_gid
    return Identity(
        name=entry.pw_name,
        home=entry.pw_dir,
        shell=entry.pw_shell or "/bin/sh",
        uid=entry.pw_uid,
        gid=gid,
        groups=(*os.getgrouplist(entry.pw_name, gid), *map(_gid, extra_groups)),
        apply=real and (entry.pw_uid, gid) != (0, 0),
    )


def add_admin(name: str, ssh_keys: list[str], *, real: bool) -> None:
    """Make the administrator that a deployment names, with its home and keys."""
    if _entry(name) is None:
        uid = next(
            number
            for number in range(_FIRST_UID, 60000)
            if not any(entry.pw_uid == number for entry in pwd.getpwall())
        )
        _append("passwd", f"{name}:x:{uid}:{uid}::/home/{name}:/bin/bash")
        _append("group", f"{name}:x:{uid}:")
        _append("shadow", f"{name}:*:19000:0:99999:7:::")
    who = identity(name, real=real)
    home = Path(who.home)
    keys = home / ".ssh/authorized_keys"
    keys.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys.write_text("".join(f"{key}\n" for key in ssh_keys), encoding="utf-8")
    keys.chmod(0o600)
    if real:
        for path in (home, keys.parent, keys):
            os.chown(path, who.uid, who.gid)
    _SUDOERS.parent.mkdir(parents=True, exist_ok=True)
    # One that an image brings cannot be written to where root is an ordinary user.
    _SUDOERS.unlink(missing_ok=True)
    _SUDOERS.write_text(f"{name} ALL=(ALL) NOPASSWD:ALL\n", encoding="utf-8")
    _SUDOERS.chmod(0o440)


def remove(name: str) -> None:
    """Take a user and its home away."""
    entry = _entry(name)
    if entry is None:
        return
    for file in ("passwd", "group", "shadow", "gshadow"):
        path = Path("/etc", file)
        if path.is_file():
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            path.write_text(
                "".join(line for line in lines if line.partition(":")[0] != name),
                encoding="utf-8",
            )
    shutil.rmtree(entry.pw_dir, ignore_errors=True)
    _SUDOERS.unlink(missing_ok=True)


def _entry(user: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    except KeyError:
        return None


def _gid(group: str) -> int:
    try:
        return int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    except KeyError:
        raise NoSuchUser(f"there is no group {group} on this machine") from None


def _append(file: str, line: str) -> None:
    with Path("/etc", file).open("a", encoding="utf-8") as stream:
        stream.write(f"{line}\n")
