"""Find instances on the latest model that serve nobody: only a reimage helps them.

One that does not answer here may be well all the same, since visitors come to it
another way: Azure must find it unwell too, and both of them several times.
"""

from __future__ import annotations

from release.deploy.deployed import HEALTHY, Deployed, Instance
from release.deploy.health import HEALTH_POLLS, Health
from release.deploy.probe import ask_each
from release.deploy.work import Work
from release.errors import WaitTimedOut
from release.wait import Seen, wait_until

LOOKS = 3
"""Looks at which an instance must be silent: 20 s of Azure's."""
TIMEOUT_S = 60.0
"""Seconds after which one that is silent here, and well for Azure, is let be."""
WELL = (HEALTHY, "initializing")


def unwell(
    work: Work, health: Health, seen: Deployed, *, timeout_s: float = TIMEOUT_S
) -> dict[str, str]:
    """Return what those that serve nobody answer, by id.

    Azure is asked only where one does not answer.

    Args:
        work: What it works with.
        health: Looks at the instances.
        seen: What is deployed.
        timeout_s: Seconds for the two to agree.
    """
    silent = {
        each.id: each
        for each in seen.instances
        if each.latest_model and each.settled and each.address
    }
    told: dict[str, str] = {}
    looks = 0

    def look() -> Seen[bool]:
        nonlocal looks
        answers = ask_each(tuple(silent.values()), work.env.health_path)
        for identifier, answer in zip(tuple(silent), answers, strict=True):
            told[identifier] = f"{silent[identifier].name} ({answer})"
            if answer.healthy:
                del silent[identifier]
        if not silent:
            return Seen(what="each answers", value=True)
        looks += 1
        for gone in silent.keys() - {each.id for each in health.look()}:
            del silent[gone]
        there = [each for each in health.last if each.id in silent]
        return Seen(
            what="; ".join(f"{told[each.id]}, Azure: {each.health}" for each in there),
            value=None if looks < LOOKS or any(map(_well, there)) else True,
        )

    try:
        wait_until(
            "answers of all instances",
            look,
            timeout_s=timeout_s,
            interval_s=work.azure.poll_s * HEALTH_POLLS,
            fix="",
            progress=work.progress,
        )
    except WaitTimedOut as error:
        work.progress(f"{error.what}. What Azure finds well is let be")
    ill = {each.id for each in health.last if not _well(each)}
    return {identifier: told[identifier] for identifier in silent.keys() & ill}


def _well(instance: Instance) -> bool:
    return instance.health in WELL
