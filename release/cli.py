"""``python -m release``: what stands beside a release.

The release itself is ``pytest --env NAME``.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from release import environments
from release.errors import ReleaseError, SettingsError, UsageError
from release.settings import Settings, assignments, load, reference

USAGE = 4
"""Exit code of a wrong option or setting, as pytest's."""
BROWSERS = ("chrome", "firefox", "edge")
WIDTH = 100
"""Characters, where nobody says how wide the output may be."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 1 says that something is amiss."""
    options = _parser().parse_args(arguments)
    chosen: Callable[[argparse.Namespace, Console], int] = options.command
    try:
        return chosen(options, _console())
    except ReleaseError as error:
        Console(stderr=True, soft_wrap=True).print(str(error), markup=False)
        return USAGE if isinstance(error, UsageError | SettingsError) else 1


def _doctor(options: argparse.Namespace, console: Console) -> int:
    # They import selenium, which the other commands need not wait for.
    from release import doctor  # noqa: PLC0415
    from release.browser.programs import Kind  # noqa: PLC0415

    checks = list(
        doctor.examine(
            Path.cwd(),
            options.env,
            options=assignments(options.set),
            variables=os.environ,
            browser=Kind(options.browser),
        )
    )
    console.print(doctor.table(checks))
    gaps = sum(bool(check.fix) for check in checks)
    if gaps:
        console.print(f"{gaps} gap{'s' if gaps > 1 else ''} to close")
        return 1
    console.print(f"all is there for: pytest --env {options.env}")
    return 0


def _settings(options: argparse.Namespace, console: Console) -> int:
    if options.markdown:
        sys.stdout.write(reference.markdown())
        return 0
    settings = _loaded(options)
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("setting", "value", "source"):
        shown.add_column(column, overflow="fold")
    for path, value, source in reference.values(settings):
        shown.add_row(*(Text(cell) for cell in (path, value, source)))
    console.print(shown)
    return 0


def _up(options: argparse.Namespace, console: Console) -> int:
    settings = _local(options)
    found = environments.up(
        settings.root,
        pace=options.pace,
        progress=lambda text: console.print(text, markup=False),
    )
    console.print(f"the embedded Azure answers at {found.arm_url}, process {found.pid}")
    console.print(f"its certificate authority: {found.ca}", soft_wrap=True)
    console.print(f"stop it: python -m release down --env {settings.environment}")
    return 0


def _down(options: argparse.Namespace, console: Console) -> int:
    settings = _local(options)
    ran = environments.down(settings.root, forget=options.forget)
    said = "stopped" if ran else "did not run"
    kept = "its state is deleted" if options.forget else "its state is kept"
    console.print(f"the embedded Azure {said}; {kept}")
    return 0


def _status(options: argparse.Namespace, console: Console) -> int:
    settings = _local(options)
    found = environments.running(settings.root)
    if found is None:
        console.print("the embedded Azure does not run")
        return 1
    memory_mib = psutil.Process(found.pid).memory_info().rss / 2**20
    asked = environments.requests(found)["count"]
    console.print(f"the embedded Azure answers at {found.arm_url}, process {found.pid}")
    console.print(f"{memory_mib:.0f} MiB of memory, {asked} requests so far")
    return 0


def _loaded(options: argparse.Namespace) -> Settings:
    return load(
        Path.cwd(),
        options.env,
        options=assignments(options.set),
        variables=os.environ,
    )


def _local(options: argparse.Namespace) -> Settings:
    settings = _loaded(options)
    if settings.env.cloud != "local":
        raise UsageError(
            f"environment {settings.environment} is on Azure, not embedded here",
            fix='name one whose cloud is "local"',
        )
    return settings


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m release",
        description="What stands beside a release; the release itself is "
        "pytest --env NAME.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, command: Callable[[argparse.Namespace, Console], int], text: str
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.add_argument(
            "--env", metavar="NAME", help="an environment of release.toml"
        )
        made.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="PATH=VALUE",
            help="set one setting, such as load.users=5",
        )
        made.set_defaults(command=command)
        return made

    add("doctor", _doctor, "see that all is there that a release needs").add_argument(
        "--browser",
        choices=BROWSERS,
        default=BROWSERS[0],
        help="the browser of the smoke tests",
    )
    add("settings", _settings, "show every setting and its source").add_argument(
        "--markdown", action="store_true", help="print the README's tables"
    )
    add("up", _up, "start the embedded Azure").add_argument(
        "--pace",
        type=float,
        default=0,
        metavar="FACTOR",
        help="0 does things at once, 1 takes times like Azure's",
    )
    add("down", _down, "stop the embedded Azure and its machines").add_argument(
        "--forget", action="store_true", help="delete its state too"
    )
    add("status", _status, "tell whether the embedded Azure runs")
    return parser
