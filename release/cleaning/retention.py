"""What grew too old to keep. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from release.azure import promotion, tags
from release.azure.deployments import ENDED
from release.azure.gallery import Version
from release.cleaning.inventory import Inventory
from release.cleaning.leftovers import WHOLE, Whose, is_bakes, kept, short
from release.cleaning.row import Kind, Row
from release.settings import Retention

AT_ONCE = 20
"""Most deletions of one kind in one release: writes are throttled, and the next
release goes on (source: "Understand how Azure Resource Manager throttles requests")."""


def outdated(
    seen: Inventory, whose: Whose, limits: Retention, now: datetime
) -> list[Row]:
    """Return what goes after a release that passed.

    Args:
        seen: What there is.
        whose: Of which environment; its running build is the one that passed.
        limits: How much is kept.
        now: Aware time.
    """
    images = list(_images(seen, whose, limits))[-AT_ONCE:]
    gone = {row.name for row in images}
    return [
        *images,
        *list(_blobs(seen, whose, limits, now, gone))[:AT_ONCE],
        *list(_deployments(seen, limits))[-AT_ONCE:],
    ]


def _images(seen: Inventory, whose: Whose, limits: Retention) -> Iterator[Row]:
    """Yield, newest first, versions beyond the last so many that passed.

    One that did not pass goes as soon as a newer one did; a half one is not for
    retention to judge. What passed last in an environment stays: its scale set may be
    in a subscription that the principal of this one does not see.
    """
    needed = kept(seen.versions, seen.needed) | _live(seen.versions)
    passed = 0
    for version in seen.versions:
        labels = version.tags
        proved = labels.get(tags.VERDICT) == tags.PASSED
        own = labels.get(tags.BUILD) == whose.running or whose.owns(labels)
        if not own or version.state != WHOLE:
            continue
        passed += proved
        enough = passed > limits.images if proved else passed > 0
        if enough and version.id.lower() not in needed and whose.owns(labels):
            yield Row(
                kind=Kind.IMAGE,
                name=version.name,
                build=labels.get(tags.BUILD, ""),
                since=version.published_at,
                why=f"older than the last {limits.images} that passed"
                if proved
                else "did not pass, and a newer one did",
                what=version,
            )


def _live(versions: Sequence[Version]) -> set[str]:
    """Return ids, in lower case, of what passed last in each environment."""
    names = {name for each in versions for name in tags.passed_anywhere(each.tags)}
    last = (promotion.last_passed(versions, name) for name in names)
    return {version.id.lower() for version in last if version}


def _blobs(
    seen: Inventory, whose: Whose, limits: Retention, now: datetime, gone: set[str]
) -> Iterator[Row]:
    there = {version.name for version in seen.versions} - gone
    oldest = now - timedelta(days=limits.blob_days)
    for blob in seen.blobs:
        build = blob.tags.get(tags.BUILD, "")
        if not is_bakes(blob) or not whose.owns(blob.tags):
            continue
        if blob.modified_at < oldest:
            why = f"older than {limits.blob_days:g} days"
        elif build not in there:
            why = "its image is gone"
        else:
            continue
        yield Row(
            kind=Kind.BLOB,
            name=short(blob),
            build=build,
            since=blob.modified_at,
            why=why,
            what=blob,
        )


def _deployments(seen: Inventory, limits: Retention) -> Iterator[Row]:
    for past in seen.past:
        for each in past[limits.deployments :]:
            if each.state in ENDED:
                yield Row(
                    kind=Kind.DEPLOYMENT,
                    name=f"{each.group}/{each.name}",
                    build=each.name.partition("-")[2],
                    since=each.at,
                    why=f"beyond the last {limits.deployments} of its group",
                    what=each,
                )
