"""Terminate notification: an instance is told before it is deleted, and may hurry.

Its model says so: ``scheduledEventsProfile.terminateNotificationProfile``. A delete
then waits until the instance approves, or for ``notBeforeTimeout``; Azure waits as
long where nobody listens. Deletes that come together wait for one another. A reimage
or an upgrade in place is told to nobody.
https://learn.microsoft.com/azure/virtual-machine-scale-sets/virtual-machine-scale-sets-terminate-notification
"""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from release.emulator.cloud import Cloud
from release.emulator.kinds import Body
from release.emulator.resources.compute.actions import all_of
from release.emulator.resources.compute.instances import (
    INSTANCE,
    instances_of,
    take_away,
)
from release.emulator.resources.compute.model import seconds
from release.emulator.store import Resource

LOOK_EVERY_S = 0.05
INSTANT_NOTICE_S = 10
"""How long a notice lasts at once-pace, at most."""


async def retire(cloud: Cloud, instances: list[Resource]) -> None:
    """Delete instances, those that asked for it told before."""
    told = [instance for instance in instances if _notice_s(instance)]
    if told:
        await _approved(cloud, told)
    await all_of(take_away(cloud, instance) for instance in instances)


async def _approved(cloud: Cloud, told: list[Resource]) -> None:
    """Tell instances, and wait until all have approved or their time is up."""
    longest_s = cloud.pace.interval(max(_notice_s(instance) for instance in told))
    if cloud.pace.instant:
        longest_s = min(longest_s, INSTANT_NOTICE_S)
    deadline_s = time.monotonic() + longest_s
    not_before = datetime.now(UTC) + timedelta(seconds=longest_s)
    for instance in told:
        instance.private["terminate"] = {
            "EventId": str(uuid.uuid4()).upper(),
            "NotBefore": format_datetime(not_before, usegmt=True),
        }

    def over() -> bool:
        waiting = [i for i in told if not i.private["terminate"].get("approved")]
        return not waiting or time.monotonic() > deadline_s

    # The approval comes through the metadata service, in another task.
    while not over():  # noqa: ASYNC110
        await asyncio.sleep(LOOK_EVERY_S)


def _notice_s(instance: Resource) -> float:
    profile = instance.private.get("scheduled_events") or {}
    notice = profile.get("terminateNotificationProfile") or {}
    if not notice.get("enable"):
        return 0
    return seconds(notice.get("notBeforeTimeout", "PT5M"), "notBeforeTimeout")


def scheduled_events(cloud: Cloud, machine: str) -> Body:
    """Return what the metadata service tells a machine: all events of its scale set."""
    events = [
        {
            "EventId": told["EventId"],
            "EventStatus": "Started" if told.get("approved") else "Scheduled",
            "EventType": "Terminate",
            "ResourceType": "VirtualMachine",
            "Resources": [instance.body["name"]],
            "NotBefore": "" if told.get("approved") else told["NotBefore"],
            "Description": "",
            "EventSource": "User",
            "DurationInSeconds": -1,
        }
        for instance in _siblings(cloud, machine)
        if (told := instance.private.get("terminate"))
    ]
    return {"DocumentIncarnation": len(events), "Events": events}


def approve(cloud: Cloud, machine: str, event_ids: list[str]) -> None:
    """Let deletes begin that wait for it, by their events."""
    for instance in _siblings(cloud, machine):
        told = instance.private.get("terminate")
        if told and told["EventId"] in event_ids:
            told["approved"] = True


def _siblings(cloud: Cloud, machine: str) -> list[Resource]:
    """Return the instances of the scale set that a machine is of."""
    for instance in cloud.store.of_type(INSTANCE):
        if instance.private.get("machine") == machine:
            return instances_of(cloud, instance.id.parent)
    return []
