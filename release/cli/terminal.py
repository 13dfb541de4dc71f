"""What commands print to."""

from __future__ import annotations

import sys

from rich import box
from rich.console import Console
from rich.table import Table

WIDTH = 100
"""Characters, where nobody says how wide the output may be."""


def console() -> Console:
    """Return what prints to standard output; a line is cut on a terminal only."""
    is_terminal = sys.stdout.isatty()
    return Console(
        width=None if is_terminal else WIDTH,
        soft_wrap=not is_terminal,
        highlight=False,
    )


def complain(text: str) -> None:
    """Print to standard error, as it is."""
    Console(stderr=True, soft_wrap=True).print(text, markup=False, highlight=False)


def table(*columns: str) -> Table:
    """Return an empty table."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        shown.add_column(column, overflow="fold")
    return shown
