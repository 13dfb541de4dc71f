"""Where a build comes from: who started it, which change it brings, what is usual."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from release import processes
from release.azure import tags
from release.builds import records
from release.settings.commit import commits, count_since

USUAL = 10
"""Builds that passed, the last so many, whose median is the usual duration."""
LOOKED_AT = 40
"""Builds that are looked at for them."""
MOST = 30
"""Commits that are told."""


def origin(
    root: Path,
    archive: Path,
    *,
    deployed: Mapping[str, str],
    variables: Mapping[str, str],
) -> dict[str, Any]:
    """Return it as JSON.

    Args:
        root: The project's folder.
        archive: ``reports/<environment>``.
        deployed: Tags of what runs when the build begins.
        variables: The process environment: it says who starts it.
    """
    passed = list(islice(_passed(archive), USUAL))
    last = _last(deployed, passed)
    own = commits(root, most=1)
    since = last.get("commit", "").removesuffix("-dirty")
    count = count_since(root, since) if since else None
    return {
        "who": processes.owner(variables),
        "change": asdict(own[0]) if own else None,
        "passed": last if count is not None else None,
        "count": count or 0,
        "commits": [asdict(each) for each in commits(root, since=since, most=MOST)]
        if count
        else [],
        "usual": {
            "duration_s": statistics.median(each["duration_s"] for each in passed),
            "builds": len(passed),
        }
        if passed
        else None,
    }


def _last(deployed: Mapping[str, str], passed: list[dict[str, Any]]) -> dict[str, str]:
    """Return build and commit that passed last here.

    What runs knows it best: others release here too.
    """
    if deployed.get(tags.VERDICT) == tags.PASSED and deployed.get(tags.COMMIT):
        return {"build": deployed[tags.BUILD], "commit": deployed[tags.COMMIT]}
    if passed:
        return {"build": passed[0]["build"], "commit": passed[0]["commit"]}
    return {}


def _passed(archive: Path) -> Iterator[dict[str, Any]]:
    """Yield the builds that passed, newest first."""
    for path in records(archive, "*")[:LOOKED_AT]:
        with suppress(ValueError):  # What is no record says nothing of what is usual.
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["verdict"] == "passed":
                yield record
