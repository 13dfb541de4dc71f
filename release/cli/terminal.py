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
    return _as_it_is(stderr=False, soft_wrap=not sys.stdout.isatty())


def complain(text: str) -> None:
    """Print to standard error, as it is."""
    _as_it_is(stderr=True, soft_wrap=True).print(text)


def _as_it_is(*, stderr: bool, soft_wrap: bool) -> Console:
    """Return a console to which neither ``[id]`` nor ``:abc:`` means anything."""
    return Console(
        stderr=stderr,
        width=WIDTH if soft_wrap and not stderr else None,
        soft_wrap=soft_wrap,
        markup=False,
        emoji=False,
        highlight=False,
    )


def table(*columns: str) -> Table:
    """Return an empty table."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        shown.add_column(column, overflow="fold")
    return shown
