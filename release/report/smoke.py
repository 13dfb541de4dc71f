"""The smoke tests as a report shows them: each with what its browser saw. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from release.report import figures


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """One smoke test."""

    title: str
    nodeid: str
    outcome: str
    took: str
    picture: str
    """The page at its end in small, as a file of the build, or ""."""
    note: str
    """Why it was skipped, at which try it passed, or ""."""
    flaky: bool
    """Whether it did not pass at once."""


def cards(record: Mapping[str, Any]) -> list[Card]:
    """Return the smoke tests, those that did not pass first.

    A test that asked for a stage which failed did not fail itself: it did not run.
    """
    broken = {
        str(stage["error"]).strip(): f"not run: {stage['name']} failed"
        for stage in record["stages"]
        if stage["error"]
    }
    found = [
        _card(test, broken.get(str(test["text"]).strip(), ""))
        for test in record["tests"]
        if test["group"] == "smoke"
    ]
    order = ("failed", "inconclusive", "skipped", "passed")
    return sorted(found, key=lambda card: order.index(card.outcome))


def _card(test: Mapping[str, Any], not_run: str) -> Card:
    if not_run:
        test = {**test, "outcome": "skipped", "text": not_run}
    evidence = test.get("evidence") or {}
    skipped = test["outcome"] == "skipped"
    return Card(
        title=title(test["nodeid"]),
        nodeid=test["nodeid"],
        outcome=test["outcome"],
        took="" if skipped else figures.duration(test["duration_s"]),
        picture=evidence.get("picture", ""),
        note=str(test["text"]) if skipped else test.get("flaky", ""),
        flaky=bool(test.get("flaky")),
    )


def title(nodeid: str) -> str:
    """Return a test's name as a sentence: "test_a_page[x]" is "a page [x]"."""
    path, bracket, value = nodeid.partition("[")
    words = path.rpartition("::")[2].removeprefix("test_").replace("_", " ")
    return f"{words} {bracket}{value}".rstrip()
