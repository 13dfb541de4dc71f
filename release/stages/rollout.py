"""What an environment runs, and the image brought to it."""

from __future__ import annotations

from release import deploy as deploying
from release.azure.clients import Azure
from release.azure.gallery import Image
from release.builds import Build
from release.deploy import Deployed, Target
from release.errors import DeployFailed
from release.journal import Kind
from release.load import Canary
from release.settings import Settings
from release.stages.canary import compare_first, tell
from release.stages.timing import CANARY, DEPLOY, on_azure, stage


def look(settings: Settings, azure: Azure) -> Deployed | None:
    """Return what the environment runs, or None."""
    return deploying.observe(azure, settings.env)


def target(settings: Settings, build: Build, azure: Azure) -> Target:
    """Return what a rollout works on."""
    return Target(
        environment=settings.environment,
        env=settings.env,
        azure=azure,
        journal=build.journal,
    )


def deploy(settings: Settings, build: Build, azure: Azure, image: Image) -> Deployed:
    """Record what runs now, then bring the image to every instance and prove it.

    Raises:
        ReleaseError: What failed, and why.
    """
    journal = build.journal
    with stage(journal, DEPLOY), on_azure(journal, azure, DEPLOY):
        previous = deploying.observe(azure, settings.env)
        deploying.refuse_protected(settings.env, previous)
        journal.write(
            Kind.VALUE,
            stage=DEPLOY,
            name="previous",
            value=previous.to_json() if previous else None,
        )
        journal.write(Kind.VALUE, stage=DEPLOY, name="touched", value=True)
        deployed = deploying.deploy(
            target(settings, build, azure),
            image,
            previous=previous,
            build=build.id,
            between=lambda batch: compare_first(settings, build, batch),
        )
        if settings.env.canary.enabled and journal.value(CANARY) is None:
            nothing = "nothing to compare: no instance was upgraded while others waited"
            tell(journal, Canary.of_nothing(nothing))
        return deployed


def attach(settings: Settings, azure: Azure, *, seen: Deployed | None) -> Deployed:
    """Return what is deployed, for a run that only tests it.

    Raises:
        DeployFailed: Nothing is.
    """
    found = seen or deploying.observe(azure, settings.env)
    if found is None or not found.site_url:
        raise DeployFailed(
            f"nothing is deployed at environment {settings.environment}",
            fix=f"release once: pytest --env {settings.environment}",
        )
    return found


def confirm(settings: Settings, build: Build, azure: Azure) -> None:
    """Tag the scale set as passed."""
    journal = build.journal
    deployed = Deployed.from_json(journal.value("deployment")["value"])
    with on_azure(journal, azure, DEPLOY):
        deploying.tag_passed(target(settings, build, azure), deployed, build=build.id)
