"""What a release asks of Azure, counted by operation as it is sent.

Every try counts, every poll too: Azure's limits count them all (source:
"Understand how Azure Resource Manager throttles requests").
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

LEFT = "x-ms-ratelimit-remaining-"
BLOBS = "blobs"
READS = ("GET", "HEAD")
_POLL = re.compile(r"/(operations|operationstatuses|operationresults)/[^/]+$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One operation, and how often it was asked for.

    Attributes:
        kind: ``reads``, ``writes`` or ``deletes``, as Azure's limits count them;
            ``blobs`` for the blob service, which has limits of its own.
        operation: Such as ``virtualMachineScaleSets/manualupgrade``.
        count: Requests sent.
        repeated: Those of them that were sent again.
    """

    kind: str
    operation: str
    count: int
    repeated: int

    def to_json(self) -> dict[str, Any]:
        """Return it for a journal."""
        return asdict(self)


class Tally:
    """Counts of one connection, since they were last taken."""

    def __init__(self) -> None:
        self._sent: Counter[tuple[str, str]] = Counter()
        self._repeated: Counter[tuple[str, str]] = Counter()
        self._left: dict[str, int] = {}
        self._lock = threading.Lock()

    def count(self, method: str, url: str, *, repeated: bool) -> None:
        """Count one request."""
        key = (kind(method, url), operation(method, url))
        with self._lock:
            self._sent[key] += 1
            self._repeated[key] += repeated

    def note(self, headers: Mapping[str, str]) -> None:
        """Keep the least that Azure says is left of its limits."""
        with self._lock:
            for bucket, number in left(headers).items():
                self._left[bucket] = min(number, self._left.get(bucket, number))

    def take_left(self) -> dict[str, int]:
        """Return the least that was left by bucket, and begin again."""
        with self._lock:
            found, self._left = self._left, {}
        return found

    def take(self) -> list[Asked]:
        """Return what was counted, and begin again from nothing."""
        with self._lock:
            sent, self._sent = self._sent, Counter()
            again, self._repeated = self._repeated, Counter()
        return [
            Asked(kind=key[0], operation=key[1], count=count, repeated=again[key])
            for key, count in sorted(sent.items())
        ]


def left(headers: Mapping[str, str]) -> dict[str, int]:
    """Read what an answer says is left of Azure's limits, by bucket. Pure.

    Source: "Understand how Azure Resource Manager throttles requests", "Remaining
    requests": ``x-ms-ratelimit-remaining-subscription-reads: 249``, and of compute
    ``x-ms-ratelimit-remaining-resource: Microsoft.Compute/HighCostGet3Min;46,...``.
    """
    found = {}
    for name, text in headers.items():
        if not name.lower().startswith(LEFT):
            continue
        named = name.lower().removeprefix(LEFT)
        for part in text.split(",") if named == "resource" else [f"{named};{text}"]:
            bucket, _, number = part.strip().rpartition(";")
            if bucket and number.isdigit():
                found[bucket] = int(number)
    return found


def kind(method: str, url: str) -> str:
    """Return ``reads``, ``writes``, ``deletes`` or ``blobs``. Pure."""
    if not _of_arm(url):
        return BLOBS
    if method in READS:
        return "reads"
    return "deletes" if method == "DELETE" else "writes"


def polls(method: str, url: str) -> bool:
    """Tell whether a request only looks how a long operation goes on. Pure."""
    return method == "GET" and bool(_POLL.search(urlsplit(url).path.lower()))


def operation(method: str, url: str) -> str:
    """Name what is asked for, without names of resources. Pure.

    That is the type of the resource, with the action or the view that is costly to
    Azure: ``virtualMachineScaleSets/virtualMachines instance view``.
    """
    where = urlsplit(url)
    path = where.path.rstrip("/").lower()
    if not _of_arm(url):
        return "blob"
    if polls(method, url):
        return "status of an operation"
    _, found, rest = where.path.rstrip("/").rpartition("/providers/")
    words = (rest if found else where.path.strip("/")).split("/")
    kinds = words[1::2] if found else words[2::2] or words[:1]
    named = "/".join(kinds)
    return f"{named} instance view" if _views(method, where.query, path) else named


def _views(method: str, query: str, path: str) -> bool:
    return method in READS and "instanceview" in f"{query} {path}".lower().replace(
        "%24", "$"
    )


def _of_arm(url: str) -> bool:
    path = urlsplit(url).path.lower()
    return path.startswith(("/subscriptions", "/providers"))
