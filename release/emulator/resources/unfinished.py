"""After a kill of the emulator: what was being written or deleted is Failed."""

from __future__ import annotations

from release.emulator.cloud import Cloud
from release.emulator.kinds import Body

STATES = ("Creating", "Updating", "Deleting")


async def restore(cloud: Cloud) -> None:
    """Let every resource, and every part of one, have a state in which it may stay.

    Write or delete it again. A stop lets each operation end as it would on a cancel;
    this is for what no operation could end.
    """
    for resource in cloud.store:
        if _settled(resource.properties):
            cloud.store.save(resource)


def _settled(properties: Body) -> bool:
    """Settle properties and those of the parts in their lists; tell of a change."""
    unfinished = properties.get("provisioningState") in STATES
    if unfinished:
        properties["provisioningState"] = "Failed"
    parts = [
        _settled(part["properties"])
        for found in properties.values()
        if isinstance(found, list)
        for part in found
        if isinstance(part, dict) and isinstance(part.get("properties"), dict)
    ]
    return unfinished or any(parts)
