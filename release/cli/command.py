"""What a command is, and how it reads its options."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from release.errors import UsageError
from release.options import OPTIONS, Option
from release.settings import Settings, assignments, load

SHARED = tuple(option for option in OPTIONS if option.flag in {"--env", "--set"})
"""What a command takes that is about an environment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One command."""

    name: str
    help: str
    run: Callable[[Namespace, Console], int]
    """Returns its exit code: 1 says that something is amiss."""
    options: tuple[Option, ...] = ()
    """Its own."""
    shared: tuple[Option, ...] = SHARED


def settings_of(options: Namespace) -> Settings:
    """Return the settings of the environment that is named."""
    return load(
        Path.cwd(),
        options.release_env,
        options=assignments(options.release_set),
        variables=os.environ,
    )


def number(flag: str, text: str) -> float:
    """Return the number that an option was given."""
    try:
        return float(text)
    except ValueError:
        raise UsageError(
            f"{flag} {text}: must be a number", fix="such as 0.5"
        ) from None


def count(flag: str, text: str) -> int:
    """Return the number of things that an option was given."""
    if not text.isdecimal() or not int(text):
        raise UsageError(
            f"{flag} {text}: must be a whole number above 0", fix="such as 2"
        )
    return int(text)
