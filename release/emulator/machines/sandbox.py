"""Pure: a machine as bubblewrap's arguments.

The root is made of the host's ``/usr``, read-only, and of the machine's own folders.
Process numbers, host name and IPC are the machine's; the network is the host's, since
machines are told apart by their loopback addresses.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

OWN_FOLDERS = ("etc", "opt", "srv", "home", "root", "var", "usr/local")
"""What a disk holds; the rest of the root is the host's or lives in memory."""

PYTHON = "/usr/bin/python3"
GUEST = "/run/guest"
LOGS = "/run/log/units"
_TMP = "/tmp"  # noqa: S108 - the machine's own
_SHM = "/dev/shm"  # noqa: S108 - likewise; services of any user keep files there
_LAUNCH = (
    "import sys; sys.modules['ssl'] = None; sys.path.insert(0, '/run/guest/lib'); "
    "from guest.init import main; main({link})"
)
# What a system needs to look after its own files and users; nothing that reaches
# past its mounts (mknod, sys_admin, dac_read_search).
_CAPABILITIES = (
    "audit_write",
    "chown",
    "dac_override",
    "fowner",
    "fsetid",
    "kill",
    "net_bind_service",
    "setfcap",
    "setgid",
    "setpcap",
    "setuid",
    "sys_chroot",
    "sys_nice",
    "sys_ptrace",
)


class Mode(Enum):
    """What the emulator may do on this computer."""

    ROOT = "root"
    """It is root: the machine has real users."""
    USER = "user"
    """It is not: the machine has one user, who is root there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sandbox:
    """What bubblewrap needs to know."""

    mode: Mode
    disk: Path
    logs: Path
    guest: Path
    """The guest's own programs: ``lib/`` and ``bin/``."""
    hostname: str
    tools: tuple[str, ...]
    """Names in ``guest/bin`` that stand before the host's own."""


def privileges(mode: Mode) -> list[str]:
    """Return the arguments that make the caller root in its sandbox, no more."""
    if mode is Mode.USER:
        return ["--unshare-user", "--uid", "0", "--gid", "0"]
    kept = [w for name in _CAPABILITIES for w in ("--cap-add", f"cap_{name}")]
    return ["--cap-drop", "ALL", *kept]


def as_root(mode: Mode, command: Iterable[str | Path]) -> list[str]:
    """Return a command line that handles disks with the rights of their root.

    Files in a disk may be closed to an ordinary user who owns them.
    """
    words = [os.fspath(word) for word in command]
    if mode is Mode.ROOT:
        return words
    return [
        "bwrap",
        *privileges(mode),
        "--dev-bind",
        "/",
        "/",
        "--die-with-parent",
        "--",
        *words,
    ]


def arguments(sandbox: Sandbox) -> list[str]:
    """Return bubblewrap's arguments, in the order in which it mounts."""
    return [
        *privileges(sandbox.mode),
        *("--unshare-pid", "--unshare-uts", "--unshare-ipc", "--unshare-cgroup-try"),
        *("--hostname", sandbox.hostname),
        *("--die-with-parent", "--as-pid-1", "--new-session", "--clearenv"),
        *_host_folders(),
        *_own_folders(sandbox),
        *("--proc", "/proc", "--dev", "/dev", "--tmpfs", _TMP, "--tmpfs", "/run"),
        *("--chmod", "1777", _TMP, "--chmod", "0755", "/run"),
        *("--chmod", "1777", _SHM),
        *("--dir", "/mnt", "--dir", "/media", "--perms", "0755", "--dir", "/run/host"),
        *("--perms", "0755", "--dir", "/run/log"),
        *("--ro-bind", str(sandbox.guest), GUEST),
        *("--bind", str(sandbox.logs), LOGS),
        *_stand_ins(sandbox),
        *("--chdir", "/", "--setenv", "PATH", f"{GUEST}/bin:/usr/sbin:/usr/bin"),
    ]


def launch(link: int) -> list[str]:
    """Return the command line of the init.

    Args:
        link: The descriptor of its socket pair.
    """
    return [PYTHON, "-I", "-S", "-B", "-c", _LAUNCH.format(link=link)]


def _host_folders() -> list[str]:
    words = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = Path("/", name)
        if path.is_symlink():
            words += ["--symlink", os.fspath(path.readlink()), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    return words


def _own_folders(sandbox: Sandbox) -> list[str]:
    words = []
    for name in OWN_FOLDERS:
        words += ["--bind", str(sandbox.disk / name), f"/{name}"]
    # These two describe the host's /usr, which the machine sees.
    for name in ("etc/alternatives", "var/lib/dpkg"):
        words += ["--ro-bind-try", f"/{name}", f"/{name}"]
    return words


def _stand_ins(sandbox: Sandbox) -> list[str]:
    """Put the tools over the host's own, and where scripts expect them.

    A file can only be bound over one that is there, and /usr is not ours to write:
    /usr/sbin becomes a folder in memory, each of its programs a link.
    """
    words = []
    folder = Path("/usr/sbin")
    links = {}
    if folder.is_dir() and not folder.is_symlink():
        words += ["--ro-bind", str(folder), "/run/host/sbin", "--tmpfs", str(folder)]
        for entry in os.scandir(folder):
            links[entry.name] = (
                os.fspath(Path(entry.path).readlink())
                if entry.is_symlink()
                else f"/run/host/sbin/{entry.name}"
            )
        links |= {name: f"{GUEST}/bin/{name}" for name in sandbox.tools}
    for name in sorted(links):
        words += ["--symlink", links[name], str(folder / name)]
    for name in sandbox.tools:
        program = Path("/usr/bin", name)
        if program.is_file() and not program.is_symlink():
            words += ["--ro-bind", str(sandbox.guest / "bin" / name), str(program)]
    return words
