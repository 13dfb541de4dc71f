"""``sudo``: run a command as root, or as ``-u user``.

Where the machine has real users only root can become another; elsewhere everybody is
root, and a user is a name in the environment.
"""

from __future__ import annotations

import os
import sys

from .accounts import Identity, NoSuchUser, identity

_WITH_VALUE = ("-g", "-p", "-C", "-h", "-r", "-t", "-T", "-U", "-D", "-R")
_LOGIN = ("-i", "-s", "--login", "--shell")


def main(tool: str, argv: list[str]) -> int:
    """Become the command; returns only when that fails."""
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
        elif option == "--user" or (option[1] != "-" and option.endswith("u")):
            user = words.pop(0) if words else user
        elif option in _WITH_VALUE:
            words[:1] = []
        login = login or option in _LOGIN
    variables = {}
    while words and words[0].partition("=")[0].isidentifier() and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    try:
        who = identity(user.lstrip("#"), real=_real_users())
        _become(who, words, variables, login=login)
    except (NoSuchUser, OSError) as error:
        sys.stderr.write(f"{tool}: {' '.join(words)}: {error}\n")
        return 1
    return 0


def _become(
    who: Identity, words: list[str], variables: dict[str, str], *, login: bool
) -> None:
    if os.geteuid() not in (0, who.uid):
        raise PermissionError("not root, and a sandbox cannot give more rights")
    if login:
        words = [who.shell, "-c", " ".join(words)] if words else [who.shell]
    if not words:
        return
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
    if login:
        os.chdir(who.home)
    os.execvpe(words[0], words, environment)  # noqa: S606 - no shell is wanted


def _real_users() -> bool:
    """Tell whether this sandbox has users besides root."""
    with open("/proc/self/uid_map", encoding="ascii") as stream:  # noqa: PTH123 - quick to start
        return int(stream.read().split()[2]) > 1
