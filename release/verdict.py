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


def verdict(
    tests: Sequence[Ended], *, broken: str = "", interrupted: str = ""
) -> Verdict:
    """Judge a release by its tests.

    Args:
        tests: All tests that were selected, in the order they ended.
        broken: The stage that failed and why, or "": it says more than the test that
            happened to ask for it first.
        interrupted: What ended the run early, or "".
    """
    if broken:
        return Verdict(state=State.FAILED, reason=broken)
    failed = _ended(tests, Outcome.FAILED)
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        return Verdict(state=State.FAILED, reason=f"{_first_line(failed[0])}{more}")
    if interrupted:
        return Verdict(state=State.FAILED, reason=f"interrupted: {interrupted}")
    missing = _missing(tests)
    if missing:
        return Verdict(state=State.INCONCLUSIVE, reason=missing)
    return Verdict(state=State.PASSED, reason=_counts(tests))


def _ended(tests: Sequence[Ended], outcome: Outcome) -> list[Ended]:
    return [test for test in tests if test.outcome is outcome]


def _missing(tests: Sequence[Ended]) -> str:
    """Say what evidence is missing for a pass, or ""."""
    unsure = _ended(tests, Outcome.INCONCLUSIVE)
    if unsure:
        return _first_line(unsure[0])
    skipped = _ended(tests, Outcome.SKIPPED)
    if skipped:
        return f"{len(skipped)} skipped, first {_first_line(skipped[0])}"
    for group in ("smoke", "load"):
        if not any(test.group == group for test in tests):
            return f"no {group} test ran"
    return ""


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
