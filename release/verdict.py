"""The verdict of a release. Pure: outcomes of tests in, one word and a reason out.

Passed only with evidence: at least one smoke test and one load test ran, nothing
failed, nothing was skipped, and every threshold had enough samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How one test ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    INCONCLUSIVE = "inconclusive"
    """A gate that had not enough evidence either way."""


class State(StrEnum):
    """The verdict in a word; all but the first exit non-zero."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """One test, as the verdict sees it."""

    nodeid: str
    group: str
    """"smoke" or "load"; "" for others."""
    outcome: Outcome
    duration_s: float
    text: str = ""
    """Why it failed or was skipped."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a release came to, and why, in a sentence."""

    state: State
    reason: str


def verdict(tests: Sequence[Ended], *, interrupted: str = "") -> Verdict:
    """Judge a release by its tests.

    Args:
        tests: All tests that were selected, in the order they ended.
        interrupted: What ended the run early, or "".
    """
    failed = [test for test in tests if test.outcome is Outcome.FAILED]
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        return Verdict(state=State.FAILED, reason=f"{_first_line(failed[0])}{more}")
    if interrupted:
        return Verdict(state=State.FAILED, reason=f"interrupted: {interrupted}")
    unsure = [test for test in tests if test.outcome is Outcome.INCONCLUSIVE]
    if unsure:
        return Verdict(state=State.INCONCLUSIVE, reason=_first_line(unsure[0]))
    skipped = [test for test in tests if test.outcome is Outcome.SKIPPED]
    if skipped:
        return Verdict(
            state=State.INCONCLUSIVE,
            reason=f"{len(skipped)} skipped, first {_first_line(skipped[0])}",
        )
    for group in ("smoke", "load"):
        if not any(test.group == group for test in tests):
            return Verdict(state=State.INCONCLUSIVE, reason=f"no {group} test ran")
    return Verdict(state=State.PASSED, reason=_counts(tests))


def _first_line(test: Ended) -> str:
    name = test.nodeid.rpartition("::")[2]
    text = test.text.strip().partition("\n")[0]
    return f"{name}: {text}" if text else name


def _counts(tests: Sequence[Ended]) -> str:
    smoke = sum(test.group == "smoke" for test in tests)
    load = sum(test.group == "load" for test in tests)
    return f"{_many(smoke, 'smoke test')} and {_many(load, 'load gate')} passed"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
