"""Bring instances to the latest model, batch by batch, none of the site lost.

Each batch is drained (its instances answer 503, the load balancer's probe takes them
out), upgraded, waited for until healthy, and seen answering through the load
balancer before the next batch is touched: the health that Azure reports and the load
balancer's own probe are two things. With upgrade policy Manual, nothing changes an
instance but this (source: "Upgrade policy modes").
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import urljoin

from azure.core.polling import LROPoller
from azure.mgmt.compute import models

from release.azure.clients import Azure
from release.azure.operations import carry_out
from release.deploy import guest, observe, probe
from release.deploy.deployed import Deployed, Instance
from release.deploy.probe import ask_each
from release.deploy.rollout import plan
from release.errors import AzureError, DeployFailed, WaitTimedOut
from release.journal import Journal, Kind
from release.settings import Environment
from release.wait import Seen, wait_until

T = TypeVar("T")

PROBES_PER_INSTANCE = 3
SITE_INTERVAL_S = 0.2
DRAIN_INTERVAL_S = 0.2
DRAIN_TIMEOUT_S = 10.0
HEALTH_POLLS = 2
"""Health is asked for at twice the polling interval: instance views are costly to
Azure, which allows ten a minute (source: "Compute throttling limits")."""


class Upgrade:
    """The upgrade of one scale set.

    Args:
        azure: Where.
        env: The environment.
        journal: Told of everything.
        stage: The stage that it belongs to.
    """

    def __init__(
        self, azure: Azure, env: Environment, journal: Journal, stage: str
    ) -> None:
        self._azure = azure
        self._env = env
        self._journal = journal
        self._stage = stage

    def roll_out(self, seen: Deployed) -> None:
        """Upgrade all instances that do not have the latest model.

        Raises:
            DeployFailed: A batch did not become healthy; later ones are untouched.
            AzureError: Azure refused or failed.
        """
        batches = plan(seen.instances, batch_ratio=self._env.rollout.batch_ratio)
        if not batches:
            self._progress("every instance has the latest model already")
        for number, batch in enumerate(batches, 1):
            names = ", ".join(instance.name for instance in batch)
            self._progress(f"batch {number} of {len(batches)}: {names}")
            self._drain(batch, seen)
            self._upgrade(batch)
            self.wait_healthy({instance.id for instance in batch}, expected=len(batch))
            self.wait_served(seen, {instance.name for instance in batch})

    def mend(self, seen: Deployed) -> None:
        """Reimage instances that do not serve though they have the latest model.

        No upgrade would touch them. A release that was ended between drain and
        upgrade leaves such instances, and so does a disk that somebody spoilt.

        Raises:
            DeployFailed: They did not become healthy.
            AzureError: Azure refused or failed.
        """
        latest = [instance for instance in seen.instances if instance.latest_model]
        answers = ask_each(latest, self._env.health_path)
        unwell = {
            instance.id: f"{instance.name} ({answer})"
            for instance, answer in zip(latest, answers, strict=True)
            if not answer.healthy and instance.address
        }
        if not unwell:
            return
        self._progress(f"reimaging {', '.join(unwell.values())}")
        self._change(
            f"reimaging instances {', '.join(unwell)}",
            self._azure.compute.virtual_machine_scale_sets.begin_reimage,
            models.VirtualMachineScaleSetReimageParameters(instance_ids=list(unwell)),
        )
        self.wait_healthy(set(unwell), expected=len(unwell))
        names = {instance.name for instance in latest if instance.id in unwell}
        self.wait_served(seen, names)

    def wait_healthy(self, ids: set[str], *, expected: int) -> tuple[Instance, ...]:
        """Wait until instances have the latest model and are healthy.

        Args:
            ids: Which ones; empty: all.
            expected: How many there must be.

        Raises:
            DeployFailed: They did not become healthy; it says what they printed.
        """
        latest: list[Instance] = []

        def look() -> Seen[tuple[Instance, ...]]:
            latest[:] = [
                instance
                for instance in observe.instances(self._azure, self._env)
                if not ids or instance.id in ids
            ]
            return judge(latest, expected)

        names = f"instance {', '.join(sorted(ids))}" if ids else "all instances"
        try:
            return wait_until(
                f"health of {names} of {self._env.scale_set}",
                look,
                timeout_s=self._env.rollout.health_timeout_s,
                interval_s=self._azure.poll_s * HEALTH_POLLS,
                fix="",
                progress=self._progress,
            )
        except WaitTimedOut as error:
            raise self._unhealthy(error, latest) from error

    def wait_served(self, seen: Deployed, names: set[str]) -> None:
        """Wait until the site answers from instances, by their host names.

        Raises:
            DeployFailed: The load balancer does not use them.
        """
        missing = set(names)
        url = urljoin(seen.site_url, self._env.health_path)
        count = PROBES_PER_INSTANCE * max(1, len(seen.instances))

        def look() -> Seen[bool]:
            answers = probe.ask([url] * count)
            missing.difference_update(
                answer.instance for answer in answers if answer.healthy
            )
            return Seen(
                what=f"no answer of {', '.join(sorted(missing))} yet",
                value=None if missing else True,
            )

        self._until(
            f"answers of {', '.join(sorted(names))} at {seen.site_url}",
            look,
            timeout_s=self._env.rollout.health_timeout_s,
            interval_s=SITE_INTERVAL_S,
            fix="see that the service answers with its host name as instance, and "
            "that the load balancer's probe reaches it",
        )

    def _drain(self, batch: Sequence[Instance], seen: Deployed) -> None:
        """Let the instances that serve finish; one that is unwell serves nobody."""
        rollout = self._env.rollout
        serving = [instance for instance in batch if instance.healthy]
        if not rollout.drain_command or not serving:
            return
        begun = []
        for instance in serving:
            try:
                begun.append(
                    (
                        instance,
                        guest.begin(
                            self._azure, self._env, instance, rollout.drain_command
                        ),
                    )
                )
            except AzureError as error:
                self._progress(f"{instance.name} is not drained: {error.what}")
        for instance, poller in begun:
            try:
                guest.finish(self._azure, instance, poller)
            except (AzureError, WaitTimedOut) as error:
                self._progress(f"{instance.name} is not drained: {error.what}")
        self._see_drained(serving)
        self._see_unserved({instance.name for instance in serving}, seen)
        self._rest(rollout.drain_s)

    def _see_drained(self, batch: Sequence[Instance]) -> None:
        """Wait until instances tell probes that they are draining.

        One that goes on answering 200 is upgraded all the same, after the pause.
        """

        def look() -> Seen[bool]:
            answers = ask_each(batch, self._env.health_path)
            serving = [
                instance.name
                for instance, answer in zip(batch, answers, strict=True)
                if answer.healthy
            ]
            return Seen(
                what=f"{', '.join(serving)} answers 200 to probes",
                value=None if serving else True,
            )

        self._hope("draining instances", look)

    def _see_unserved(self, names: set[str], seen: Deployed) -> None:
        """Wait until the site does not answer from instances, by their host names.

        That they tell probes that they drain, and that the load balancer's probe has
        asked them since, are two things.
        """
        url = urljoin(seen.site_url, self._env.health_path)
        count = PROBES_PER_INSTANCE * max(1, len(seen.instances))

        def look() -> Seen[bool]:
            answered = {answer.instance for answer in probe.ask([url] * count)}
            still = sorted(names & answered)
            return Seen(
                what=f"{', '.join(still)} still gets connections",
                value=None if still else True,
            )

        self._hope(f"{seen.site_url} without {', '.join(sorted(names))}", look)

    def _hope(self, goal: str, look: Callable[[], Seen[bool]]) -> None:
        """Wait for what an upgrade can do without."""
        try:
            wait_until(
                goal,
                look,
                timeout_s=DRAIN_TIMEOUT_S,
                interval_s=DRAIN_INTERVAL_S,
                fix="",
                progress=self._progress,
            )
        except WaitTimedOut as error:
            self._progress(f"{error.what}: see drain_command; going on")

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds

        def look() -> Seen[bool]:
            over = time.monotonic() >= until
            return Seen(
                what="requests under way may finish", value=True if over else None
            )

        self._until(
            f"the end of the {seconds:g} s of draining",
            look,
            timeout_s=seconds + 1,
            interval_s=max(seconds, DRAIN_INTERVAL_S),
            fix="",
        )

    def _upgrade(self, batch: Sequence[Instance]) -> None:
        ids = models.VirtualMachineScaleSetVMInstanceRequiredIDs(
            instance_ids=[instance.id for instance in batch]
        )
        self._change(
            f"upgrading {', '.join(instance.name for instance in batch)}",
            self._azure.compute.virtual_machine_scale_sets.begin_update_instances,
            ids,
            done=lambda: self._have_latest({instance.id for instance in batch}),
        )

    def _have_latest(self, ids: set[str]) -> bool:
        """Tell whether instances have the latest model, and nothing changes them."""
        found = [it for it in observe.instances(self._azure, self._env) if it.id in ids]
        return len(found) == len(ids) and all(it.latest_model for it in found)

    def _change(
        self,
        doing: str,
        begin: Callable[[str, str, T], LROPoller[None]],
        which: T,
        *,
        done: Callable[[], bool] = lambda: False,
    ) -> None:
        env = self._env
        carry_out(
            self._azure,
            doing,
            lambda: begin(env.resource_group, env.scale_set, which),
            done=done,
            timeout_s=env.deploy_timeout_s,
            progress=self._progress,
        )

    def _unhealthy(
        self, error: WaitTimedOut, latest: Sequence[Instance]
    ) -> DeployFailed:
        """Say what the first unwell instance's own services say."""
        unwell = [instance for instance in latest if not instance.healthy]
        said = self._diagnosis(unwell[0]) if unwell else ""
        last = "".join(f"\n  | {line}" for line in said.splitlines()[-12:])
        return DeployFailed(
            f"{error.what}{last}",
            fix="mend the service, so that it starts and answers 200 at "
            f"{self._env.health_path}; the log of this build has all it printed",
        )

    def _diagnosis(self, instance: Instance) -> str:
        try:
            poller = guest.begin(self._azure, self._env, instance, guest.DIAGNOSIS)
            said = guest.finish(self._azure, instance, poller)
        except (AzureError, WaitTimedOut) as error:
            self._progress(f"{instance.name} cannot be asked why: {error.what}")
            return ""
        for line in said.splitlines():
            self._journal.write(
                Kind.OUTPUT, stage=self._stage, line=f"{instance.name}: {line}"
            )
        return said

    def _until(
        self,
        goal: str,
        look: Callable[[], Seen[bool]],
        *,
        timeout_s: float,
        interval_s: float,
        fix: str,
    ) -> None:
        try:
            wait_until(
                goal,
                look,
                timeout_s=timeout_s,
                interval_s=interval_s,
                fix=fix,
                progress=self._progress,
            )
        except WaitTimedOut as error:
            raise DeployFailed(error.what, fix=error.fix) from error

    def _progress(self, text: str) -> None:
        self._journal.write(Kind.PROGRESS, stage=self._stage, text=text)


def judge(instances: Sequence[Instance], expected: int) -> Seen[tuple[Instance, ...]]:
    """Tell whether instances have the latest model and are healthy. Pure.

    Args:
        instances: As seen now.
        expected: How many there must be; at least one is needed.
    """
    good = [instance for instance in instances if instance.healthy]
    stale = [instance for instance in instances if not instance.latest_model]
    what = f"{len(good)} of {max(expected, len(instances))} instances healthy"
    unwell = ", ".join(
        f"{instance.name} {instance.health}"
        for instance in instances
        if not instance.healthy
    )
    if unwell:
        what += f" ({unwell})"
    if stale:
        what += f", {len(stale)} not on the latest model"
    enough = len(good) == len(instances) >= max(expected, 1)
    return Seen(what=what, value=tuple(instances) if enough and not stale else None)
