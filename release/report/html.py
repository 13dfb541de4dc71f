"""Pages from documents. Pure: ``release.json`` in, HTML out."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).parent / "templates"
STYLE = TEMPLATES / "report.css"


def summary(record: Mapping[str, Any]) -> str:
    """Return what stands above the tests in a build's report."""
    return _templates().get_template("summary.html.j2").render(record)


def page(record: Mapping[str, Any]) -> str:
    """Return a build's report as a page of its own, for one without pytest-html's."""
    template = _templates().get_template("page.html.j2")
    style = STYLE.read_text(encoding="utf-8")
    return template.render(record=record, summary=summary(record), style=style)


def index_page(builds: Sequence[Mapping[str, Any]]) -> str:
    """Return the index of all builds as a page of its own."""
    template = _templates().get_template("index.html.j2")
    return template.render(builds=builds, style=STYLE.read_text(encoding="utf-8"))


def headline(record: Mapping[str, Any]) -> str:
    """Return the verdict in one sentence."""
    said = f"{str(record['verdict']).capitalize()}: {record['reason']}."
    rollback = record.get("rollback")
    return f"{said} {rollback['text']}" if rollback else said


@functools.cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "duration": duration,
        "moment": moment,
        "number": number,
        "short": lambda text: str(text)[:12],
    }
    environment.globals["headline"] = headline
    return environment


def duration(seconds: float | None) -> str:
    """Return seconds as a person reads them: 0.42 s, 17.3 s, 4 min 20 s."""
    if seconds is None:
        return "—"
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 120:  # noqa: PLR2004 - two minutes
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def moment(text: str) -> str:
    """Return an ISO time as ``2026-11-23 11:32:05 UTC``."""
    return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S UTC")


def number(value: float | None) -> str:
    """Return a measured number with three significant digits or more."""
    if value is None:
        return "—"
    if value == int(value) or abs(value) >= 100:  # noqa: PLR2004 - enough digits
        return f"{value:,.0f}"
    return f"{value:,.3g}"
