"""Prove what is deployed: asked of Azure, and of every instance itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from release.azure.clients import Azure
from release.azure.ids import same
from release.deploy.deployed import ACTIONS, Deployed
from release.deploy.observe import observe
from release.deploy.probe import Answer, ask_each
from release.errors import DeployFailed, IdentityMismatch, WaitTimedOut
from release.settings import Environment
from release.wait import Seen, wait_until

TIMEOUT_S = 60.0
INTERVAL_S = 0.5
KEPT = " (protected from scale-set actions)"


def prove(
    azure: Azure,
    env: Environment,
    *,
    build: str,
    image_id: str,
    progress: Callable[[str], None],
) -> Deployed:
    """See that every instance runs a build, by its own word.

    Each look asks Azure anew which instances there are: autoscale goes on, and what it
    makes is proved too.

    Args:
        azure: Where.
        env: The environment.
        build: The build id that each must answer with; "" where none is known, for
            what another tool had deployed: then each must only be well.
        image_id: The image that the scale set's model must name.
        progress: Told what is waited for.

    Returns:
        What is deployed, each instance with the build that it answered with.

    Raises:
        IdentityMismatch: The model names another image, an instance lacks the
            latest model, or answers with another build.
        DeployFailed: An instance does not answer at its own address.
    """

    def look() -> Seen[Deployed]:
        seen = observe(azure, env)
        if seen is None:
            raise DeployFailed(
                f"scale set {env.scale_set} is gone",
                fix="see in the activity log who deleted it",
            )
        _model_is(seen, image_id, env.scale_set)
        answers = ask_each(seen.instances, env.health_path)
        return identity(seen, answers, build=build)

    try:
        return wait_until(
            f"proof that every instance runs {build}",
            look,
            timeout_s=TIMEOUT_S,
            interval_s=max(INTERVAL_S, azure.poll_s),
            fix="see that allowed_source lets this machine reach the load balancer's "
            "ports from 50000 up",
            progress=progress,
        )
    except WaitTimedOut as error:
        raise DeployFailed(error.what, fix=error.fix) from error


def identity(
    seen: Deployed, answers: Sequence[Answer], *, build: str
) -> Seen[Deployed]:
    """Judge what instances answered. Pure.

    Raises:
        IdentityMismatch: One answered, and with another build.
    """
    told = tuple(
        replace(instance, build=answer.build)
        for instance, answer in zip(seen.instances, answers, strict=True)
    )
    wrong = [
        f"{instance.name} answers with {instance.build or 'no build'}"
        f"{KEPT if instance.protection == ACTIONS else ''}"
        for instance, answer in zip(told, answers, strict=True)
        if answer.healthy and build and instance.build != build
    ]
    if wrong:
        raise IdentityMismatch(
            f"not every instance runs {build}: {', '.join(wrong)}",
            fix="see that the service's unit reads /etc/release.env and that its "
            "health path tells RELEASE_BUILD as build",
        )
    silent = [
        f"{instance.name}: {answer}"
        for instance, answer in zip(told, answers, strict=True)
        if not answer.healthy
    ]
    if silent or not told:
        return Seen(what="; ".join(silent) or "no instance")
    return Seen(what="proved", value=replace(seen, instances=told))


def _model_is(seen: Deployed, image_id: str, scale_set: str) -> None:
    if not same(seen.image_id, image_id):
        raise IdentityMismatch(
            f"the model of {scale_set} names image {seen.image_id}, not {image_id}",
            fix="see in the activity log who changed it, then release again",
        )
    # One that is protected from upgrades is judged by its own word alone.
    stale = [instance.name for instance in seen.instances if instance.to_upgrade]
    if stale:
        raise IdentityMismatch(
            f"{', '.join(stale)} of {scale_set}: the latest model is not applied",
            fix="release again; the scale set may have been scaled meanwhile",
        )
