"""Pages from documents. Pure: ``release.json`` in, HTML out."""

from __future__ import annotations

import functools
import html
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from release.report import figures
from release.report.failures import failures, next_steps
from release.report.gates import endpoint_title, gates
from release.report.steps import steps

TEMPLATES = Path(__file__).parent / "templates"
STYLE = TEMPLATES / "report.css"
LOG_LINES = 2000
"""Last lines of the commands' output that a report shows."""


def summary(record: Mapping[str, Any], images: Mapping[str, str]) -> str:
    """Return what stands above the tests in a build's report.

    Args:
        record: The build's ``release.json``.
        images: Screenshots as data URLs and the load's pictures as SVG, by their path
            in the build's folder.
    """
    found = failures(record)
    return (
        _templates()
        .get_template("summary.html.j2")
        .render(
            record,
            images=images,
            failures=found,
            next_steps=next_steps(record, found),
            sentence=sentence(record),
            running=(record["rollback"] or {}).get("deployment", record["deployment"]),
            rows=[_row(stage, record) for stage in record["stages"]],
            ticks=figures.ticks(record["duration_s"]),
            endpoints=gates(record["gates"]),
            shown=record["output"][-LOG_LINES:],
        )
    )


def page(record: Mapping[str, Any]) -> str:
    """Return a build's report as a page of its own, for one without pytest-html's."""
    template = _templates().get_template("page.html.j2")
    style = STYLE.read_text(encoding="utf-8")
    return template.render(record=record, summary=summary(record, {}), style=style)


def headline(record: Mapping[str, Any]) -> str:
    """Return the verdict in one sentence, and what came back in another."""
    rollback = record.get("rollback")
    return f"{sentence(record)} {rollback['text']}" if rollback else sentence(record)


def sentence(record: Mapping[str, Any]) -> str:
    """Return the verdict in one sentence."""
    verdict, reason = str(record["verdict"]).capitalize(), str(record["reason"])
    deployment = record.get("deployment")
    if record["verdict"] == "passed" and deployment:
        count = len(deployment["instances"])
        runs = f"build {deployment['build'] or 'unknown'} runs on {count} instances"
        return f"{verdict}: {runs}; {reason}."
    return f"{verdict}: {reason}" + ("" if reason.endswith((".", "!", "?")) else ".")


def finish(page: str, *, title: str) -> str:
    """Return pytest-html's page, made valid, named, and fit for phones and keyboards.

    Args:
        page: The page that pytest-html wrote.
        title: What the browser's tab says.
    """
    for old, new in REPAIRS:
        page = page.replace(old, new)
    page = re.sub(r"(\d+ [A-Z][a-z ]+),</span>", r"\1</span>", page)
    named = f'<title id="head-title">{html.escape(title)}</title>'
    page = re.sub(r'<title id="head-title">.*?</title>', lambda _: named, page, count=1)
    script = (TEMPLATES / "keyboard.js").read_text(encoding="utf-8")
    head, end, tail = page.rpartition("</body>")
    return f"{head}<script>\n{script}</script>\n{end}{tail}"


_HEAD = """<meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <link rel="icon" href="data:,">"""
REPAIRS = (
    ("<html>", '<html lang="en">'),
    ('<meta charset="utf-8"/>', _HEAD),
    ('<style type="text/css">', "<style>"),
    ('<input checked="true" class="filter"', '<input checked class="filter"'),
    ('<img src="" />', '<img src="data:," alt="">'),
    ('<source src="" type="video/mp4">', '<source src="data:," type="video/mp4">'),
    ("<p>Report generated on", '<p class="made">Report generated on'),
)
"""What pytest-html's page has, and what a valid, small-screen page has instead."""


def _row(stage: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stage as the timeline shows it."""
    whole_s = record["duration_s"] or 1
    took_s = stage["duration_s"]
    if took_s is None:
        took_s = whole_s - stage["started_s"]
    return {
        **stage,
        "left": round(100 * stage["started_s"] / whole_s, 2),
        "width": round(max(100 * took_s / whole_s, 0.4), 2),
        "said": _said(stage["name"], record),
        "steps": steps(stage, record["progress"], end_s=whole_s),
    }


def _said(stage: str, record: Mapping[str, Any]) -> str:
    """Return what a stage came to, in a few words."""
    if stage == "preflight" and record.get("preflight"):
        return str(record["preflight"]["summary"])
    if stage == "bake" and record["image"]:
        kind = "reused" if record["image"]["reused"] else "baked"
        home = record["image"].get("passed_in")
        where = f" from {home}, where it passed" if home else ""
        return f"{kind} image {record['image']['version']}{where}"
    if stage == "deploy" and record["deployment"]:
        return f"{len(record['deployment']['instances'])} instances proved"
    if stage == "smoke":
        smoke = [test for test in record["tests"] if test["group"] == "smoke"]
        return counted(smoke, "test")
    if stage == "load" and record["load"]:
        everything = record["load"]["endpoints"][0]
        return (
            f"{everything['requests']:,} requests, {counted(record['gates'], 'gate')}"
        )
    return ""


def counted(ended: Sequence[Mapping[str, Any]], noun: str) -> str:
    """Return "12 tests passed, 1 failed" for tests or gates."""
    counts = Counter(str(each["outcome"]) for each in ended)
    order = ("passed", "failed", "inconclusive", "skipped")
    said = [f"{counts[name]} {name}" for name in order if counts[name]]
    if not said:
        return f"no {noun}"
    number, _, first = said[0].partition(" ")
    plural = "" if number == "1" else "s"
    return ", ".join((f"{number} {noun}{plural} {first}", *said[1:]))


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
        "clock": figures.clock,
        "duration": figures.duration,
        "endpoint": endpoint_title,
        "moment": figures.moment,
        "number": figures.number,
        "short": figures.short,
    }
    return environment
