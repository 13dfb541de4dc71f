"""The verdict of a release. Pure: outcomes of tests in, one word and a reason out.

Passed only with evidence: at least one smoke test and one load test ran on what was
deployed, nothing failed, nothing was skipped, and every threshold had enough samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
    """The test's own seconds, without its fixtures."""
    text: str = ""
    """Why it failed or was skipped."""
    flaky: str = ""
    """At which try it passed, and after what; "" where it passed at once."""
    evidence: Mapping[str, str] = field(default_factory=dict)
    """What a browser showed when it failed: text, or a file of the build."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a release came to, and why, in a sentence."""

    state: State
    reason: str


def verdict(
    tests: Sequence[Ended],
    *,
    broken: str = "",
    unclear: str = "",
    unfinished: str = "",
    interrupted: str = "",
) -> Verdict:
    """Judge a release by its tests.

    Args:
        tests: All tests that were selected, in the order they ended.
        broken: The stage that failed and why, or "": it says more than the test that
            happened to ask for it first.
        unclear: The stage that could not tell, and why, or "".
        unfinished: The stage that tests prove nothing without and that did not come to
            its end, or "".
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
    missing = unclear or _missing(tests)
    if unfinished and not missing:
        missing = f"the stage {unfinished} did not come to its end"
    if missing:
        return Verdict(state=State.INCONCLUSIVE, reason=missing)
    return Verdict(state=State.PASSED, reason=_counts(tests))


def attached(
    tests: Sequence[Ended], *, broken: str = "", interrupted: str = ""
) -> Verdict:
    """Judge a run that only tested what it found: by the tests that it was asked for.

    Args:
        tests: All tests that were selected, in the order they ended.
        broken: The stage that failed and why, or "".
        interrupted: What ended the run early, or "".
    """
    if broken or interrupted or _ended(tests, Outcome.FAILED):
        return verdict(tests, broken=broken, interrupted=interrupted)
    ran = [test for test in tests if test.outcome is not Outcome.SKIPPED]
    if not ran:
        return Verdict(state=State.INCONCLUSIVE, reason="no test ran")
    unsure = _ended(tests, Outcome.INCONCLUSIVE)
    if unsure:
        return Verdict(state=State.INCONCLUSIVE, reason=_first_line(unsure[0]))
    said = f"{_many(len(ran), 'test')} passed{_flaky(tests)}"
    return Verdict(state=State.PASSED, reason=said)


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
    gate = name.partition("[")[2].removesuffix("]")
    if gate and text.startswith(gate):
        return text
    return f"{name}: {text}" if text else name


def _counts(tests: Sequence[Ended]) -> str:
    smoke = sum(test.group == "smoke" for test in tests)
    load = sum(test.group == "load" for test in tests)
    counts = f"{_many(smoke, 'smoke test')} and {_many(load, 'load gate')} passed"
    return counts + _flaky(tests)


def _flaky(tests: Sequence[Ended]) -> str:
    """Say which tests did not pass at once, or ""."""
    found = [test for test in tests if test.flaky]
    if not found:
        return ""
    first = f"{found[0].nodeid.rpartition('::')[2]} {found[0].flaky}"
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"; {len(found)} flaky: {first}{more}"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
