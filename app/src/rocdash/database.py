"""Read the database that the image was built with. Nothing writes to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

Value = str | int | float | None


def rows(
    database: Path, query: str, parameters: Mapping[str, Value]
) -> list[tuple[Value, ...]]:
    """Return all rows of a query.

    The file is opened as immutable: SQLite then takes no lock and writes nothing
    beside it, which the service's user may not do.
    """
    address = f"{database.resolve().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(address, uri=True)) as connection:
        return connection.execute(query, parameters).fetchall()
