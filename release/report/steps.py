"""The steps of a stage, from what it said as it went. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any


def theme(text: str) -> str:
    """Return what a line of progress is about: the words before its figures.

    Lines of one theme tell the same thing anew ("measuring 3 of 10 s: ..."), so
    that only the last of them is worth keeping. "" is a theme of its own each time.
    """
    return re.split(r"[\d:]", text, maxsplit=1)[0].strip()


def steps(
    stage: Mapping[str, Any], progress: Sequence[Mapping[str, Any]], *, end_s: float
) -> list[dict[str, Any]]:
    """Return the steps of a stage: text, start and duration in seconds.

    A step lasts until the next one begins. Lines of one theme are one step.

    Args:
        stage: The stage, from `release.json`.
        progress: All that was said, from `release.json`.
        end_s: When a stage that never finished ended.
    """
    first_s = stage["started_s"]
    took_s = stage["duration_s"]
    last_s = end_s if took_s is None else first_s + took_s
    found: list[dict[str, Any]] = []
    said = ""
    for line in progress:
        if line["stage"] != stage["name"] or not first_s <= line["at_s"] <= last_s:
            continue
        about = theme(line["text"])
        if found and about and about == said:
            found[-1]["text"] = line["text"]
        else:
            found.append({"text": line["text"], "started_s": line["at_s"]})
        said = about
    ends = [step["started_s"] for step in found[1:]] + [last_s]
    for step, until_s in zip(found, ends, strict=False):
        step["duration_s"] = round(until_s - step["started_s"], 3)
    return found
