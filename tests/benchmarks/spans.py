"""Spans of time, and what each of them was spent on. Pure: numbers in, numbers out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Span:
    """From one moment to another, in seconds since 1970."""

    start: float
    end: float


def union(spans: Iterable[Span]) -> list[Span]:
    """Return the spans without overlaps, by time; empty ones are left out."""
    found: list[Span] = []
    for span in sorted(it for it in spans if it.end > it.start):
        if found and span.start <= found[-1].end:
            end = max(found[-1].end, span.end)
            found[-1] = Span(start=found[-1].start, end=end)
        else:
            found.append(span)
    return found


def within(spans: Iterable[Span], whole: Span) -> list[Span]:
    """Return what of the spans lies in `whole`, without overlaps."""
    return union(
        Span(start=max(it.start, whole.start), end=min(it.end, whole.end))
        for it in spans
    )


def without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """Return what of the spans lies in none of `taken`."""
    left = union(spans)
    for gone in union(taken):
        left = [
            part
            for span in left
            for part in (
                Span(start=span.start, end=min(span.end, gone.start)),
                Span(start=max(span.start, gone.end), end=span.end),
            )
            if part.end > part.start
        ]
    return left


def seconds(spans: Iterable[Span]) -> float:
    """Return how long spans are together; what overlaps counts once."""
    return sum(span.end - span.start for span in union(spans))


def share(
    whole: Span, kinds: Sequence[tuple[str, Sequence[Span]]]
) -> tuple[dict[str, list[Span]], list[Span]]:
    """Give each moment of `whole` to one kind at most, to the first that claims it.

    Returns:
        The spans of each kind, and those of nobody.
    """
    left, found = [whole], dict[str, list[Span]]()
    for kind, spans in kinds:
        claimed = union(part for span in left for part in within(spans, span))
        found[kind] = claimed
        left = without(left, claimed)
    return found, left
