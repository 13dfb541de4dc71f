"""Pages judged by how soon they load. Pure: times and limits in, gates out."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from statistics import median

from release.load import Gate, Outcome

METRIC = "load_ms"


def judge(path: str, times_ms: Sequence[float], status: int, limit_ms: float) -> Gate:
    """Judge a page by the median of its times, and by its status.

    Args:
        path: Of the page.
        times_ms: From the start of the navigation to the end of the load event.
        status: The worst HTTP status seen, or 0.
        limit_ms: What the median must not exceed.
    """
    measured, margin = median(times_ms), limit_ms - median(times_ms)
    if status >= HTTPStatus.BAD_REQUEST:
        outcome, text = Outcome.FAILED, f"GET {path} answered {status}"
    else:
        outcome = Outcome.PASSED if margin >= 0 else Outcome.FAILED
        word = "to spare" if margin >= 0 else "over"
        text = (
            f"measured {measured:.0f} ms, limit {limit_ms:g} ms, "
            f"{abs(margin):.0f} ms {word}, median of {len(times_ms)} loads "
            f"({min(times_ms):.0f} to {max(times_ms):.0f} ms)"
        )
    return Gate(
        endpoint=path,
        metric=METRIC,
        limit=limit_ms,
        measured=round(measured, 1),
        unit="ms",
        samples=len(times_ms),
        outcome=outcome,
        margin=round(margin, 1),
        text=f"{path} {METRIC} {outcome}: {text}",
    )
