"""Strategy ``surge``: Azure makes new instances and deletes the old ones, by batches.

The scale set's policy becomes Rolling with maxSurge, which starts the upgrade (source:
"Restart a rolling upgrade": a change of the scale set lets Azure see which instances
are behind), and Manual again when the release is over. The request that starts it
lasts as long as the upgrade. Azure deletes an old instance by itself, so that it must
drain itself: see `drain.arm`; and only an instance whose model asks for it is told
that it goes, which `prepare` sees to.

Where a batch finds no quota, Azure upgrades it in place instead and tells nobody
(source: "Rolling upgrades with MaxSurge"): no instance is drained then. That shows in
instance ids: a surge changes them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.compute import models

from release.azure.operations import call
from release.deploy import batches
from release.deploy.deployed import Deployed, Instance
from release.deploy.drain import arm
from release.deploy.health import Health
from release.deploy.rollout import Limits, limits, plan
from release.deploy.upgrade import Upgrade
from release.deploy.work import Work
from release.errors import AzureError, DeployFailed, ReleaseError, WaitTimedOut
from release.journal import Kind
from release.wait import Seen, wait_until

NOTICE = "PT5M"
NOTICE_S = 300.0
IN_PLACE = "in_place"
"""Name of the journal's value: the instances that were upgraded in place."""
LOOK_POLLS = 4
"""Polls between two looks at instances: each look costs Azure two reads."""
PATIENCE_S = 60.0
"""How long a new instance may be unwell before it is asked why, at most."""

ROLLING = "Rolling"
RUNNING = "RollingForward"
COMPLETED = "Completed"


class InPlace(DeployFailed):
    """Azure upgraded instances in place where it was to make new ones."""


class Surge:
    """A rolling upgrade of one scale set.

    Args:
        work: What it works with.
        stops: Whether an upgrade in place ends it.
    """

    def __init__(self, work: Work, *, stops: bool) -> None:
        self._work = work
        self._stops = stops
        self._health = Health(work)
        self._earlier: Status | None = None
        self._before: frozenset[str] = frozenset()
        self._in_place: dict[str, str] = {}
        self._unwell: dict[str, float] = {}
        self._asked = ""
        self._said = ""
        self._due_s = 0.0

    def roll_out(self, seen: Deployed) -> None:
        """Let Azure replace all instances that do not have the latest model.

        What it leaves behind, `Upgrade.roll_out` can bring up to date.

        Raises:
            InPlace: It upgraded some in place, and that is to end the release.
            DeployFailed: The upgrade was faulted or cancelled, or takes too long.
            AzureError: Azure refused it.
        """
        stale = [instance for instance in seen.instances if instance.to_upgrade]
        if not stale:
            self._work.progress("every instance has the latest model already")
            return
        self._before = frozenset(instance.id for instance in stale)
        unhealthy = [each for each in seen.instances if not each.healthy]
        ratio = self._work.env.rollout.batch_ratio
        within = limits(
            len(seen.instances), batch_ratio=ratio, unhealthy=len(unhealthy)
        )
        arm(self._work, stale)
        self._work.progress(
            f"surge: {len(stale)} instances, {within.size} at a time are replaced"
        )
        self._earlier = status(self._work)
        since_s = time.monotonic()
        self._run(within, rounds=math.ceil(len(stale) / within.size))
        self._note_in_place(self._health.look())
        self._judge()
        new = [each for each in self._health.last if each.id not in self._before]
        batches.tell(
            *(self._work, self._health, "surge", new, seen.image_id),
            since_s=since_s,
            new=True,
        )
        if names := {each.name for each in new if each.healthy}:
            self._health.wait_served(seen, names)

    def _status(self) -> Status | None:
        """Return how this upgrade is; None while there is only an earlier one."""
        found, earlier = status(self._work), self._earlier
        old = found and earlier and found.started_at == earlier.started_at
        return None if old else found

    def _run(self, within: Limits, *, rounds: int) -> None:
        """Start the upgrade and wait for its end, whatever that is.

        Raises:
            InPlace: It does not surge, and was cancelled.
            DeployFailed: It takes too long, and was cancelled.
            AzureError: It was refused.
        """
        env = self._work.env
        each_s = env.rollout.health_timeout_s + NOTICE_S
        try:
            self._drive(within, timeout_s=env.deploy_timeout_s + rounds * each_s)
        except WaitTimedOut as error:
            halt(self._work)
            raise DeployFailed(error.what, fix=error.fix) from error
        except InPlace:
            halt(self._work)
            raise

    def _drive(self, within: Limits, *, timeout_s: float) -> None:
        try:
            self._work.change_once(
                f"the rolling upgrade of {self._work.env.scale_set}",
                models.VirtualMachineScaleSetUpdate(
                    properties=models.VirtualMachineScaleSetUpdateProperties(
                        upgrade_policy=policy(within)
                    )
                ),
                timeout_s=timeout_s,
                meanwhile=self._watch,
            )
        except AzureError:
            # The request fails as the upgrade does, which knows more of it; and
            # another change of the scale set may end the request alone.
            self._outlast(timeout_s)
            if self._status() is None:
                raise

    def _outlast(self, timeout_s: float) -> None:
        """Wait until this upgrade is not under way."""

        def look() -> Seen[bool]:
            self._watch()
            found = self._status()
            running = found is not None and found.code == RUNNING
            return Seen(what=str(found), value=None if running else True)

        wait_until(
            f"end of the rolling upgrade of {self._work.env.scale_set}",
            look,
            timeout_s=timeout_s,
            interval_s=LOOK_POLLS * self._work.azure.poll_s,
            fix="look at the scale set in the portal; the upgrade may still end",
        )

    def _watch(self) -> None:
        """Show how far it is; see in time that Azure does not surge."""
        if time.monotonic() < self._due_s:
            return
        self._due_s = time.monotonic() + LOOK_POLLS * self._work.azure.poll_s
        if found := self._status():
            self._tell(str(found))
        instances = self._health.look()
        self._note_in_place(instances)
        self._ask_unwell(instances)

    def _tell(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self._work.progress(f"rolling upgrade: {text}")

    def _note_in_place(self, instances: Sequence[Instance]) -> None:
        found = in_place(self._before, instances)
        if not found or found == self._in_place:
            return
        self._in_place = found
        names = ", ".join(found.values())
        self._work.journal.write(
            Kind.VALUE,
            stage=self._work.stage,
            name=IN_PLACE,
            value=sorted(found.values()),
        )
        env = self._work.env
        what = (
            f"{names} of {env.scale_set} got upgraded in place, undrained: Azure found "
            f"no quota for new instances"
        )
        if self._stops:
            raise InPlace(
                what,
                fix=f"ask for more cores of {env.instance_size} in {env.location}, or "
                'set rollout.strategy = "batches", or rollout.surge_fallback = "warn"',
            )
        self._work.progress(f"warning: {what}")

    def _ask_unwell(self, instances: Sequence[Instance]) -> None:
        """Ask one new instance why it does not get healthy, while it is there."""
        now_s = time.monotonic()
        patience_s = min(PATIENCE_S, self._work.env.rollout.health_timeout_s / 4)
        for each in instances:
            if each.id in self._before or each.healthy or self._asked:
                continue
            since_s = self._unwell.setdefault(each.id, now_s)
            if now_s - since_s >= patience_s:
                self._asked = self._health.diagnosis(each)

    def _judge(self) -> None:
        """Say how it ended.

        Raises:
            DeployFailed: Not well.
        """
        found = self._status()
        if found is None:
            self._work.progress("Azure began no rolling upgrade")
            return
        self._tell(str(found))
        if found.code == COMPLETED:
            return
        name = self._work.env.scale_set
        if found.error:
            raise self._health.failure(
                f"the rolling upgrade of {name} was {found}", self._asked
            )
        raise DeployFailed(
            f"the rolling upgrade of {name} was {found}",
            fix="see in the activity log who did it, then release again",
        )


def in_place(before: frozenset[str], instances: Sequence[Instance]) -> dict[str, str]:
    """Return the instances that got the latest model and kept their id. Pure.

    Args:
        before: Ids of the instances that did not have it.
        instances: All, as they are now.

    Returns:
        Names by id.
    """
    return {each.id: each.name for each in instances if _upgraded(each, before)}


def _upgraded(instance: Instance, before: frozenset[str]) -> bool:
    return instance.id in before and instance.latest_model


def policy(within: Limits) -> models.UpgradePolicy:
    """Return the policy that starts a surge. Pure."""
    return models.UpgradePolicy(
        mode=models.UpgradeMode.ROLLING,
        rolling_upgrade_policy=models.RollingUpgradePolicy(
            max_surge=True,
            max_batch_instance_percent=within.batch_percent,
            max_unhealthy_instance_percent=within.unhealthy_percent,
            max_unhealthy_upgraded_instance_percent=within.unhealthy_upgraded_percent,
            pause_time_between_batches=within.pause,
            prioritize_unhealthy_instances=True,
            # A release is undone as a whole, and to what is known to work.
            rollback_failed_instances_on_policy_breach=False,
        ),
    )


def prepare(work: Work, seen: Deployed) -> None:
    """Let instances be told before Azure deletes them, where they are not yet.

    Only an instance whose own model has the notice gets it, so the model and then the
    instances are changed, before another image is in the model. Nothing restarts.
    Those that are unwell serve nobody, and are left as they are.

    Raises:
        ReleaseError: An instance did not stay healthy, or Azure refused.
    """
    if not work.env.rollout.drain_command or seen.noticed:
        return
    if any(each.to_upgrade for each in seen.instances):
        # They would be upgraded to what is about to be replaced.
        work.progress("the scale set is mixed: old instances go undrained this time")
        return
    work.progress("letting instances know before they are deleted")
    work.change(
        "asking for terminate notifications",
        models.VirtualMachineScaleSetUpdate(
            properties=models.VirtualMachineScaleSetUpdateProperties(
                upgrade_policy=models.UpgradePolicy(mode=models.UpgradeMode.MANUAL),
                virtual_machine_profile=models.VirtualMachineScaleSetUpdateVMProfile(
                    scheduled_events_profile=models.ScheduledEventsProfile(
                        terminate_notification_profile=(
                            models.TerminateNotificationProfile(
                                enable=True, not_before_timeout=NOTICE
                            )
                        )
                    )
                ),
            )
        ),
    )
    upgrade = Upgrade(work)
    well = [instance for instance in upgrade.health.look() if instance.healthy]
    for batch in plan(well, batch_ratio=work.env.rollout.batch_ratio):
        upgrade.upgrade(batch, seen)


class Status:
    """How a rolling upgrade is, as Azure tells it.

    Args:
        raw: What ``rollingUpgrades/latest`` answered.
    """

    def __init__(self, raw: models.RollingUpgradeStatusInfo) -> None:
        found = raw.properties
        running = found.running_status if found else None
        progress = found.progress if found else None
        fault = found.error if found else None
        code = running.code if running else None
        self.code = str(getattr(code, "value", code) or "")
        self.started_at = running.start_time if running else None
        self.error = f"{fault.code}: {fault.message}" if fault and fault.code else ""
        self.counts = (
            {
                "upgraded": progress.successful_instance_count or 0,
                "failed": progress.failed_instance_count or 0,
                "in progress": progress.in_progress_instance_count or 0,
                "pending": progress.pending_instance_count or 0,
            }
            if progress
            else {}
        )

    def __str__(self) -> str:
        words = {RUNNING: "under way"}.get(self.code, self.code.lower())
        counts = ", ".join(f"{count} {what}" for what, count in self.counts.items())
        told = f"{words} with {counts}" if counts else words
        return f"{told}: {self.error}" if self.error else told


def status(work: Work) -> Status | None:
    """Return how the latest rolling upgrade is; None when there never was one."""
    env = work.env

    def request() -> Status | None:
        upgrades = work.azure.compute.virtual_machine_scale_set_rolling_upgrades
        try:
            return Status(upgrades.get_latest(env.resource_group, env.scale_set))
        except ResourceNotFoundError:
            return None

    return call(work.azure, f"reading the rolling upgrade of {env.scale_set}", request)


def halt(work: Work) -> bool:
    """Cancel a rolling upgrade that is under way; tell whether one was.

    It ends after its batch and leaves the scale set mixed.

    Raises:
        AzureError: Azure refused.
        WaitTimedOut: It goes on.
    """
    found = status(work)
    if found is None or found.code != RUNNING:
        return False
    work.progress("cancelling the rolling upgrade")
    upgrades = work.azure.compute.virtual_machine_scale_set_rolling_upgrades
    try:
        work.operate("cancelling the rolling upgrade", upgrades.begin_cancel)
    except AzureError:
        again = status(work)
        if again is None or again.code == RUNNING:
            raise
    return True


def back(work: Work, seen: Deployed) -> None:
    """Surge back to a model that is restored; what fails is left to batches."""
    try:
        Surge(work, stops=False).roll_out(seen)
    except ReleaseError as error:
        halt(work)
        work.progress(f"going on by batches: {error.what}")
