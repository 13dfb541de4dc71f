"""Deploy an image: the template with the live capacity, then the roll-out.

The model changes first, with upgrade policy Manual, the instances after it, batch by
batch, by us or by Azure: see `upgrade` and `surge`. Automatic repairs
are off from the same request that changes the model until the release is over,
because they replace an unhealthy instance by the latest model: the image under test
(source: "Automatic instance repairs").
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from azure.core.polling import LROPoller
from azure.mgmt.compute import models

from release.azure import deployments, gallery, groups, tags
from release.azure.clients import Azure
from release.azure.gallery import Image
from release.azure.ids import group_id, part, same
from release.azure.keys import public_key
from release.azure.operations import call, carry_out
from release.deploy import batches
from release.deploy import observe as see
from release.deploy.deployed import ACTIONS, SCALE_IN, Deployed
from release.deploy.prove import prove
from release.deploy.surge import ROLLING, Surge, halt, prepare
from release.deploy.upgrade import Between, Upgrade
from release.deploy.work import Work
from release.errors import AzureError, DeployFailed
from release.journal import Journal, Kind
from release.settings import Environment

STAGE = "deploy"
TEMPLATE = "azuredeploy.json"
PARAMETERS = "azuredeploy.parameters.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where a release goes.

    Attributes:
        environment: Name of the environment.
        env: Its settings.
        azure: Where.
        journal: Told of everything.
    """

    environment: str
    env: Environment
    azure: Azure
    journal: Journal

    def progress(self, text: str, *, stage: str = STAGE) -> None:
        """Tell what is happening."""
        self.journal.write(Kind.PROGRESS, stage=stage, text=text)

    def work(self, stage: str) -> Work:
        """Return what a stage works with here."""
        return Work(azure=self.azure, env=self.env, journal=self.journal, stage=stage)


def refuse_protected(env: Environment, previous: Deployed | None) -> None:
    """End a release that could not reach every instance, before it changes anything.

    Protection from scale-set actions keeps an instance from upgrades (source:
    "Instance protection"), so no release could prove that all run its build.

    Raises:
        DeployFailed: An instance is protected.
    """
    kept = [
        each
        for each in (previous.instances if previous else ())
        if each.protection == ACTIONS
    ]
    if kept:
        ids = ", ".join(each.id for each in kept)
        raise DeployFailed(
            f"{', '.join(each.name for each in kept)} of {env.scale_set} cannot be "
            "upgraded: protected from scale-set actions",
            fix=f"lift it and release again, with ID {ids}: az vmss update -g "
            f"{env.resource_group} -n {env.scale_set} --instance-id ID "
            "--protect-from-scale-set-actions false",
        )


def deploy(
    target: Target,
    image: Image,
    *,
    previous: Deployed | None,
    build: str,
    between: Between = lambda _: None,
) -> Deployed:
    """Bring an image to every instance, and prove it.

    Args:
        target: Where it goes.
        image: What is to run.
        previous: What ran before, as `observe` saw it; None before the first release.
        build: Id of this build, the deployment's name.
        between: Told after each batch but the last that we drive; what it raises ends
            the roll-out.

    Returns:
        What is deployed, proved instance by instance.

    Raises:
        DeployFailed: An instance does not get healthy or is not what it should be.
        AzureError: Azure refused or failed.
        WaitTimedOut: The deployment took too long.
    """
    work = target.work(STAGE)
    if previous is not None:
        previous = _at_rest(target, previous)
    if previous is not None and target.env.rollout.strategy == "surge":
        prepare(work, previous)
    since_s = time.monotonic()
    _deploy_template(target, image, previous=previous, build=build)
    upgrade = Upgrade(work)
    if previous is not None:
        seen = _seen(target)
        upgrade.mend(seen)
        if target.env.rollout.strategy == "surge":
            seen = _surge(target, seen)
        upgrade.roll_out(seen, between=between)
    upgrade.health.wait_all()
    if previous is None:
        there = upgrade.health.last
        batches.tell(
            *(work, upgrade.health, "first", there, image.id), since_s=since_s, new=True
        )
    return prove(
        target.azure,
        target.env,
        build=image.build,
        image_id=image.id,
        progress=target.progress,
    )


def _at_rest(target: Target, previous: Deployed) -> Deployed:
    """Cancel the rolling upgrade that a killed release, or anybody, left running."""
    if previous.mode == ROLLING and halt(target.work(STAGE)):
        return previous.with_instances(see.instances(target.azure, target.env))
    return previous


def _surge(target: Target, seen: Deployed) -> Deployed:
    """Let Azure replace the instances; return what is there then."""
    kept = [each.name for each in seen.instances if each.protection == SCALE_IN]
    if kept:
        target.progress(
            f"warning: {', '.join(kept)} is protected from scale-in; the instance that "
            "takes its place will not be"
        )
    stops = target.env.rollout.surge_fallback == "stop"
    Surge(target.work(STAGE), stops=stops).roll_out(seen)
    return _seen(target)


def values(
    target: Target, image: Image, *, previous: Deployed | None
) -> dict[str, Any]:
    """Return the values of the template's parameters.

    The capacity is the live one: a template's own would undo what autoscale did. The
    administrator's key is the live one too, because another would change the model
    of every instance.
    """
    env = target.env
    password = env.admin_password.get_secret_value()
    key = previous.ssh_key if previous else ""
    good = previous.last_passed if previous else ""
    kept = previous.last_image if previous else ""
    repaired = previous is None or previous.repairs
    return {
        **deployments.parameters(PARAMETERS),
        "location": env.location,
        "scaleSetName": env.scale_set,
        "imageId": image.id,
        "instanceSize": env.instance_size,
        "instanceCount": previous.capacity if previous else env.instance_count,
        "sitePort": env.site_port,
        "servicePort": env.service_port,
        "healthPath": env.health_path,
        "allowedSource": env.allowed_source,
        "adminUsername": env.admin_username,
        "adminPassword": password,
        "sshPublicKey": "" if password else key or public_key(),
        "automaticRepairs": False,
        "terminateNotice": env.rollout.strategy == "surge"
        and bool(env.rollout.drain_command),
        "tags": tags.created(
            environment=target.environment,
            build=image.build,
            commit=image.commit,
            digest=image.digest,
            scale_set=tags.scale_set(env.resource_group, env.scale_set),
        ),
        "scaleSetTags": {
            **({tags.REPAIRS: tags.SUSPENDED} if repaired else {}),
            **({tags.LAST_PASSED: good} if good else {}),
            **({tags.LAST_IMAGE: kept} if 0 < len(kept) <= tags.VALUE_LENGTH else {}),
        },
    }


def tag_passed(target: Target, deployed: Deployed, *, build: str = "") -> None:
    """Mark scale set and image as passed, and turn automatic repairs on again.

    Its upgrade policy is Manual again. It touches no instance. The image comes last,
    so that none bears the mark of a release that failed here and is undone.

    Args:
        target: Where.
        deployed: What was proved; repairs that were off before stay off.
        build: Id of the release that passed; else that of the image.

    Raises:
        AzureError: Azure refused or failed.
    """
    labels = {**deployed.tags, tags.VERDICT: tags.PASSED}
    for done in (tags.REPAIRS, tags.LAST_PASSED, tags.LAST_IMAGE):
        labels.pop(done, None)
    azure = target.azure.of(part(deployed.image_id, "subscriptions"))
    marks = tags.also_passed(
        gallery.labels_of(azure, deployed.image_id),
        environment=target.environment,
        build=build or deployed.build,
    )
    update = models.VirtualMachineScaleSetUpdate(
        tags=labels,
        properties=models.VirtualMachineScaleSetUpdateProperties(
            upgrade_policy=models.UpgradePolicy(mode=models.UpgradeMode.MANUAL),
            automatic_repairs_policy=models.AutomaticRepairsPolicy(
                enabled=deployed.repairs
            ),
        ),
    )
    patch(target, update, doing=f"tagging {target.env.scale_set}", stage=STAGE)
    tag = gallery.tagging(azure, deployed.image_id, marks)
    image = _begun(target, deployed, tag)
    if image is not None:
        carry_out(
            azure,
            "tagging the image",
            tag,
            begun=image,
            timeout_s=target.env.deploy_timeout_s,
        )


def _begun(
    target: Target,
    deployed: Deployed,
    tag: Callable[[], LROPoller[models.GalleryImageVersion]],
) -> LROPoller[models.GalleryImageVersion] | None:
    """Begin to tag the image; None where its gallery is another environment's.

    To release from that one it is enough to read it.
    """
    try:
        return call(target.azure, "tagging the image", tag)
    except AzureError as error:
        own = group_id(target.azure.subscription, target.env.image_resource_group)
        if same(deployed.image_id[: len(own)], own):
            raise
        target.progress(f"the image bears no mark of this: {error.what}")
        return None


def patch(
    target: Target,
    update: models.VirtualMachineScaleSetUpdate,
    *,
    doing: str,
    stage: str,
) -> None:
    """Change the scale set's model, and wait for it.

    Raises:
        AzureError: Azure refused or failed.
    """
    target.work(stage).change(doing, update)


def _deploy_template(
    target: Target, image: Image, *, previous: Deployed | None, build: str
) -> None:
    env, azure, name = target.env, target.azure, f"release-{build}"
    if previous is None:
        groups.ensure(
            azure,
            env.resource_group,
            location=env.location,
            labels=tags.created(environment=target.environment, build=build),
        )
    body = deployments.template(TEMPLATE)
    given = values(target, image, previous=previous)
    deployments.validate(azure, env.resource_group, name, body, given)
    if previous is not None:
        # Autoscale may have changed it since: the template would undo that.
        given["instanceCount"] = see.capacity(azure, env)
    count = given["instanceCount"]
    target.progress(f"deploying {env.scale_set}: {image.version}, {count} instances")
    running = deployments.begin(azure, env.resource_group, name, body, given)
    running.collect(timeout_s=env.deploy_timeout_s, progress=target.progress)


def _seen(target: Target) -> Deployed:
    seen = see.observe(target.azure, target.env)
    if seen is None:
        raise DeployFailed(
            f"scale set {target.env.scale_set} is not there after its deployment",
            fix="see in the activity log who deleted it",
        )
    return seen
