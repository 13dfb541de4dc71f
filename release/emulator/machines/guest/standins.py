"""The tools that a machine has in place of the host's own.

Each is a small program on PATH and over the host's own of the same name; see `TOOLS`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

from .accounts import NoSuchUser, identity
from .control import ask
from .journalctl import journalctl
from .packages import apt
from .provision import deprovision


def main(tool: str, argv: list[str]) -> int:
    """Be a tool; return its exit code."""
    return TOOLS[tool](argv)


def _systemctl(argv: list[str]) -> int:
    try:
        answer = ask("systemctl", argv)
    except OSError as error:
        return _fail(f"Failed to connect to the init: {error.strerror}")
    for line in answer.err:
        sys.stderr.write(f"{line}\n")
    for line in answer.out:
        sys.stdout.write(f"{line}\n")
    return answer.code


def _service(argv: list[str]) -> int:
    if len(argv) < 2:  # noqa: PLR2004 - a name and a verb
        return _fail("usage: service NAME start|stop|restart|reload|status")
    return _systemctl([argv[1], argv[0]])


def _waagent(argv: list[str]) -> int:
    words = {word.lstrip("-") for word in argv}
    if "version" in words:
        sys.stdout.write("WALinuxAgent-2.9.1.1 (stand-in of the embedded Azure)\n")
        return 0
    if words & {"deprovision", "deprovision+user"}:
        for line in deprovision(user="deprovision+user" in words):
            sys.stdout.write(f"{line}\n")
        return 0
    if words & {"start", "daemon", "run-exthandlers", "setup"}:
        return 0
    return _fail("waagent: the embedded Azure knows -deprovision[+user] and -version")


def _sudo(argv: list[str]) -> int:
    """Run a command as root or as ``-u user``; a login shell with ``-i``."""
    user, words, login = "root", list(argv), False
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option == "--":
            break
        if option in ("-V", "--version"):
            sys.stdout.write("Sudo version 1.9 (stand-in of the embedded Azure)\n")
            return 0
        if option.startswith("--user="):
            user = option.partition("=")[2]
        elif option in ("-u", "--user") or (
            not option.startswith("--") and option.endswith("u")
        ):
            user = words.pop(0) if words else user
        elif option in ("-g", "-p", "-C", "-h", "-r", "-t", "-T", "-U"):
            words[:1] = []
        login = login or option in ("-i", "-s", "--login", "--shell")
    variables = {}
    while words and "=" in words[0] and not words[0].startswith("="):
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    return _become(user, words, variables, login=login)


def _become(
    user: str, words: list[str], variables: dict[str, str], *, login: bool
) -> int:
    try:
        who = identity(user.lstrip("#"), real=_real_users())
    except NoSuchUser as error:
        return _fail(f"sudo: {error}")
    if os.geteuid() not in (0, who.uid):
        return _fail(
            "sudo: this process is not root, and a sandbox cannot give it more rights"
        )
    if login:
        words = [who.shell, "-c", " ".join(words)] if words else [who.shell]
    if not words:
        return 0
    if who.apply and os.geteuid() == 0:
        os.setgroups(who.groups)
        os.setgid(who.gid)
        os.setuid(who.uid)
    environment = {
        **os.environ,
        "HOME": who.home,
        "USER": who.name,
        "LOGNAME": who.name,
        "SUDO_USER": os.environ.get("USER", "root"),
        **variables,
    }
    try:
        os.execvpe(words[0], words, environment)  # noqa: S606 - no shell is wanted
    except OSError as error:
        return _fail(f"sudo: {words[0]}: {error.strerror}")


def _real_users() -> bool:
    """Tell whether this sandbox has users besides root."""
    with open("/proc/self/uid_map", encoding="ascii") as stream:  # noqa: PTH123 - quick to start
        return int(stream.read().split()[2]) > 1


def _cloud_init(argv: list[str]) -> int:
    if argv[:1] == ["status"]:
        sys.stdout.write("status: done\n")
        return 0
    if argv[:1] in (["clean"], ["init"], ["modules"]):
        return 0
    return _fail(f"cloud-init: the embedded Azure knows no {' '.join(argv)}")


def _shutdown(argv: list[str]) -> int:
    return _systemctl(["reboot" if {"-r", "--reboot"} & {*argv} else "poweroff"])


def _hostnamectl(argv: list[str]) -> int:
    if argv[:1] in (["set-hostname"], ["hostname"]) and argv[1:]:
        return _fail("hostnamectl: the name of this machine is its deployment's")
    return subprocess.run(["/usr/bin/hostname"], check=False).returncode


def _verb(verb: str) -> Callable[[list[str]], int]:
    return lambda _: _systemctl([verb])


def _fail(text: str) -> int:
    sys.stderr.write(f"{text}\n")
    return 1


TOOLS: dict[str, Callable[[list[str]], int]] = {
    "apt": apt,
    "apt-get": apt,
    "cloud-init": _cloud_init,
    "halt": _verb("poweroff"),
    "hostnamectl": _hostnamectl,
    "invoke-rc.d": _service,
    "journalctl": journalctl,
    "poweroff": _verb("poweroff"),
    "reboot": _verb("reboot"),
    "service": _service,
    "shutdown": _shutdown,
    "sudo": _sudo,
    "systemctl": _systemctl,
    "waagent": _waagent,
}
"""Every tool by its name."""
