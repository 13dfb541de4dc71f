"""Rolling upgrades: batches, with health looked at before and after each.

https://learn.microsoft.com/azure/virtual-machine-scale-sets/virtual-machine-scale-sets-configure-rolling-upgrades
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError, HostFault, internal
from release.emulator.kinds import Body
from release.emulator.resources.compute import rolling_records as records
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
    protects,
    reports_health,
    seconds,
)
from release.emulator.resources.compute.rolling_policy import (
    batch_size,
    check_after,
    check_before,
)
from release.emulator.resources.compute.scaling import scale_out
from release.emulator.resources.compute.sizes import check_quota
from release.emulator.resources.compute.terminations import retire
from release.emulator.store import Resource

HEALTHY_WITHIN_S = 300
"""How long Azure waits for an upgraded instance to become healthy."""
INSTANT_WITHIN_S = 5
"""The same at once-pace."""
LOOK_EVERY_S = 0.05


async def roll(cloud: Cloud, scale_set: Resource) -> None:
    """Upgrade all instances to the latest model in batches.

    Raises:
        ArmError: Too many instances are unhealthy, or one could not take the model;
            the upgrade is Faulted, as by any other error.
        HostFault: A machine could not.
    """
    run = _Run(cloud, scale_set)
    run.begin()
    try:
        await run.batches()
    except asyncio.CancelledError:
        run.end("Cancelled")
        raise
    except Exception as error:
        await run.fault(error)
        raise
    run.end("Cancelled" if run.record.get("cancel") else "Completed")


class _Run:
    """One rolling upgrade."""

    def __init__(self, cloud: Cloud, scale_set: Resource) -> None:
        self.cloud, self.scale_set = cloud, scale_set
        policy = scale_set.properties["upgradePolicy"]
        self.policy: Body = dict(policy.get("rollingUpgradePolicy") or {})
        check_rolling_policy(self.policy)
        self.record: dict[str, Any] = {}
        self.upgraded: list[Resource] = []
        self.rolled_back = self.not_rolled_back = 0

    # --- the record ---------------------------------------------------------

    def begin(self) -> None:
        self.record = records.begun(self.scale_set, self.policy)
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
        records.ended(
            self.scale_set,
            code,
            rolled_back=self.rolled_back,
            not_rolled_back=self.not_rolled_back,
        )
        self.cloud.store.save(self.scale_set)

    async def fault(self, error: Exception) -> None:
        known = error if isinstance(error, ArmError) else internal(error)
        self.record["error"] = known.body()
        try:
            if self.policy["rollbackFailedInstancesOnPolicyBreach"]:
                await self.roll_back()
        finally:
            self.end("Faulted")

    async def roll_back(self) -> None:
        """Give failed instances back what they had; tell of those that get it."""
        before = [i for i in self.failed() if i.private.get("previous")]
        outcomes = await asyncio.gather(
            *(restore_previous(self.cloud, self.scale_set, i) for i in before),
            return_exceptions=True,
        )
        self.rolled_back = outcomes.count(None)
        self.not_rolled_back = len(before) - self.rolled_back

    # --- the batches --------------------------------------------------------

    def instances(self) -> list[Resource]:
        return instances_of(self.cloud, self.scale_set.id)

    def pending(self) -> list[Resource]:
        """Return what is yet to be upgraded, in order."""
        left = [
            instance
            for instance in self.instances()
            if instance not in self.upgraded
            and not is_latest(self.scale_set, instance)
            and not protects(instance, "protectFromScaleSetActions")
        ]
        if not self.policy["enableCrossZoneUpgrade"]:
            left.sort(key=lambda i: "".join(i.body.get("zones") or [""]))
        if self.policy["prioritizeUnhealthyInstances"]:
            left.sort(key=lambda i: not self.unhealthy(i))
        return left

    def together(self, pending: list[Resource]) -> list[Resource]:
        """Return those that may share a batch with the first: as a rule, one zone."""
        if self.policy["enableCrossZoneUpgrade"]:
            return pending
        zone = pending[0].body.get("zones")
        return [i for i in pending if i.body.get("zones") == zone]

    def unhealthy(self, instance: Resource) -> bool:
        """Tell whether an instance counts as unhealthy."""
        if instance.state == "Failed" or instance.private.get("power") != "running":
            return True
        reporting = reports_health(self.scale_set.properties)
        return reporting and health_of(instance) not in (HEALTHY, INITIALIZING)

    def failed(self) -> list[Resource]:
        """Return those that were to be upgraded, and are not, or are unhealthy."""
        return [
            i
            for i in self.upgraded
            if self.unhealthy(i) or not is_latest(self.scale_set, i)
        ]

    async def batches(self) -> None:
        first = True
        total = len(self.instances())
        size = batch_size(total, self.policy["maxBatchInstancePercent"])
        while (pending := self.pending()) and not self.record.get("cancel"):
            if not first:
                await self.pause()
            there = self.instances()
            bad = [i for i in there if self.unhealthy(i)]
            check_before(self.policy, bad, len(there), first=first)
            first = False
            await self.one_batch(self.together(pending)[:size])
            check_after(self.policy, self.failed(), len(self.upgraded))

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
            try:
                await all_of(self.in_place(i) for i in batch)
            finally:
                self.upgraded += batch
        self.count(in_progress=0)

    def room_for(self, further: int) -> bool:
        """Tell whether the quota lets a batch be surged; else it goes in place.

        Nobody is told of it (source: "Rolling upgrades with MaxSurge").
        """
        body = self.scale_set.body
        try:
            check_quota(
                self.cloud,
                self.scale_set.id,
                body["sku"]["name"],
                further,
                body["location"],
            )
        except ArmError:
            return False
        return True

    async def surge(self, batch: list[Resource]) -> None:
        """Make new instances, and delete the old ones when those are good enough."""
        there = {i.id.key for i in self.instances()}
        try:
            fresh = await scale_out(self.cloud, self.scale_set, len(batch))
            await all_of(self.healthy(i) for i in fresh)
            if self.record.get("cancel") and any(self.unhealthy(i) for i in fresh):
                await all_of(take_away(self.cloud, i) for i in fresh)
                return
            self.upgraded += fresh
            check_after(self.policy, self.failed(), len(self.upgraded))
        except (ArmError, HostFault):
            fresh = [i for i in self.instances() if i.id.key not in there]
            self.upgraded += [i for i in fresh if i not in self.upgraded]
            await all_of(take_away(self.cloud, i) for i in fresh)
            raise
        await retire(self.cloud, batch)

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
