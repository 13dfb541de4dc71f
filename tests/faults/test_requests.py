"""How much a release of three instances asks of Azure, against Azure's limits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from release.azure.tally import operation

THREE = (
    *("--set", "resource_group=three-local", "--set", "scale_set=three"),
    *("--set", "instance_count=3", "--set", "site_port=8090"),
)
UPDATES = ("virtualMachineScaleSets", "virtualMachineScaleSets/manualupgrade")
VIEWS = ("virtualMachineScaleSets/virtualMachines instance view",)
Raw = dict[str, Any]


def test_a_release_of_three_instances_stays_within_azures_limits(
    project, record_property
):
    before = project.count()
    first = three(project, "First")
    between = project.count()
    second = three(project, "Second")
    asked = project.asked(between)
    for name, found in (("first", first), ("upgrade", second)):
        record_property(f"requests of the {name} release", told(found))
        assert found["writes"] + found["deletes"] <= 60
        assert found["reads"] <= 300
        assert found["repeated"] == 0
    # Source: "Throttling limits for virtual machines and scale sets".
    assert least_left(asked, UPDATES, bucket=12, per_minute=4) > 0
    everything = [
        each
        for each in project.asked(before)
        if each["path"].startswith(("/subscriptions", "/providers"))
    ]
    # What the embedded Azure got is what the two releases say that they sent.
    counted = sum(f[kind] for f in (first, second) for kind in ("reads", "writes"))
    counted += first["deletes"] + second["deletes"]
    assert abs(len(everything) - counted) <= 2


def three(project, title: str) -> Raw:
    project.set(title=title)
    ended = project.pytest(*THREE)
    assert ended.status == 0, ended.output
    found: Raw = project.last()["requests"]
    return found


def told(found: Raw) -> str:
    sums = ", ".join(f"{found[k]} {k}" for k in ("reads", "writes", "deletes", "blobs"))
    most = "; ".join(
        f"{each['count']} {each['operation']}" for each in found["operations"][:8]
    )
    return f"{sums} (most: {most})"


def least_left(
    asked: Sequence[Raw], operations: Sequence[str], *, bucket: int, per_minute: float
) -> float:
    """Return how few tokens a bucket had at least, had Azure counted."""
    tokens, least, last = float(bucket), float(bucket), None
    for each in asked:
        named = operation(each["method"], f"https://arm{each['path']}?{each['query']}")
        reads = each["method"] in ("GET", "HEAD")
        if named not in operations or reads != (operations == VIEWS):
            continue
        at = datetime.fromisoformat(each["at"])
        if last is not None:
            passed_s = (at - last).total_seconds()
            tokens = min(bucket, tokens + passed_s * per_minute / 60)
        tokens, last = tokens - 1, at
        least = min(least, tokens)
    return least
