"""Pure: who may run what as whom, in the words of sudoers(5), as far as images use it.

A rule is ``WHO HOSTS=(AS:GROUP) TAGS: COMMANDS``; no password is ever asked, so only a
rule with ``NOPASSWD:`` grants. Aliases, wildcards and ``!`` grant nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

_RULE = re.compile(
    r"(?P<who>\S+)\s+\S+?\s*=\s*(?:\((?P<as>[^):]*)(?::[^)]*)?\)\s*)?"
    r"(?P<tags>(?:[A-Z_]+:\s*)+)(?P<commands>.+)"
)


def allowed(
    lines: Iterable[str],
    *,
    user: str,
    groups: Collection[str],
    become: str,
    command: Sequence[str],
) -> bool:
    """Tell whether a user may run a command as another.

    Args:
        lines: Of all the files of sudoers.
        user: Who asks.
        groups: The groups of who asks.
        become: Whom the program is to run as.
        command: Its program's file, and its arguments.
    """
    names = {user, "ALL", *(f"%{group}" for group in groups)}
    for line in lines:
        rule = _RULE.fullmatch(line.partition("#")[0].strip())
        if rule is None or "NOPASSWD:" not in rule["tags"] or rule["who"] not in names:
            continue
        whom = {name.strip() for name in (rule["as"] or "root").split(",")}
        rules = (one.split() for one in rule["commands"].split(","))
        if whom & {"ALL", become} and any(_covers(one, command) for one in rules):
            return True
    return False


def _covers(rule: list[str], command: Sequence[str]) -> bool:
    """A rule without arguments allows any; one with arguments only these."""
    return rule in (["ALL"], [command[0]], list(command))
