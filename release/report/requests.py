"""What a release asked of Azure, added up. Pure: events in, numbers out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from release.journal import Event, Kind

KINDS = ("reads", "writes", "deletes", "blobs")


def requests(events: Sequence[Event]) -> dict[str, Any]:
    """Return sums by kind, how many were sent again, and each operation's count.

    `least_left` is the least that Azure said was left of its limits, by bucket.

    Kinds are those of Azure's limits; blobs are requests to the blob service, which
    has limits of its own.
    """
    asked = [
        each
        for event in events
        if event.kind is Kind.REQUESTS
        for each in event.data["asked"]
    ]
    counts: Counter[tuple[str, str]] = Counter()
    repeated: Counter[tuple[str, str]] = Counter()
    for each in asked:
        key = (each["kind"], each["operation"])
        counts[key] += each["count"]
        repeated[key] += each["repeated"]
    sums = {
        kind: sum(n for (of, _), n in counts.items() if of == kind) for kind in KINDS
    }
    least_left: dict[str, int] = {}
    for event in events:
        if event.kind is Kind.REQUESTS:
            for bucket, number in event.data.get("left", {}).items():
                least_left[bucket] = min(number, least_left.get(bucket, number))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {
        **sums,
        "repeated": repeated.total(),
        "least_left": dict(sorted(least_left.items())),
        "operations": [
            {
                "kind": kind,
                "operation": operation,
                "count": count,
                "repeated": repeated[kind, operation],
            }
            for (kind, operation), count in ordered
        ],
    }
