"""The image of a release: baked, found, or taken from where it passed."""

from __future__ import annotations

import os
from dataclasses import astuple

from release import bake as baking
from release import builds, environments
from release.azure import promotion, publishing
from release.azure.clients import Azure
from release.azure.gallery import Image
from release.bake import Job, packer
from release.bake.child import Child
from release.builds import Build
from release.errors import BakeFailed
from release.journal import Journal, Kind
from release.redaction import Lines
from release.settings import Settings
from release.stages.timing import BAKE, on_azure, progress, stage

GRACE_S = 5.0
"""Seconds that the command which builds the service has to end when interrupted."""


def bake(settings: Settings, build: Build, azure: Azure) -> Image:
    """Build the service, then bake its image, or find one of the same recipe.

    Raises:
        ReleaseError: What failed, and why.
    """
    journal = build.journal
    with stage(journal, BAKE), on_azure(journal, azure, BAKE):
        say = progress(journal, BAKE)
        if settings.image.build:
            say(f"building the service: {' '.join(settings.image.build)}")
            _build_service(settings, journal)
        if settings.image.builder == "packer":
            return _bake_with_packer(settings, _job(settings, build, azure))
        say(f"looking for an image of {settings.image.recipe}")
        recipe = baking.read(settings.root / settings.image.recipe)
        base = ":".join(astuple(recipe.base))
        journal.write(Kind.VALUE, stage=BAKE, name="base", value=base)
        return baking.bake(recipe, _job(settings, build, azure))


def _bake_with_packer(settings: Settings, job: Job) -> Image:
    surroundings = environments.surroundings(settings, os.environ)
    job.progress(f"looking for an image of {settings.image.packer.template}")
    return packer.bake(
        packer.read(settings.root, settings.image.packer),
        job,
        program=packer.find(path=surroundings.environment.get("PATH", "")),
        surroundings=surroundings,
    )


def _job(settings: Settings, build: Build, azure: Azure) -> Job:
    return Job(
        build=build.id,
        commit=settings.commit,
        environment=settings.environment,
        env=settings.env,
        azure=azure,
        journal=build.journal,
        folder=settings.root / builds.STATE / "cache",
    )


def promote(settings: Settings, source: Settings, build: Build, azure: Azure) -> Image:
    """Take the image that passed in another environment, unbaked.

    Args:
        settings: Of the environment that it is released to.
        source: Of the one that it passed in.
        build: This release.
        azure: Where it is released to.

    Raises:
        BakeFailed: No image passed there.
        AzureError: Azure refused or failed.
    """
    journal, env = build.journal, source.env
    with stage(journal, BAKE), on_azure(journal, azure, BAKE):
        say = progress(journal, BAKE)
        home = azure.of(environments.subscription_of(source))
        image = promotion.passed(home, env, source.environment)
        say(f"reused from {source.environment}, where it passed: {image.version}")
        publishing.replicate(
            home,
            env,
            image,
            settings.env.location,
            timeout_s=settings.env.bake_timeout_s,
            progress=say,
        )
        return image


def _build_service(settings: Settings, journal: Journal) -> None:
    """Run ``image.build``, within the time that a bake may take.

    Raises:
        BakeFailed: It failed; with its last lines.
        WaitTimedOut: It did not end in time.
    """
    name = " ".join(settings.image.build)
    lines, printed = [""], Lines()

    def told(line: str) -> None:
        lines.append(printed.redact(line))
        journal.write(Kind.OUTPUT, stage=BAKE, line=lines[-1])

    child = Child(
        settings.image.build, name=name, folder=settings.root, environment=os.environ
    )
    status = child.run(
        told,
        timeout_s=settings.env.bake_timeout_s,
        grace_s=lambda: GRACE_S,
        step=lambda: lines[-1],
        fix="raise bake_timeout_s, or mend what hangs: it is image.build of "
        "release.toml",
    )
    if status:
        said = "".join(f"\n  | {line}" for line in lines[1:][-12:])
        raise BakeFailed(
            f"{name} ended with status {status}{said}",
            fix="run it by hand in the project's folder; it is image.build of "
            "release.toml",
        )
