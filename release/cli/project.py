"""Commands about a project: what it needs, how it begins, what it may be told."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from release.azure import codes
from release.cli.command import Command, settings_of
from release.cli.readme import markdown
from release.cli.terminal import table
from release.options import OPTIONS, Option
from release.settings import assignments, reference


def _doctor(options: Namespace, console: Console) -> int:
    # They import selenium, which the other commands need not wait for.
    from release import doctor  # noqa: PLC0415
    from release.browser.programs import Kind  # noqa: PLC0415

    checks = list(
        doctor.examine(
            Path.cwd(),
            options.release_env,
            options=assignments(options.release_set),
            variables=os.environ,
            browsers=[Kind(name) for name in options.release_browser],
        )
    )
    console.print(doctor.table(checks))
    gaps = sum(bool(check.fix) for check in checks)
    if gaps:
        console.print(f"{gaps} gap{'s' if gaps > 1 else ''} to close")
        return 1
    console.print(f"all is there for: pytest --env {options.release_env}")
    return 0


def _init(options: Namespace, console: Console) -> int:
    from release import skeleton  # noqa: PLC0415 - only this command reads it

    made = skeleton.make(Path.cwd(), options.release_name)
    for path in made:
        console.print(str(path))
    console.print("release it to this machine: make release")
    return 0


def _settings(options: Namespace, console: Console) -> int:
    if options.release_markdown:
        sys.stdout.write(markdown(options.commands))
        return 0
    shown = table("setting", "value", "source")
    for row in reference.values(settings_of(options)):
        shown.add_row(*(Text(cell) for cell in row))
    console.print(shown)
    return 0


def _errors(_options: Namespace, _console: Console) -> int:
    sys.stdout.write(codes.markdown())
    return 0


def _schema(_options: Namespace, _console: Console) -> int:
    from release.report import document  # noqa: PLC0415 - it imports numpy

    sys.stdout.write(document.text())
    return 0


COMMANDS = (
    Command(
        name="doctor",
        help="see that all is there that a release needs, and what to do if not",
        run=_doctor,
        options=tuple(one for one in OPTIONS if one.flag == "--browser"),
    ),
    Command(
        name="init",
        help="make a project that is released, in this folder: service, image recipe, "
        "tests, settings, CI; nothing is overwritten",
        run=_init,
        shared=(),
        options=(
            Option(
                flag="--name",
                metavar="NAME",
                default="",
                help="name of the service (default: that of the folder)",
            ),
        ),
    ),
    Command(
        name="settings",
        help="show every setting of an environment and where it comes from",
        run=_settings,
        options=(Option(flag="--markdown", help="print the README's tables"),),
    ),
    Command(
        name="errors",
        help="print what a release does about each error of Azure: docs/errors.md",
        run=_errors,
        shared=(),
    ),
    Command(
        name="schema",
        help="print the JSON Schema of release.json: docs/release.schema.json",
        run=_schema,
        shared=(),
    ),
)
