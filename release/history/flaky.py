"""Tests that failed and passed on the same image. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from release.history.entry import FLAKY, Entry
from release.verdict import Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Flaky:
    """A test that says now this, now that, of one image."""

    nodeid: str
    images: tuple[str, ...]
    """Versions on which it did both, the newest first."""
    failed: int
    """How often it failed on them."""
    passed: int


def flaky(entries: Sequence[Entry]) -> list[Flaky]:
    """Return the flaky tests of one environment, the worst first.

    Args:
        entries: Its builds, newest first.
    """
    counts: dict[str, dict[str, list[int]]] = defaultdict(dict)
    for each in entries:
        for nodeid, outcome in each.tests.items() if each.image else ():
            kinds = counts[nodeid].setdefault(each.image, [0, 0])
            kinds[0] += outcome in {Outcome.FAILED, FLAKY}
            kinds[1] += outcome in {Outcome.PASSED, FLAKY}
    found = []
    for nodeid, images in counts.items():
        both = {version: kinds for version, kinds in images.items() if all(kinds)}
        if both:
            failed, passed = (
                sum(column) for column in zip(*both.values(), strict=True)
            )
            found.append(
                Flaky(nodeid=nodeid, images=tuple(both), failed=failed, passed=passed)
            )
    return sorted(found, key=lambda each: (-each.failed, each.nodeid))
