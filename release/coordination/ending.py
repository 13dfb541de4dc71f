"""The end of a release that was judged: it is tagged, or undone.

Whatever goes wrong at one step, the next is tried, and the verdict tells of it: what
did not pass must not stay live because a disk is full.
"""

from __future__ import annotations

from collections.abc import Callable

from release import housekeeping, stages
from release.coordination.lock import Lock
from release.coordination.run import Run
from release.errors import ReleaseError
from release.journal import Kind
from release.redaction import redact
from release.verdict import State, Verdict


def end(
    run: Run,
    lock: Lock | None,
    found: Verdict,
    *,
    interrupted: bool,
    keep_failed: bool,
    show: Callable[[Exception], None],
) -> Verdict:
    """Tag what passed, or undo what did not; return what the release came to.

    Args:
        run: The release.
        lock: That it holds.
        found: What its tests came to.
        interrupted: Whether it was ended from outside.
        keep_failed: Leave a failed build in place.
        show: Shows an error that nobody foresaw.
    """

    def then(step: Callable[[], None]) -> Verdict:
        said = _attempt(step, show)
        if not said or said in found.reason:
            return found
        return Verdict(state=State.FAILED, reason=f"{found.reason}; then {said}")

    if lock:
        found = then(lambda: lock.reclaim(run.connected_anew))
    if interrupted and run.journal.left_behind():
        found = then(lambda: stages.tidy(run.build, run.azure))
    if found.state is State.PASSED:
        # What cannot be tagged did not pass.
        found = then(lambda: stages.confirm(run.settings, run.build, run.azure))
    if found.state is not State.PASSED:
        return then(lambda: _undo(run, keep_failed=keep_failed))
    kept = _attempt(
        lambda: housekeeping.retain(run.settings, run.build, run.azure), show
    )
    if kept:
        text = f"what is old stays for now: {kept}"
        run.journal.write(Kind.PROGRESS, text=text)
    return found


def _attempt(step: Callable[[], None], show: Callable[[Exception], None]) -> str:
    """Do a step; return what went wrong, or ""."""
    try:
        step()
    except ReleaseError as error:
        return error.what
    except Exception as error:  # noqa: BLE001 - whatever it is: see above
        if not isinstance(error, OSError):
            show(error)
        return redact(f"{type(error).__name__}: {error}")
    return ""


def _undo(run: Run, *, keep_failed: bool) -> None:
    stages.undo(run.settings, run.build, run.connected_anew, keep_failed=keep_failed)
