"""``sudo``: run a command as root, or as ``-u user``.

Root becomes the user by itself, and so does everybody where the machine has one user
only. Elsewhere the init runs the command, when sudoers says so: see `elevation`.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys

from .accounts import Identity, NoSuchUser, identity
from .answers import PACKET_BYTES, SOCKET

_WITH_VALUE = "ugpChrtTUDR"
_LONG_WITH_VALUE = (
    *("--user", "--group", "--prompt", "--close-from", "--host", "--role", "--type"),
    *("--command-timeout", "--other-user", "--chdir", "--chroot"),
)
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def main(tool: str, argv: list[str]) -> int:
    """Become the command, or wait for it; return its exit code."""
    user, words, login = "root", list(argv), False
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option == "--":
            break
        for name, value in _read(option, words):
            if name in ("-V", "--version"):
                sys.stdout.write("Sudo version 1.9 (stand-in of the embedded Azure)\n")
                return 0
            if name in ("-u", "--user"):
                user = value
            login = login or name in ("-i", "-s", "--login", "--shell")
    variables = {}
    while words and words[0].partition("=")[0].isidentifier() and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    try:
        who = identity(user.lstrip("#"), real=_real_users())
        return _as(who, words, variables, login=login)
    except (NoSuchUser, OSError) as error:
        sys.stderr.write(f"{tool}: {' '.join(words)}: {error}\n")
        return 1


def _read(option: str, words: list[str]) -> list[tuple[str, str]]:
    """Return the options that a word holds with their values.

    Letters may stand together, and a value behind its letter; else it is the next of
    `words`, and taken from them.
    """
    if option.startswith("--"):
        name, equals, value = option.partition("=")
        if name in _LONG_WITH_VALUE and not equals:
            value = words.pop(0) if words else ""
        return [(name, value)]
    found: list[tuple[str, str]] = []
    for place, letter in enumerate(option[1:], 2):
        if letter in _WITH_VALUE:
            value = option[place:] or (words.pop(0) if words else "")
            return [*found, (f"-{letter}", value)]
        found.append((f"-{letter}", ""))
    return found


def _for_shell(words: list[str]) -> str:
    """Join words as sudo does: only variables mean something to the shell."""
    quoted = (re.sub(r"[^\w$-]", r"\\\g<0>", word, flags=re.ASCII) for word in words)
    return " ".join(quoted)


def _as(
    who: Identity, words: list[str], variables: dict[str, str], *, login: bool
) -> int:
    if login:
        words = [who.shell, "-c", _for_shell(words)] if words else [who.shell]
    if not words:
        return 0
    environment = {
        **os.environ,
        "HOME": who.home,
        "USER": who.name,
        "LOGNAME": who.name,
        "SUDO_USER": os.environ.get("USER", "root"),
        **variables,
    }
    if os.geteuid() not in (0, who.uid):
        folder = who.home if login else _folder()
        asked = {"user": who.name, "argv": words, "folder": folder}
        return _through_init({**asked, "environment": environment})
    if who.apply and os.geteuid() == 0:
        os.setgroups(who.groups)
        os.setgid(who.gid)
        os.setuid(who.uid)
    if login:
        os.chdir(who.home)
    os.execvpe(words[0], words, environment)  # noqa: S606 - no shell is wanted
    return 0


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - quick to start
    except FileNotFoundError:
        return "/"


def _through_init(asked: dict[str, object]) -> int:
    """Have the init run the command on our streams; end as it ends."""
    text = os.memfd_create("sudo")
    os.write(text, json.dumps(asked).encode())
    os.lseek(text, 0, os.SEEK_SET)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(SOCKET)

        def pass_on(number: int, _frame: object) -> None:
            connection.send(json.dumps({"signal": number}).encode())

        for number in _PASSED_ON:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, pass_on)
        socket.send_fds(connection, [b'{"tool": "sudo"}'], [0, 1, 2, text])
        answer = json.loads(connection.recv(PACKET_BYTES) or b'{"code": -9}')
    if "error" in answer:
        raise PermissionError(answer["error"])
    code = int(answer["code"])
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def _real_users() -> bool:
    """Tell whether this sandbox has users besides root."""
    with open("/proc/self/uid_map", encoding="ascii") as stream:  # noqa: PTH123 - quick to start
        return int(stream.read().split()[2]) > 1
