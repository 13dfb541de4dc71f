"""Resource groups: those a build makes for a while, and what killed builds left.

Only groups that carry this project's tags are ever deleted, and only those that
also carry an expiry, which no lasting group does; or those that a journal says
another program created for a build, by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.polling import LROPoller
from azure.mgmt.resource.resources import models

from release.azure import tags
from release.azure.clients import Azure
from release.azure.ids import group_id, part
from release.azure.operations import call
from release.journal import Journal, Kind

FORCED = "Microsoft.Compute/virtualMachines,Microsoft.Compute/virtualMachineScaleSets"
"""Types that are deleted without an orderly shutdown, which saves a minute (source:
"Force deletion of resource groups")."""


def create(
    azure: Azure, name: str, *, location: str, labels: Mapping[str, str]
) -> None:
    """Create a group, or set the tags of one that exists."""
    group = models.ResourceGroup(location=location, tags=dict(labels))
    call(
        azure,
        f"creating resource group {name}",
        lambda: azure.resources.resource_groups.create_or_update(name, group),
    )


def ensure(
    azure: Azure,
    name: str,
    *,
    location: str,
    labels: Mapping[str, str],
) -> bool:
    """Create a lasting group when it is missing; leave one that exists alone.

    Returns:
        Whether it was created.
    """
    exists = call(
        azure,
        f"looking for resource group {name}",
        lambda: azure.resources.resource_groups.check_existence(name),
    )
    if not exists:
        create(azure, name, location=location, labels=labels)
    return not exists


def label(azure: Azure, name: str, labels: Mapping[str, str]) -> None:
    """Add tags to a group that another program made for a build; keep those it has."""

    def request() -> None:
        there = azure.resources.resource_groups.get(name).tags or {}
        if not labels.items() <= there.items():
            whole = models.ResourceGroupPatchable(tags={**there, **labels})
            azure.resources.resource_groups.update(name, whole)

    call(azure, f"tagging resource group {name}", request)


def begin_delete(
    azure: Azure, name: str, *, journal: Journal, stage: str
) -> LROPoller[None] | None:
    """Begin to delete a group that this project made; Azure goes on by itself.

    The journal says that it is deleted once it is, or that this failed, as long as
    this process lives; else the next run's `sweep` finds it, or finds it gone.

    Returns:
        The operation, or None when the group is gone already.
    """
    identifier = group_id(azure.subscription, name)

    def deleted(*_: object) -> None:
        journal.write(Kind.DELETED, stage=stage, resource_id=identifier)

    try:
        poller = call(
            azure,
            f"deleting resource group {name}",
            lambda: _begin_delete(azure, name),
        )
    except _Gone:
        deleted()
        return None

    def ended(method: object) -> None:
        status = _status(method)
        if status == "succeeded":
            deleted()
        elif status in ("failed", "canceled"):
            text = f"{name} was not deleted: Azure says {status}; `clean` tries again"
            journal.write(Kind.PROGRESS, stage=stage, text=text)

    poller.add_done_callback(ended)
    return poller


def sweep(
    azure: Azure,
    journal: Journal,
    *,
    unfinished: Iterable[Journal] = (),
    scale_set: str = "",
    running: str = "",
) -> tuple[str, ...]:
    """Begin to delete temporary groups that earlier builds left behind.

    Those are groups with this project's tag whose expiry has passed, that the journal
    of a dead build names, or that were made for a scale set by another build than the
    one that may change it now; one request lists them all. And those that such a
    journal says another program created, which may have died before any tag.

    Args:
        azure: Where to look.
        journal: Told of each group.
        unfinished: Journals of builds whose process no longer lives.
        scale_set: The one whose lock the caller holds, as `tags.SCALE_SET` says it.
        running: The build that holds it.

    Returns:
        Names of the groups.
    """
    unfinished = list(unfinished)
    left, others, now = named(unfinished), by_others(unfinished), datetime.now(UTC)
    swept = tuple(
        name
        for name, labels in ours(azure).items()
        if stale(name, labels, left=left, now=now, scale_set=scale_set, running=running)
    )
    for name in (*swept, *others.difference(swept)):
        if begin_delete(azure, name, journal=journal, stage="") is not None:
            journal.write(
                Kind.PROGRESS,
                text=f"deleting {name}, which an earlier build left behind",
            )
    return (*swept, *others.difference(swept))


def named(unfinished: Iterable[Journal]) -> set[str]:
    """Return the groups, in lower case, that journals of dead builds left behind."""
    return {
        part(identifier, "resourceGroups").lower()
        for journal in unfinished
        for identifier in journal.left_behind()
    }


def by_others(unfinished: Iterable[Journal]) -> set[str]:
    """Return the groups that another program made for dead builds."""
    return {
        part(identifier, "resourceGroups")
        for journal in unfinished
        for identifier in journal.left_by_others()
    }


def ours(azure: Azure) -> dict[str, dict[str, str]]:
    """Return the tags of all groups that this project made, by name."""
    wanted = f"tagName eq '{tags.OWNER}' and tagValue eq '{tags.OWNER_VALUE}'"
    found = call(
        azure,
        "listing resource groups",
        lambda: list(azure.resources.resource_groups.list(filter=wanted)),
    )
    return {group.name: dict(group.tags or {}) for group in found if group.name}


def stale(
    name: str,
    labels: Mapping[str, str],
    *,
    left: set[str],
    now: datetime,
    scale_set: str = "",
    running: str = "",
) -> bool:
    """Tell whether a group may be swept away. Pure.

    Args:
        name: The group's name.
        labels: Its tags.
        left: Names, in lower case, that journals of dead builds left behind.
        now: Aware time.
        scale_set: The one that nobody but `running` may change now, or "".
        running: A build.
    """
    expires = labels.get(tags.EXPIRES)
    if not tags.ours(labels) or expires is None:
        return False
    try:
        past = datetime.fromisoformat(expires) <= now
    except (ValueError, TypeError):
        # Somebody changed the tag: only a journal can tell then.
        past = False
    dead = scale_set and labels.get(tags.SCALE_SET) == scale_set
    return (
        past or name.lower() in left or bool(dead and labels.get(tags.BUILD) != running)
    )


class _Gone(Exception):
    """The group does not exist."""


def _begin_delete(azure: Azure, name: str) -> LROPoller[None]:
    try:
        return azure.resources.resource_groups.begin_delete(
            name, force_deletion_types=FORCED
        )
    except ResourceNotFoundError as error:
        raise _Gone from error


def _status(method: object) -> str:
    """Return how a poller's method says that its operation is; "" if it cannot."""
    try:
        return str(getattr(method, "status", lambda: "")()).lower()
    except HttpResponseError:
        return ""
