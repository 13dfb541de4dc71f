"""How templates become pages: escaped, and with figures as a person reads them."""

from __future__ import annotations

import functools
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from release.report import figures, smoke
from release.report.gates import endpoint_title


@functools.cache
def templates(folder: Path) -> Environment:
    """Return the templates of a folder."""
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "duration": figures.duration,
        "endpoint": endpoint_title,
        "moment": figures.moment,
        "number": figures.number,
        "short": figures.short,
        "test": smoke.title,
    }
    return environment
