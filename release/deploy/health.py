"""Wait until instances are healthy and serve; ask those that are not why.

The health that Azure reports and the load balancer's own probe are two things: both
are waited for. Instances that are gone, as autoscale takes them away, are no failure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from urllib.parse import urljoin

from release.deploy import guest, observe, probe
from release.deploy.deployed import Deployed, Instance
from release.deploy.work import Work
from release.errors import AzureError, DeployFailed, WaitTimedOut
from release.journal import Kind
from release.wait import Seen, wait_until

PROBES_PER_INSTANCE = 3
SITE_INTERVAL_S = 0.2
HEALTH_POLLS = 2
"""Health is asked for at twice the polling interval: instance views are costly to
Azure, which allows ten a minute (source: "Compute throttling limits")."""


class Health:
    """The health of one scale set.

    Args:
        work: What it works with.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._looked_at = 0.0
        self.last: tuple[Instance, ...] = ()
        """All instances as they were seen last."""
        self.well_at_s: dict[str, float] = {}
        """When each that is healthy on the latest model was first seen so, by id, on
        the monotonic clock."""

    def look(self) -> tuple[Instance, ...]:
        """Return all instances as they are now. One request a page."""
        self.last = observe.instances(self._work.azure, self._work.env)
        self._looked_at = time.monotonic()
        self.well_at_s = {
            each.id: self.well_at_s.get(each.id, self._looked_at)
            for each in self.last
            if each.healthy and each.latest_model
        }
        return self.last

    def wait_batch(self, ids: set[str]) -> None:
        """Wait until those of a batch that are still there are upgraded and healthy.

        Raises:
            DeployFailed: They did not become so; it says what they printed.
        """

        def look() -> Seen[bool]:
            there = [each for each in self.look() if each.id in ids]
            return judge(there, expected=0)

        self._wait(f"health of instance {', '.join(sorted(ids))}", look, ids)

    def wait_all(self) -> None:
        """Wait until all instances are, as many as the live capacity says.

        Raises:
            DeployFailed: They did not become so; it says what they printed.
        """

        def look() -> Seen[bool]:
            capacity = observe.capacity(self._work.azure, self._work.env)
            return judge(self.look(), expected=max(capacity, 1))

        self._wait("health of all instances", look, set())

    def wait_served(self, seen: Deployed, names: set[str]) -> None:
        """Wait until the site answers from instances, by their host names.

        Raises:
            DeployFailed: The load balancer does not use them.
        """
        env = self._work.env
        missing = set(names)
        url = urljoin(seen.site_url, env.health_path)
        count = PROBES_PER_INSTANCE * max(1, len(seen.instances))

        def look() -> Seen[bool]:
            answers = probe.ask([url] * count)
            missing.difference_update(
                answer.instance for answer in answers if answer.healthy
            )
            if missing and self._due():
                missing.intersection_update(each.name for each in self.look())
            return Seen(
                what=f"no answer of {', '.join(sorted(missing))} yet",
                value=None if missing else True,
            )

        try:
            wait_until(
                f"answers of {', '.join(sorted(names))} at {seen.site_url}",
                look,
                timeout_s=env.rollout.health_timeout_s,
                interval_s=SITE_INTERVAL_S,
                fix="see that the service answers with its host name as instance, "
                "and that the load balancer's probe reaches it",
                progress=self._work.progress,
            )
        except WaitTimedOut as error:
            raise DeployFailed(error.what, fix=error.fix) from error

    def diagnosis(self, instance: Instance) -> str:
        """Return what an instance's own services say; "" when it cannot be asked."""
        work = self._work
        try:
            poller = guest.begin(work.azure, work.env, instance, guest.DIAGNOSIS)
            said = guest.finish(work.azure, instance, poller)
        except (AzureError, WaitTimedOut) as error:
            work.progress(f"{instance.name} cannot be asked why: {error.what}")
            return ""
        for line in said.splitlines():
            work.journal.write(
                Kind.OUTPUT, stage=work.stage, line=f"{instance.name}: {line}"
            )
        return said

    def failure(self, what: str, said: str) -> DeployFailed:
        """Return the error of a service that does not get healthy."""
        last = "".join(f"\n  | {line}" for line in said.splitlines()[-12:])
        return DeployFailed(
            f"{what}{last}",
            fix="mend the service, so that it starts and answers 200 at "
            f"{self._work.env.health_path}; the log of this build has all it printed",
        )

    def _wait(self, goal: str, look: Callable[[], Seen[bool]], ids: set[str]) -> None:
        work = self._work
        try:
            wait_until(
                f"{goal} of {work.env.scale_set}",
                look,
                timeout_s=work.env.rollout.health_timeout_s,
                interval_s=work.azure.poll_s * HEALTH_POLLS,
                fix="",
                progress=work.progress,
            )
        except WaitTimedOut as error:
            unwell = [
                each
                for each in self.last
                if not each.healthy and (not ids or each.id in ids)
            ]
            said = self.diagnosis(unwell[0]) if unwell else ""
            raise self.failure(error.what, said) from error

    def _due(self) -> bool:
        passed_s = time.monotonic() - self._looked_at
        return passed_s > self._work.azure.poll_s * HEALTH_POLLS


def judge(instances: Sequence[Instance], *, expected: int) -> Seen[bool]:
    """Tell whether instances have the latest model and are healthy. Pure.

    One that is protected from upgrades is not waited for: only a person can help it.

    Args:
        instances: As seen now.
        expected: How many there must be.
    """
    good = [instance for instance in instances if instance.healthy]
    stale = [instance for instance in instances if instance.to_upgrade]
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
    enough = len(good) == len(instances) >= expected
    return Seen(what=what, value=True if enough and not stale else None)
