"""The program: arguments in, exit code out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from release.cli import archive, environment, load_worker, project
from release.cli.command import Command
from release.cli.terminal import complain, console
from release.errors import ReleaseError, SettingsError, UsageError
from release.redaction import conceal_python

USAGE = 4
"""Exit code of a wrong option or setting, as pytest's."""
COMMANDS = (
    *project.COMMANDS,
    *environment.COMMANDS,
    *archive.COMMANDS,
    *load_worker.COMMANDS,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 1 says that something is amiss."""
    conceal_python()
    options = _parser().parse_args(arguments)
    command: Command = options.command
    try:
        return command.run(options, console())
    except ReleaseError as error:
        complain(str(error))
        return USAGE if isinstance(error, UsageError | SettingsError) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m release",
        description="What stands beside a release; the release itself is "
        "pytest --env NAME.",
    )
    # One of them tells of all.
    parser.set_defaults(commands=COMMANDS)
    parsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        made = parsers.add_parser(
            command.name, help=command.help, description=command.help
        )
        made.set_defaults(command=command)
        for option in (*command.shared, *command.options):
            made.add_argument(option.flag, **option.arguments())
    return parser
