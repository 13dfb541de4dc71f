"""What a release asks of Azure, counted by operation as it is sent.

Every try counts, every poll too: Azure's limits count them all (source:
"Understand how Azure Resource Manager throttles requests").
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

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
        self._lock = threading.Lock()

    def count(self, method: str, url: str, *, repeated: bool) -> None:
        """Count one request."""
        key = (kind(method, url), operation(method, url))
        with self._lock:
            self._sent[key] += 1
            self._repeated[key] += repeated

    def take(self) -> list[Asked]:
        """Return what was counted, and begin again from nothing."""
        with self._lock:
            sent, self._sent = self._sent, Counter()
            again, self._repeated = self._repeated, Counter()
        return [
            Asked(kind=key[0], operation=key[1], count=count, repeated=again[key])
            for key, count in sorted(sent.items())
        ]


def kind(method: str, url: str) -> str:
    """Return ``reads``, ``writes``, ``deletes`` or ``blobs``. Pure."""
    if not _of_arm(url):
        return "blobs"
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
