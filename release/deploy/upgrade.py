"""Strategy ``batches``: we bring instances to the latest model, none of the site lost.

Each batch is drained (its instances answer 503, the load balancer's probe takes them
out), upgraded in place, waited for until healthy, and seen answering through the load
balancer before the next batch is touched. With upgrade policy Manual, nothing changes
an instance but this (source: "Upgrade policy modes").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from azure.mgmt.compute import models

from release.azure.ids import same
from release.deploy import batches
from release.deploy.deployed import Deployed, Instance
from release.deploy.drain import drain
from release.deploy.health import Health
from release.deploy.rollout import Batch, plan
from release.deploy.unwell import TIMEOUT_S, unwell
from release.deploy.work import Work
from release.errors import AzureError

Between = Callable[[Batch], None]


class Upgrade:
    """The upgrade of one scale set.

    Args:
        work: What it works with.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self.health = Health(work)

    def roll_out(self, seen: Deployed, *, between: Between = lambda _: None) -> None:
        """Upgrade all instances that do not have the latest model.

        Those that come meanwhile have it from the start; those that go need none.

        Args:
            seen: What is deployed, as it was seen just now.
            between: Told after each batch but the last; what it raises ends the
                roll-out.

        Raises:
            DeployFailed: A batch did not become healthy; later ones are untouched.
            AzureError: Azure refused or failed.
        """
        instances, began = seen.instances, False
        ratio = self._work.env.rollout.batch_ratio
        while planned := plan(instances, batch_ratio=ratio):
            began = True
            for number, batch in enumerate(planned, 1):
                if number > 1 and not (batch := self._still_there(batch)):
                    continue
                names = ", ".join(instance.name for instance in batch)
                named = f"{number} of {len(planned)}"
                self._work.progress(f"batch {named}: {names}")
                with batches.batch(self._work, self.health, named, batch, seen):
                    self.upgrade(batch, seen)
                if waiting := tuple(one for each in planned[number:] for one in each):
                    between(Batch(number=number, upgraded=batch, waiting=waiting))
            instances = self.health.look()
        if not began:
            self._work.progress("every instance has the latest model already")

    def mend(self, seen: Deployed, *, timeout_s: float = TIMEOUT_S) -> None:
        """Reimage, in batches, instances of the latest model that serve nobody.

        No upgrade would touch them. A release that was ended between drain and
        upgrade leaves such instances, and so does a disk that somebody spoilt.

        Args:
            seen: What is deployed, as it was seen just now.
            timeout_s: Seconds in which it must be clear which those are.

        Raises:
            DeployFailed: They did not become healthy; later batches are untouched.
            AzureError: Azure refused or failed.
        """
        told = unwell(self._work, self.health, seen, timeout_s=timeout_s)
        planned = plan(
            [
                replace(each, latest_model=each.id not in told)
                for each in seen.instances
            ],
            batch_ratio=self._work.env.rollout.batch_ratio,
        )
        for number, batch in enumerate(planned, 1):
            ill = {each.id for each in self.health.last if not each.healthy}
            if not (batch := tuple(each for each in batch if each.id in ill)):
                continue
            named = f"reimaged {number} of {len(planned)}"
            self._work.progress(f"reimaging {', '.join(told[it.id] for it in batch)}")
            with batches.batch(self._work, self.health, named, batch, seen):
                self._reimage({each.id for each in batch})
            self.health.wait_served(seen, {each.name for each in batch})

    def _reimage(self, ids: set[str]) -> None:
        which = models.VirtualMachineScaleSetReimageParameters(instance_ids=list(ids))
        scale_sets = self._work.azure.compute.virtual_machine_scale_sets
        self._work.operate(
            f"reimaging instances {', '.join(ids)}",
            lambda group, name: scale_sets.begin_reimage(group, name, which),
        )
        self.health.wait_batch(ids)

    def _still_there(self, batch: Sequence[Instance]) -> tuple[Instance, ...]:
        """Return those of a batch that were there and stale at the last look."""
        there = {each.id for each in self.health.last if each.to_upgrade}
        return tuple(instance for instance in batch if instance.id in there)

    def upgrade(self, batch: Sequence[Instance], seen: Deployed) -> None:
        """Upgrade a batch, drained before and seen serving afterwards.

        Raises:
            DeployFailed: It did not become healthy.
            AzureError: Azure refused or failed.
        """
        drain(self._work, [each for each in batch if restarts(each, seen)], seen)
        self._update_those_there(batch)
        self.health.wait_batch({instance.id for instance in batch})
        there = {instance.id for instance in self.health.last}
        names = {instance.name for instance in batch if instance.id in there}
        if names:
            self.health.wait_served(seen, names)

    def _update_those_there(self, batch: Sequence[Instance]) -> None:
        """Upgrade a batch; one that autoscale took away meanwhile needs none."""
        try:
            self._update(batch)
        except AzureError:
            there = {instance.id for instance in self.health.look()}
            left = [instance for instance in batch if instance.id in there]
            if len(left) == len(batch):
                raise
            if left:
                self._update(left)

    def _update(self, batch: Sequence[Instance]) -> None:
        which = models.VirtualMachineScaleSetVMInstanceRequiredIDs(
            instance_ids=[instance.id for instance in batch]
        )
        scale_sets = self._work.azure.compute.virtual_machine_scale_sets
        self._work.operate(
            f"upgrading {', '.join(instance.name for instance in batch)}",
            lambda group, name: scale_sets.begin_update_instances(group, name, which),
            done=lambda: self._have_latest({instance.id for instance in batch}),
        )

    def _have_latest(self, ids: set[str]) -> bool:
        """Tell whether instances have the latest model, and nothing changes them."""
        found = [each for each in self.health.look() if each.id in ids]
        return len(found) == len(ids) and all(each.latest_model for each in found)


def restarts(instance: Instance, seen: Deployed) -> bool:
    """Tell whether an upgrade restarts an instance: another image, another size. Pure.

    Anything else is applied while it runs. To drain it for that would take it out of
    the site for good, since nothing would make it serve again.
    """
    return not same(instance.image_id, seen.image_id) or instance.size != seen.size
