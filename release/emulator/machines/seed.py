"""The base image: what a machine has in its own folders before anything is added.

Copied from the host by a list of names, so that nothing private comes along: no
passwords, host keys, private keys, tool settings or people.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from release.emulator.machines.sandbox import OWN_FOLDERS

_ETC = (
    "adduser.conf",
    "apache2/mime.types",
    "bash.bashrc",
    "bindresvport.blacklist",
    "ca-certificates",
    "ca-certificates.conf",
    "debian_version",
    "default/locale",
    "default/useradd",
    "deluser.conf",
    "environment",
    "fonts",
    "gai.conf",
    "host.conf",
    "inputrc",
    "issue",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "locale.alias",
    "locale.conf",
    "login.defs",
    "lsb-release",
    "magic",
    "mailcap",
    "mime.types",
    "os-release",
    "pam.conf",
    "pam.d",
    "perl",
    "profile",
    "protocols",
    "python3",
    "python3.10",
    "python3.11",
    "python3.12",
    "python3.13",
    "python3.14",
    "rpc",
    "security",
    "selinux/semanage.conf",
    "services",
    "shells",
    "skel",
    # Not the 300 links beside it, one a certificate: programs that cannot do with
    # the bundle are rare, and each disk's copy would take four times as long.
    "ssl/certs/ca-certificates.crt",
    "ssl/openssl.cnf",
    "sysctl.conf",
    "terminfo",
    "timezone",
    "xattr.conf",
)
_VAR = ("cache", "lib", "log", "mail", "opt", "spool", "tmp")
_LOCAL = ("bin", "etc", "games", "include", "lib", "sbin", "share", "src")
_LAST_SYSTEM_ID = 999
_NOBODY = 65534
_EMPTY = ("alternatives", "dpkg", "sudoers.d", "systemd/system", "ssh", "ssl/private")
_FILES = {
    "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\n"
    "hosts: files dns\nservices: files\nprotocols: files\n",
    "fstab": "",
    "machine-id": "",
    # Login shells set a PATH of their own, without the tools of the machine.
    "profile.d/machine.sh": 'PATH="/run/guest/bin:$PATH"\n',
    "resolv.conf": "",
    "subuid": "",
    "subgid": "",
}


def seed(disk: Path, host: Path = Path("/")) -> None:
    """Fill a new disk.

    Args:
        disk: The disk's folder; made.
        host: The root to copy from.
    """
    for name in OWN_FOLDERS:
        (disk / name).mkdir(parents=True)
    (disk / "root").chmod(0o700)
    etc = disk / "etc"
    for name in _ETC:
        _copy(host / "etc" / name, etc / name)
    for name in _EMPTY:
        (etc / name).mkdir(parents=True, exist_ok=True)
    for name, text in _FILES.items():
        (etc / name).parent.mkdir(exist_ok=True)
        (etc / name).write_text(text, encoding="utf-8")
    _accounts(host / "etc", etc)
    for name in _VAR:
        (disk / "var" / name).mkdir()
    for name, target in (("run", "/run"), ("lock", "/run/lock")):
        (disk / "var" / name).symlink_to(target)
    (disk / "var/tmp").chmod(0o1777)
    for name in ("lib/dpkg", "lib/systemd", "lib/misc", "cache/apt"):
        (disk / "var" / name).mkdir(parents=True, exist_ok=True)
    for name in _LOCAL:
        (disk / "usr/local" / name).mkdir()


def _copy(source: Path, target: Path) -> None:
    """Copy a file, link or folder; what cannot be read does not come along."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError, PermissionError, shutil.Error):
        if source.is_symlink():
            target.symlink_to(source.readlink())
        elif source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        elif source.is_file():
            shutil.copy2(source, target)


def _accounts(host: Path, etc: Path) -> None:
    """Take the host's system users and groups, none of its people."""
    users = _system_lines(host / "passwd")
    groups = _system_lines(host / "group")
    _write(etc / "passwd", [":".join([n, "x", *rest]) for n, _, *rest in users])
    _write(etc / "group", [f"{name}:x:{gid}:" for name, _, gid, *_ in groups])
    _write(
        etc / "shadow", [f"{name}:*:19000:0:99999:7:::" for name, *_ in users], 0o640
    )
    _write(etc / "gshadow", [f"{name}:*::" for name, *_ in groups], 0o640)


def _system_lines(path: Path) -> list[list[str]]:
    rows = [line.split(":") for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        row
        for row in rows
        if row[2:3]
        and row[2].isdigit()
        and (int(row[2]) <= _LAST_SYSTEM_ID or int(row[2]) == _NOBODY)
    ]


def _write(path: Path, lines: list[str], mode: int = 0o644) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    path.chmod(mode)
