"""What crashed releases left. Pure.

Whoever may change a scale set knows that no other build of it runs. So what carries
the scale set's tag and another build's is left over, whichever machine that build ran
on; journals of this checkout name what carries no such tag yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from release.azure import groups, tags
from release.azure.gallery import Version
from release.azure.lease import Holder
from release.azure.storage import Stored
from release.builds import Build, started_at
from release.cleaning.inventory import Inventory
from release.cleaning.row import Kind, Row
from release.deploy import Deployed

WHOLE = "Succeeded"
PAYLOADS = "payload/"
LOGS = "log/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Whose:
    """What tells the things of one environment from others'.

    Attributes:
        environment: Its name.
        scale_set: As `tags.SCALE_SET` says it.
        running: The build that may change it now, or "".
        named: Groups, in lower case, that journals of killed builds name.
    """

    environment: str
    scale_set: str
    running: str
    named: frozenset[str] = frozenset()

    def owns(self, labels: Mapping[str, str]) -> bool:
        """Tell whether a build of this environment that runs no more made it."""
        if not tags.ours(labels) or labels.get(tags.BUILD, "") == self.running:
            return False
        scale_set = labels.get(tags.SCALE_SET)
        if scale_set:
            return scale_set == self.scale_set
        return labels.get(tags.ENVIRONMENT) == self.environment


def left_over(seen: Inventory, whose: Whose, now: datetime) -> list[Row]:
    """Return what is left of builds that run no more.

    Args:
        seen: What there is.
        whose: Of which environment.
        now: Aware time.
    """
    images = [
        *half_images(seen.versions, whose, needed=seen.needed),
        *_unproved_images(seen, whose),
    ]
    return [
        # First of all: its instances may still run an image that goes after it.
        *_scale_set(seen.deployed, whose),
        *_groups(seen, whose, now),
        *images,
        *_blobs(seen, whose, going={row.name for row in images}),
    ]


def killed(
    builds: Sequence[Build], holder: Holder | None, others: Iterable[str] = ()
) -> list[Row]:
    """Return what tells of releases that did not end.

    Args:
        builds: Those of this checkout.
        holder: Who held the lock last and did not let go of it, on any machine.
        others: Groups that another program was making for one of the builds.
    """
    rows = [
        Row(
            kind=Kind.BUILD,
            name=build.id,
            build=build.id,
            since=started_at(build.id),
            why="it was killed in this checkout",
            action="archive it as failed",
        )
        for build in builds
    ]
    rows += [
        Row(
            kind=Kind.GROUP,
            name=name,
            build="",
            since=None,
            why="another program was making it for a build that was killed",
        )
        for name in sorted(others)
    ]
    if holder is None:
        return rows
    lock = Row(
        kind=Kind.LOCK,
        name=holder.who,
        build=holder.build,
        since=datetime.fromisoformat(holder.since),
        why="it was not let go of, and nobody holds it now",
        action="take it over",
    )
    return [*rows, lock]


def half_images(
    versions: Sequence[Version], whose: Whose, *, needed: frozenset[str]
) -> list[Row]:
    """Return the versions that a build did not complete."""
    return [
        Row(
            kind=Kind.IMAGE,
            name=version.name,
            build=version.tags.get(tags.BUILD, ""),
            since=started_at(version.tags.get(tags.BUILD, "")),
            why=f"its making ended as {version.state}",
            what=version,
        )
        for version in versions
        if version.state != WHOLE
        and whose.owns(version.tags)
        and version.id.lower() not in needed
    ]


def kept(versions: Sequence[Version], needed: frozenset[str]) -> set[str]:
    """Return ids, in lower case, of the versions that a scale set needs.

    The newest one stands for a definition that a model names without a version.
    """
    found = {v.id.lower() for v in versions if v.id.lower() in needed}
    newest = versions[:1]
    whole = {v.id.lower().rpartition("/versions/")[0] for v in newest} & needed
    return found | ({v.id.lower() for v in newest} if whole else set())


def _groups(seen: Inventory, whose: Whose, now: datetime) -> Iterator[Row]:
    for name, labels in seen.groups.items():
        build = labels.get(tags.BUILD, "")
        if build == whose.running or not groups.stale(
            name,
            labels,
            left=set(whose.named),
            now=now,
            scale_set=whose.scale_set,
            running=whose.running,
        ):
            continue
        yield Row(
            kind=Kind.GROUP,
            name=name,
            build=build,
            since=started_at(build),
            why="temporary, and its build runs no more",
            what=name,
        )


def _unproved_images(seen: Inventory, whose: Whose) -> Iterator[Row]:
    needed = kept(seen.versions, seen.needed)
    for version in seen.versions:
        proved = version.tags.get(tags.VERDICT) == tags.PASSED
        if version.state != WHOLE or proved or version.id.lower() in needed:
            continue
        if whose.owns(version.tags):
            build = version.tags.get(tags.BUILD, "")
            yield Row(
                kind=Kind.IMAGE,
                name=version.name,
                build=build,
                since=started_at(build),
                why="no release of it passed, and no scale set refers to it",
                what=version,
            )


def _blobs(seen: Inventory, whose: Whose, *, going: set[str]) -> Iterator[Row]:
    whole = {version.name for version in seen.versions if version.state == WHOLE}
    for blob in seen.blobs:
        build = blob.tags.get(tags.BUILD, "")
        if is_bakes(blob) and whose.owns(blob.tags) and build not in whole - going:
            yield Row(
                kind=Kind.BLOB,
                name=short(blob),
                build=build,
                since=blob.modified_at,
                why="of a bake that came to no image",
                what=blob,
            )


def is_bakes(blob: Stored) -> bool:
    """Tell whether a blob is a bake's payload or log."""
    return blob.name.startswith((PAYLOADS, LOGS))


def short(blob: Stored) -> str:
    """Return a name that fits into a line: a payload's is a digest."""
    kind, _, name = blob.name.partition("/")
    return f"{kind}/{name[:12]}" if kind == PAYLOADS.rstrip("/") else blob.name


def _scale_set(deployed: Deployed | None, whose: Whose) -> Iterator[Row]:
    if deployed is None or not whose.owns(deployed.tags):
        return
    good = deployed.last_passed
    unproved = deployed.tags.get(tags.VERDICT) != tags.PASSED
    amiss = ["its image never passed"] if unproved else []
    others = sum(not instance.latest_model for instance in deployed.instances)
    if others:
        amiss.append(f"{others} of {len(deployed.instances)} instances have another")
    if deployed.tags.get(tags.REPAIRS) == tags.SUSPENDED:
        amiss.append("automatic repairs are off")
    if amiss:
        yield Row(
            kind=Kind.SCALE_SET,
            name=whose.scale_set,
            build=deployed.build,
            since=started_at(deployed.build),
            why="a release of it did not end: " + ", ".join(amiss),
            action=f"bring all of it to {good}" if good else "delete it",
            what=deployed,
        )
