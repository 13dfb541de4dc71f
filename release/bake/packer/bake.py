"""Bake an image with Packer: run it, take over what it made, leave nothing behind.

Packer makes the temporary group itself. Its name is in the journal before: the one
that a template takes from ``release_group`` before Packer starts, any other as soon
as Packer says that it creates it. Only such groups are ever deleted: one that Packer
says it uses was there before.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from release.azure import groups
from release.azure.clients import Azure
from release.azure.gallery import Image
from release.azure.ids import group_id
from release.azure.surroundings import Surroundings
from release.bake import home
from release.bake.base import version_of
from release.bake.child import Child
from release.bake.job import STAGE, Job
from release.bake.packer import conversion, given
from release.bake.packer.artifact import Artifact, artifacts
from release.bake.packer.log import LAST_LINES, Log
from release.bake.packer.program import Program
from release.bake.packer.template import Template
from release.bake.packer.template import digest as digest_of
from release.bake.recipe import Base
from release.errors import AzureError, BakeFailed
from release.journal import Kind
from release.redaction import Lines
from release.settings import Environment

MARGIN = timedelta(hours=1)
"""How long after its time a temporary group is kept at most."""
GRACE_S = 5
"""Seconds that an interrupted Packer has to clean up: CI systems kill within ten,
and the temporary group goes by a request of the harness anyway."""
GRACE_IN_EXISTING_S = 25
"""The same where it builds in a group that is not the harness's to delete."""
INIT_TIMEOUT_S = 300
LATEST = "latest"


@dataclass(frozen=True, kw_only=True, slots=True)
class Bake:
    """One bake of a template.

    Attributes:
        job: For whom, and where.
        template: What to bake.
        base_version: What the template's ``release_base_version`` is.
        program: Packer.
        surroundings: What an Azure client needs here.
    """

    job: Job
    template: Template
    base_version: str
    program: Program
    surroundings: Surroundings


def bake(
    template: Template, job: Job, *, program: Program, surroundings: Surroundings
) -> Image:
    """Return the image of a template: one that exists, or a new one.

    Args:
        template: What to bake.
        job: For whom, and where; its folder gets the file of variables for a while.
        program: Packer.
        surroundings: What an Azure client needs here.

    Raises:
        BakeFailed: Packer or one of its steps failed.
        AzureError: Azure refused or failed.
        WaitTimedOut: Something took longer than ``bake_timeout_s``.
    """
    base_version = _base_version(job.azure, job.env, template.packer.base)
    digest = digest_of(
        template, packer_version=program.version, base_version=base_version
    )
    known = job.of(digest)
    return known.existing() or _bake(
        Bake(
            job=known,
            template=template,
            base_version=base_version,
            program=program,
            surroundings=surroundings,
        )
    )


def _base_version(azure: Azure, env: Environment, base: str) -> str:
    if not base:
        return LATEST
    publisher, offer, sku = base.split(":")
    return version_of(
        azure,
        env,
        Base(publisher=publisher, offer=offer, sku=sku, version=LATEST),
    )


def _bake(bake: Bake) -> Image:
    job = bake.job
    making = home.begin(job)
    if making is not None:
        making.collect(timeout_s=job.env.bake_timeout_s, progress=job.progress)
    try:
        return conversion.image(job, _run(bake))
    finally:
        conversion.forget_image(job.azure, job.env, job.build, progress=job.progress)


def _run(bake: Bake) -> Artifact:
    """Run Packer; return the one thing that it made."""
    job = bake.job
    lasts = timedelta(seconds=job.env.bake_timeout_s) + MARGIN
    variables = given.variables(
        job,
        base_version=bake.base_version,
        ssh_port=bake.surroundings.ssh_port,
        expires_at=datetime.now(UTC) + lasts,
    )
    environment = given.environment(bake.surroundings, variables)
    in_file = given.variables_file(bake.template, bake.surroundings, variables)
    file = job.folder / f"packer-{job.environment}.pkrvars.json"
    log = Log()
    _announce(job, job.group)
    try:
        _write(file, json.dumps(in_file))
        if bake.template.wants_plugins and bake.program.has_init:
            _init(bake, environment)
        _build(bake, file, environment, log)
    finally:
        file.unlink(missing_ok=True)
        _clear(job, log)
    return _only(artifacts(log.artifacts))


def _build(bake: Bake, file: Path, environment: Mapping[str, str], log: Log) -> None:
    """Follow ``packer build`` to its end.

    Raises:
        BakeFailed: It failed; with its step and last lines.
        WaitTimedOut: It did not end in time.
    """
    job = bake.job
    lines = Lines(environment)
    labels = json.loads(environment["PKR_VAR_release_tags"])
    unlabelled: list[str] = []
    job.progress(f"Packer {bake.program.version} builds {bake.template.name}")

    def told(text: str) -> None:
        announced = len(log.created)
        for said in log.read(lines.redact(text)):
            (job.progress if said.is_step else job.output)(said.text)
            # A step after the one that creates a group: it is there by now.
            while said.is_step and unlabelled:
                _label(job, unlabelled.pop(), labels)
        for name in log.created[announced:]:
            _announce(job, name, created_by="Packer")
            unlabelled.append(name)

    child = Child(
        given.command(bake.program.path, bake.template, file),
        name="Packer",
        folder=bake.template.folder,
        environment=environment,
    )
    status = child.run(
        told,
        timeout_s=job.env.bake_timeout_s,
        grace_s=lambda: GRACE_IN_EXISTING_S if log.existing else GRACE_S,
        step=lambda: log.step,
        fix="raise bake_timeout_s, or mend the step that hangs",
    )
    if status != 0:
        raise failure(log, status, template=bake.template.name)


def _init(bake: Bake, environment: Mapping[str, str]) -> None:
    """Let Packer install the plugins that a template names.

    Raises:
        BakeFailed: It could not.
        WaitTimedOut: It did not end in time.
    """
    job = bake.job
    job.progress("Packer installs the template's plugins")
    command = given.init_command(bake.program.path, bake.template)
    child = Child(
        command, name="Packer", folder=bake.template.folder, environment=environment
    )
    lines = Lines(environment)
    said: deque[str] = deque(maxlen=LAST_LINES)

    def told(line: str) -> None:
        said.append(lines.redact(line))
        job.output(said[-1])

    status = child.run(
        told,
        timeout_s=INIT_TIMEOUT_S,
        grace_s=lambda: GRACE_S,
        step=str,
        fix="run packer init by hand",
    )
    if status != 0:
        shown = "".join(f"\n  | {line}" for line in said)
        raise BakeFailed(
            f"packer init ended with status {status}{shown}",
            fix=f"run it by hand in {bake.template.folder}",
        )


def failure(log: Log, status: int, *, template: str) -> BakeFailed:
    """Say why Packer failed. Pure.

    Args:
        log: What it said.
        status: Its exit code.
        template: Name of the template.
    """
    why = log.why() or f"it ended with status {status}"
    if log.failed_step:
        lines = "".join(f"\n  | {line}" for line in log.last)
        return BakeFailed(
            f"Packer: step {log.failed_step} failed: {why}{lines}",
            fix=f"mend that step of {template}, or what it runs",
        )
    return BakeFailed(f"Packer: {why}", fix=f"mend {template}, or act on the message")


def _only(made: list[Artifact]) -> Artifact:
    """Return the one artifact. Pure.

    Raises:
        BakeFailed: There are none, or several.
    """
    if not made:
        raise BakeFailed(
            "Packer ended well, and made no image on Azure",
            fix="the template needs a build of azure-arm; image.packer.only names "
            "those that run",
        )
    if len(made) > 1:
        names = ", ".join(one.target for one in made)
        raise BakeFailed(
            f"Packer made {len(made)} images: {names}",
            fix="name the one to deploy in image.packer.only",
        )
    return made[0]


def _announce(job: Job, group: str, **more: str) -> None:
    identifier = group_id(job.azure.subscription, group)
    job.journal.write(Kind.CREATING, stage=STAGE, resource_id=identifier, **more)


def _label(job: Job, group: str, labels: Mapping[str, str]) -> None:
    """Mark a group that Packer made, for a run elsewhere to see whose it is."""
    try:
        groups.label(job.azure, group, labels)
    except AzureError as error:
        job.progress(f"{group} is not tagged: {error.what}")


def _clear(job: Job, log: Log) -> None:
    """Begin to delete the groups that Packer made, as far as it has not."""
    left = [name for name in log.created if name not in log.gone]
    for name in {job.group, *log.gone}.difference(left):
        identifier = group_id(job.azure.subscription, name)
        job.journal.write(Kind.DELETED, stage=STAGE, resource_id=identifier)
    for name in left:
        try:
            groups.begin_delete(job.azure, name, journal=job.journal, stage=STAGE)
        except AzureError as error:
            # As in the native way: the next run deletes it.
            job.progress(f"{name} could not be deleted yet: {error.what}")


def _write(file: Path, text: str) -> None:
    """Write a file that only this user may read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with os.fdopen(
        os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w"
    ) as opened:
        opened.write(text)
