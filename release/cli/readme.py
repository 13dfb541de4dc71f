"""The README's tables: settings, variables, options, commands. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from release.cli.command import SHARED, Command
from release.options import OPTIONS, Option
from release.settings import reference


def markdown(commands: Sequence[Command]) -> str:
    """Return them, with these commands."""
    lines = [
        *("### Options of `pytest`", "", "| option | what |", "|---|---|"),
        *_rows(OPTIONS),
        *("", "### Commands of `python -m release`", ""),
        *("| command | what |", "|---|---|"),
    ]
    for command in commands:
        lines.append(f"| `{command.name}` | {command.help} |")
        lines += _rows(command.options, of=f"{command.name} ")
    flags = " and ".join(f"`{option.flag}`" for option in SHARED)
    *most, last = (f"`{each.name}`" for each in commands if not each.shared)
    but = f"{', '.join(most)} and {last}"
    lines += ["", f"Each command but {but} takes {flags} too.", ""]
    return f"{reference.markdown()}\n{chr(10).join(lines)}"


def _rows(options: Sequence[Option], of: str = "") -> Iterator[str]:
    for option in options:
        value = "\\|".join(option.choices) or option.metavar
        value += " ..." if option.several else ""
        flag = f"{of}{option.flag} {value}".strip()
        yield f"| `{flag}` | {option.help} |"
