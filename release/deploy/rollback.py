"""Undo a release that did not pass.

What ran before comes back as it was recorded: image, size and tags, instance by
instance, proved like a release. Azure's own rollback on error is never used: it
redeploys in Complete mode, which deletes whatever the template does not name
(source: "Roll back on error to successful deployment").
"""

from __future__ import annotations

from collections.abc import Mapping

from azure.core.exceptions import ResourceNotFoundError
from azure.core.polling import LROPoller
from azure.mgmt.compute import models

from release.azure import deployments, groups, tags
from release.azure.operations import call, carry_out
from release.deploy.deploy import Target, patch
from release.deploy.deployed import Deployed
from release.deploy.observe import observe
from release.deploy.prove import prove
from release.deploy.surge import IN_PLACE, back, halt
from release.deploy.upgrade import Upgrade
from release.errors import DeployFailed
from release.wait import Seen, wait_until

STAGE = "rollback"
MANUAL = {"mode": "Manual"}


def roll_back(target: Target, previous: Deployed) -> Deployed:
    """Bring back what ran before, and prove it.

    Args:
        target: Where.
        previous: What `observe` saw before the release changed anything.

    Returns:
        What is deployed now.

    Raises:
        DeployFailed: It did not come back.
        AzureError: Azure refused or failed.
    """
    target.progress(f"bringing back {previous.build or previous.image_id}", stage=STAGE)
    work = target.work(STAGE)
    patch(target, model(previous), doing="restoring the model", stage=STAGE)
    seen = observe(target.azure, target.env)
    if seen is None:
        raise DeployFailed(
            f"scale set {target.env.scale_set} is gone: nothing can come back",
            fix="release again; the image is still in the gallery",
        )
    upgrade = Upgrade(work)
    upgrade.mend(seen)
    if target.env.rollout.strategy == "surge" and not target.journal.value(IN_PLACE):
        back(work, seen)
        seen = seen.with_instances(upgrade.health.look())
    upgrade.roll_out(seen)
    upgrade.health.wait_all()
    proved = prove(
        target.azure,
        target.env,
        build=previous.build,
        image_id=previous.image_id,
        progress=lambda text: target.progress(text, stage=STAGE),
    )
    if previous.repairs or proved.mode != previous.mode:
        patch(
            target,
            at_rest(previous),
            doing="restoring upgrade policy and automatic repairs",
            stage=STAGE,
        )
    return proved


def settle(target: Target, *, build: str) -> None:
    """Stop what a build's deployment still does, and wait until nothing changes.

    Azure goes on with what was begun whether or not anybody looks: a deployment that
    an interrupted release left running would bring its image back after the undo.

    Args:
        target: Where.
        build: Id of the build that is undone.

    Raises:
        WaitTimedOut: It goes on for longer than ``deploy_timeout_s``.
        AzureError: Azure refused or failed.
    """
    azure, env = target.azure, target.env
    name = f"release-{build}"
    if deployments.halt(azure, env.resource_group, name) == "":
        return
    if env.rollout.strategy == "surge":
        halt(target.work(STAGE))

    def look() -> Seen[bool]:
        deployment = deployments.halt(azure, env.resource_group, name)
        scale_set = _state(target)
        over = {deployment, scale_set} <= {"", *deployments.ENDED}
        return Seen(
            what=f"deployment {deployment.lower()}, scale set {scale_set.lower()}",
            value=True if over else None,
        )

    wait_until(
        f"end of what {name} has begun",
        look,
        timeout_s=env.deploy_timeout_s,
        interval_s=azure.poll_s,
        fix="look at the resource group's activity log",
        progress=lambda text: target.progress(text, stage=STAGE),
    )


def _state(target: Target) -> str:
    """Return the scale set's provisioning state, "" when there is none."""
    env = target.env

    def look() -> str:
        try:
            found = target.azure.compute.virtual_machine_scale_sets.get(
                env.resource_group, env.scale_set
            )
        except ResourceNotFoundError:
            return ""
        state = found.properties.provisioning_state if found.properties else None
        return str(state or "")

    return call(target.azure, f"reading scale set {env.scale_set}", look)


def at_rest(previous: Deployed) -> models.VirtualMachineScaleSetUpdate:
    """Return the change that restores what a release suspends. Pure.

    All instances have the latest model by now, so no policy upgrades any. Where a
    release was killed before, the policy that was recorded is its own.
    """
    killed = previous.tags.get(tags.REPAIRS) == tags.SUSPENDED
    recorded = {} if killed else dict(previous.policy)
    return models.VirtualMachineScaleSetUpdate(
        tags={k: v for k, v in previous.tags.items() if k != tags.REPAIRS},
        properties=models.VirtualMachineScaleSetUpdateProperties(
            upgrade_policy=models.UpgradePolicy(recorded or MANUAL),
            automatic_repairs_policy=models.AutomaticRepairsPolicy(
                enabled=previous.repairs
            ),
        ),
    )


def model(previous: Deployed) -> models.VirtualMachineScaleSetUpdate:
    """Return the change that restores a recorded model. Pure.

    Repairs stay off, and the policy Manual, until the instances have followed.
    """
    labels, repairs = dict(previous.tags), None
    if previous.repairs:
        labels[tags.REPAIRS] = tags.SUSPENDED
        # They are on again where tagging what passed came to no end.
        repairs = models.AutomaticRepairsPolicy(enabled=False)
    return models.VirtualMachineScaleSetUpdate(
        sku=models.Sku(name=previous.size, tier="Standard"),
        tags=labels,
        properties=models.VirtualMachineScaleSetUpdateProperties(
            upgrade_policy=models.UpgradePolicy(MANUAL),
            automatic_repairs_policy=repairs,
            virtual_machine_profile=models.VirtualMachineScaleSetUpdateVMProfile(
                storage_profile=models.VirtualMachineScaleSetUpdateStorageProfile(
                    image_reference=models.ImageReference(id=previous.image_id)
                )
            ),
        ),
    )


def remove_first(target: Target, *, build: str) -> None:
    """Take away what a first release ever made, since nothing ran before it.

    The whole group where this build made it; else the scale set alone, and what it
    stands on (addresses, balancer, network) stays for the next try. Nothing where the
    group could not even be made.

    Args:
        target: Where.
        build: Id of the build that failed.

    Raises:
        AzureError: Azure refused or failed.
    """
    azure, env = target.azure, target.env

    def look() -> Mapping[str, str] | None:
        try:
            return azure.resources.resource_groups.get(env.resource_group).tags or {}
        except ResourceNotFoundError:
            return None

    labels = call(azure, f"reading resource group {env.resource_group}", look)
    if labels is None:
        return
    if tags.ours(labels) and labels.get(tags.BUILD) == build:
        target.progress(
            f"first release ever: deleting group {env.resource_group}", stage=STAGE
        )

        def begin() -> LROPoller[None] | None:
            return groups.begin_delete(
                azure, env.resource_group, journal=target.journal, stage=STAGE
            )

    else:
        target.progress(f"first release ever: deleting {env.scale_set}", stage=STAGE)

        def begin() -> LROPoller[None] | None:
            return azure.compute.virtual_machine_scale_sets.begin_delete(
                env.resource_group, env.scale_set, force_deletion=True
            )

    carry_out(
        azure,
        f"deleting what {build} made",
        begin,
        timeout_s=env.deploy_timeout_s,
        progress=lambda text: target.progress(text, stage=STAGE),
    )
