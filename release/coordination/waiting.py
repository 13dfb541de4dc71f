"""Load waits for smoke: never a request of load while a browser test runs.

Under ``-n`` tests are dealt in order, so that a worker that waits here has no smoke
test left of its own, and what it waits for runs elsewhere.
"""

from __future__ import annotations

from release.coordination.run import Run
from release.journal import Kind
from release.verdict import Outcome
from release.wait import Seen, wait_until

LONGEST_S = 3600
LOOK_S = 0.1


def for_smoke(run: Run) -> None:
    """Wait until every selected smoke test has ended, or a worker has died.

    Raises:
        WaitTimedOut: They did not end within an hour.
    """

    def look() -> Seen[bool]:
        left = set(run.smoke_tests) - set(_ended(run))
        died = run.journal.value("worker_died")
        return Seen(
            what=f"{len(left)} have not ended",
            value=True if died or not left else None,
        )

    wait_until(
        "end of the smoke tests",
        look,
        timeout_s=LONGEST_S,
        interval_s=LOOK_S,
        fix="see which test hangs; give its waits a limit",
    )


def red(run: Run) -> bool:
    """Tell whether a smoke test of this run did not pass."""
    ended = _ended(run)
    return run.journal.value("worker_died") is not None or any(
        ended.get(nodeid) != Outcome.PASSED for nodeid in run.smoke_tests
    )


def _ended(run: Run) -> dict[str, str]:
    return {
        event.data["nodeid"]: event.data["outcome"]
        for event in run.journal.read()
        if event.kind is Kind.TEST_FINISHED
    }
