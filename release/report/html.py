"""Pages from documents. Pure: ``release.json`` in, HTML out.

Each section of a report has a module here, which makes what it shows of the document,
and a template in ``templates/parts``, which is told nothing else.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from release.report import (
    changes,
    figures,
    image,
    logs,
    rollout,
    smoke,
    timeline,
    undo,
)
from release.report.failures import failures, next_steps
from release.report.gates import gates
from release.report.record import REFUSED
from release.report.templating import templates
from release.report.top import top

TEMPLATES = Path(__file__).parent / "templates"
STYLE = TEMPLATES / "report.css"
SCRIPTS = ("search.js", "keyboard.js")


def summary(
    record: Mapping[str, Any],
    images: Mapping[str, str],
    sources: Mapping[str, str] | None = None,
) -> str:
    """Return what stands above the tests in a build's report.

    Args:
        record: The build's ``release.json``.
        images: Screenshots as data URLs and the load's pictures as SVG, by their path
            in the build's folder.
        sources: Source of the pages that failed, by their path in the build's folder.
    """
    found = failures(record)
    return (
        templates(TEMPLATES)
        .get_template("summary.html.j2")
        .render(
            _older(record),
            begun=_begun(record),
            images=images,
            sources=sources or {},
            top=top(record),
            failures=found,
            next_steps=next_steps(record, found),
            timeline=timeline.timeline(record, said(record)),
            baked=image.image(record),
            changes=_changes(record),
            rows=rollout.rows(
                rollout.batches(record, "deploy"),
                record["deployment"],
                record["previous"],
            ),
            undone=undo.undo(record),
            smoke=smoke.cards(record),
            endpoints=gates(record["gates"]),
            logs=logs.logs(record),
        )
    )


def page(record: Mapping[str, Any], *, note: str) -> str:
    """Return a build's report as a page of its own, for one without pytest-html's.

    Args:
        record: The build's ``release.json``.
        note: Who wrote it when.
    """
    template = templates(TEMPLATES).get_template("page.html.j2")
    style = STYLE.read_text(encoding="utf-8")
    return template.render(
        record=record,
        title=page_title(record),
        note=note,
        begun=_begun(record),
        summary=summary(record, {}),
        style=style,
        scripts=_scripts(),
    )


def page_title(record: Mapping[str, Any]) -> str:
    """Return what the browser's tab says."""
    return (
        f"{record['verdict']}: {record['build']}, Release of {record['service']} to "
        f"{record['environment']}"
    )


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
    head, end, tail = page.rpartition("</body>")
    return f"{head}{_scripts()}{end}{tail}"


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


def said(record: Mapping[str, Any]) -> dict[str, str]:
    """Return what stages came to, in a few words, by name."""
    found = {}
    if record.get("preflight"):
        found["preflight"] = str(record["preflight"]["summary"])
    if record["image"]:
        kind = "reused" if record["image"]["reused"] else "baked"
        home = record["image"].get("passed_in")
        where = f" from {home}, where it passed" if home else ""
        found["bake"] = f"{kind} image {record['image']['version']}{where}"
    if record["deployment"]:
        found["deploy"] = f"{len(record['deployment']['instances'])} instances proved"
    tests = [test for test in record["tests"] if test["group"] == "smoke"]
    found["smoke"] = figures.counted(tests, "test")
    if record["load"]:
        everything = record["load"]["endpoints"][0]
        sums = figures.counted(record["gates"], "gate")
        found["load"] = f"{everything['requests']:,} requests, {sums}"
    return found


def _begun(record: Mapping[str, Any]) -> bool:
    """Tell whether it began: one that was refused has no part to tell of."""
    return [stage["name"] for stage in record["stages"]] != [REFUSED]


def _changes(record: Mapping[str, Any]) -> list[changes.Resource]:
    return changes.changes((record.get("preflight") or {}).get("what_if") or {})


def _older(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record with what those of older versions lack."""
    return {
        "canary": None,
        "preflight": None,
        "requests": None,
        "rollout": None,
        "touched": False,
        "cleaned": [],
        **record,
    }


def _scripts() -> str:
    texts = [(TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS]
    return "".join(f"<script>\n{text}</script>\n" for text in texts)
