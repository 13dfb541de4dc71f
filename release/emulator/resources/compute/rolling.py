"""Rolling upgrades: batches, with health looked at before and after each.

https://learn.microsoft.com/azure/virtual-machine-scale-sets/virtual-machine-scale-sets-configure-rolling-upgrades
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError
from release.emulator.kinds import Body
from release.emulator.resources.compute.actions import all_of
from release.emulator.resources.compute.health import (
    HEALTHY,
    INITIALIZING,
    health_of,
)
from release.emulator.resources.compute.instances import (
    instances_of,
    is_latest,
    restore_previous,
    take_away,
    upgrade,
)
from release.emulator.resources.compute.model import (
    check_rolling_policy,
    image_reference,
    protects,
    reports_health,
    seconds,
)
from release.emulator.resources.compute.scaling import scale_out
from release.emulator.resources.compute.sizes import (
    CORES_LIMIT,
    cores,
    cores_in_use,
)
from release.emulator.resources.compute.statuses import timestamp
from release.emulator.store import Resource

HEALTHY_WITHIN_S = 300
"""How long Azure waits for an upgraded instance to become healthy."""
INSTANT_WITHIN_S = 5
"""The same at once-pace."""
LOOK_EVERY_S = 0.05
KEPT = 5
"""How many upgrades the history tells of."""
MORE = "For details on rolling upgrades, use http://aka.ms/AzureVMSSRollingUpgrade"


def latest(scale_set: Resource) -> Body:
    """Return the last rolling upgrade, as ``rollingUpgrades/latest`` shows it.

    Raises:
        ArmError: 404, there was none.
    """
    found: Body | None = scale_set.private.get("rolling")
    if found is None:
        raise ArmError(
            404,
            "NotFound",
            f"No rolling upgrade of the Virtual Machine Scale Set "
            f"'{scale_set.id.name}' was found.",
        )
    return {
        "id": f"{scale_set.id}/rollingUpgrades/latest",
        "name": "latest",
        "type": "Microsoft.Compute/virtualMachineScaleSets/rollingUpgrades",
        "location": scale_set.body["location"],
        "properties": {key: found[key] for key in found if key != "cancel"},
    }


def history(scale_set: Resource) -> list[Body]:
    """Return the last rolling upgrades, newest first."""
    past = scale_set.private.get("upgrades", [])
    kind = "Microsoft.Compute/virtualMachineScaleSets/rollingUpgrades"
    location = scale_set.body["location"]
    return [
        {"properties": entry, "type": kind, "location": location}
        for entry in reversed(past)
    ]


def running(scale_set: Resource) -> bool:
    """Tell whether a rolling upgrade is under way."""
    found = scale_set.private.get("rolling") or {}
    status: Body = found.get("runningStatus") or {}
    return status.get("code") == "RollingForward"


def cancel(scale_set: Resource) -> None:
    """Ask the rolling upgrade to end after its batch; the set stays mixed.

    Raises:
        ArmError: 409, none is under way.
    """
    if not running(scale_set):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"There is no rolling upgrade in progress on the Virtual Machine Scale "
            f"Set '{scale_set.id.name}' to cancel.",
        )
    status = scale_set.private["rolling"]["runningStatus"]
    status.update(lastAction="Cancel", lastActionTime=timestamp())
    scale_set.private["rolling"]["cancel"] = True


async def roll(cloud: Cloud, scale_set: Resource) -> None:
    """Upgrade all instances to the latest model in batches.

    Raises:
        ArmError: Too many instances are unhealthy; the upgrade is Faulted.
    """
    run = _Run(cloud, scale_set)
    run.begin()
    try:
        await run.batches()
    except ArmError as error:
        await run.fault(error)
        raise
    except BaseException:
        run.end("Cancelled")
        raise
    run.end("Cancelled" if run.record.get("cancel") else "Completed")


def batch_size(instances: int, percent: int) -> int:
    """Return how many instances a batch has: rounded up, at least one. Pure."""
    return max(1, math.ceil(instances * percent / 100))


class _Run:
    """One rolling upgrade."""

    def __init__(self, cloud: Cloud, scale_set: Resource) -> None:
        self.cloud, self.scale_set = cloud, scale_set
        policy = scale_set.properties["upgradePolicy"]
        self.policy: Body = dict(policy.get("rollingUpgradePolicy") or {})
        check_rolling_policy(self.policy)
        self.record: dict[str, Any] = {}
        self.upgraded: list[Resource] = []
        self.rolled_back = 0

    # --- the record ---------------------------------------------------------

    def begin(self) -> None:
        now = timestamp()
        self.record = {
            "policy": self.policy,
            "runningStatus": {
                "code": "RollingForward",
                "startTime": now,
                "lastAction": "Start",
                "lastActionTime": now,
            },
            "progress": {},
        }
        self.scale_set.private["rolling"] = self.record
        self.count(in_progress=0)

    def count(self, *, in_progress: int) -> None:
        """Write down how far it is."""
        left = len(self.pending())
        failed = len(self.failed())
        self.record["progress"] = {
            "successfulInstanceCount": max(len(self.upgraded) - failed, 0),
            "failedInstanceCount": failed,
            "inProgressInstanceCount": in_progress,
            "pendingInstanceCount": max(left - in_progress, 0),
        }
        self.cloud.store.save(self.scale_set)

    def end(self, code: str) -> None:
        self.count(in_progress=0)
        self.record["runningStatus"]["code"] = code
        self.record.pop("cancel", None)
        past = self.scale_set.private.setdefault("upgrades", [])
        past.append(self.remembered())
        del past[:-KEPT]
        self.cloud.store.save(self.scale_set)

    async def fault(self, error: ArmError) -> None:
        failed = self.failed()
        self.record["error"] = error.body()
        if self.policy["rollbackFailedInstancesOnPolicyBreach"]:
            await all_of(
                restore_previous(self.cloud, self.scale_set, i) for i in failed
            )
            self.rolled_back = len(failed)
        self.end("Faulted")

    def remembered(self) -> Body:
        """Return the upgrade as the upgrade history tells it."""
        status = self.record["runningStatus"]
        return {
            "runningStatus": {
                "code": status["code"],
                "startTime": status["startTime"],
                "endTime": timestamp(),
            },
            "progress": self.record["progress"],
            "startedBy": "User",
            "targetImageReference": image_reference(self.scale_set),
            "rollbackInfo": {
                "successfullyRolledbackInstanceCount": self.rolled_back,
                "failedRolledbackInstanceCount": 0,
            },
            **({"error": self.record["error"]} if "error" in self.record else {}),
        }

    # --- the batches --------------------------------------------------------

    def instances(self) -> list[Resource]:
        return instances_of(self.cloud, self.scale_set.id)

    def pending(self) -> list[Resource]:
        """Return what is yet to be upgraded, in order."""
        left = [
            instance
            for instance in self.instances()
            if not is_latest(self.scale_set, instance)
            and not protects(instance, "protectFromScaleSetActions")
        ]
        if not self.policy["enableCrossZoneUpgrade"]:
            left.sort(key=lambda i: "".join(i.body.get("zones") or [""]))
        if self.policy["prioritizeUnhealthyInstances"]:
            left.sort(key=lambda i: not self.unhealthy(i))
        return left

    def unhealthy(self, instance: Resource) -> bool:
        """Tell whether an instance counts as unhealthy."""
        if instance.state == "Failed" or instance.private.get("power") != "running":
            return True
        reporting = reports_health(self.scale_set.properties)
        return reporting and health_of(instance) not in (HEALTHY, INITIALIZING)

    def failed(self) -> list[Resource]:
        return [i for i in self.upgraded if self.unhealthy(i)]

    async def batches(self) -> None:
        first = True
        total = len(self.instances())
        size = batch_size(total, self.policy["maxBatchInstancePercent"])
        while (pending := self.pending()) and not self.record.get("cancel"):
            if not first:
                await self.pause()
            self.check_before(first=first)
            first = False
            await self.one_batch(pending[:size])
            self.check_after()

    async def pause(self) -> None:
        text = self.policy["pauseTimeBetweenBatches"]
        pause_s = seconds(text, "pauseTimeBetweenBatches")
        if pause_s:
            await asyncio.sleep(self.cloud.pace.interval(pause_s))

    async def one_batch(self, batch: list[Resource]) -> None:
        self.count(in_progress=len(batch))
        if self.policy["maxSurge"] and self.room_for(len(batch)):
            await self.surge(batch)
        else:
            await all_of(self.in_place(i) for i in batch)
            self.upgraded += batch
        self.count(in_progress=0)

    def room_for(self, further: int) -> bool:
        """Tell whether the quota lets a batch be surged; else it goes in place."""
        wanted = further * cores(self.scale_set.body["sku"]["name"])
        return cores_in_use(self.cloud.store) + wanted <= CORES_LIMIT

    async def surge(self, batch: list[Resource]) -> None:
        """Make new instances, and delete the old ones when those are healthy."""
        fresh = await scale_out(self.cloud, self.scale_set, len(batch))
        await all_of(self.healthy(i) for i in fresh)
        self.upgraded += fresh
        if not [i for i in fresh if self.unhealthy(i)]:
            await all_of(take_away(self.cloud, i) for i in batch)

    async def in_place(self, instance: Resource) -> None:
        await self.cloud.pace.lasts("vmss.upgrade")
        await upgrade(self.cloud, self.scale_set, instance)
        await self.healthy(instance)

    async def healthy(self, instance: Resource) -> None:
        """Wait until an instance is healthy, or has had its time."""
        if not reports_health(self.scale_set.properties):
            return
        pace = self.cloud.pace
        within_s = INSTANT_WITHIN_S if pace.instant else HEALTHY_WITHIN_S * pace.scale
        deadline_s = time.monotonic() + within_s

        def over() -> bool:
            late = time.monotonic() > deadline_s
            return late or health_of(instance) == HEALTHY or "cancel" in self.record

        # A task of its own asks each instance; this looks at what that wrote down.
        while not over():  # noqa: ASYNC110
            await asyncio.sleep(LOOK_EVERY_S)

    # --- the policy ---------------------------------------------------------

    def check_before(self, *, first: bool) -> None:
        instances = self.instances()
        bad = [i for i in instances if self.unhealthy(i)]
        percent = 100 * len(bad) / len(instances)
        limit = self.policy["maxUnhealthyInstancePercent"]
        if percent > limit and first:
            raise _breach(
                "MaxUnhealthyInstancePercentExceededBeforeRollingUpgrade",
                "MaxUnhealthyInstancePercent",
                f"{percent:.0f}% of instances are in an unhealthy state before the "
                f"rolling upgrade - more than the threshold of {limit}%.",
                bad,
            )
        if percent > limit:
            raise _breach(
                "MaxUnhealthyInstancePercentExceededInRollingUpgrade",
                "MaxUnhealthyInstancePercent",
                f"{percent:.0f}% of instances are in an unhealthy state - more than "
                f"the threshold of {limit}%.",
                bad,
            )

    def check_after(self) -> None:
        bad = self.failed()
        percent = 100 * len(bad) / max(len(self.upgraded), 1)
        limit = self.policy["maxUnhealthyUpgradedInstancePercent"]
        if percent > limit:
            raise _breach(
                "MaxUnhealthyUpgradedInstancePercentExceededInRollingUpgrade",
                "MaxUnhealthyUpgradedInstancePercent",
                f"{percent:.0f}% of instances are in an unhealthy state after being "
                f"upgraded - more than the threshold of {limit}%.",
                bad,
            )


def _breach(code: str, limit: str, found: str, bad: list[Resource]) -> ArmError:
    return ArmError(
        409,
        code,
        f"Rolling Upgrade failed after exceeding the {limit} value defined in the "
        f"RollingUpgradePolicy. {found} The most impactful error is: Instance found "
        f"to be unhealthy or unreachable. First failed instance ID is: "
        f"{bad[0].id.name}. {MORE}",
    )
