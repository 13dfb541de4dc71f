"""Bake an image on Azure: a builder machine, provisioned, generalized, captured.

The steps are those of every image builder: a temporary group, a machine from the
base image, the recipe's steps on it, deprovision, deallocate, generalize, a version
in the gallery, and the temporary group gone again, whatever happened. What Azure
can do by itself (the machine, the gallery) is begun before what this side does
(packing and sending the payload).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from release.azure import deployments, groups, publishing, tags
from release.azure.gallery import Image
from release.azure.ids import group_id, part
from release.azure.keys import public_key
from release.azure.operations import carry_out
from release.azure.storage import Container
from release.bake import home, machine, payload
from release.bake.base import version_of
from release.bake.job import STAGE, Job
from release.bake.recipe import Recipe
from release.bake.recipe import digest as digest_of
from release.errors import AzureError
from release.journal import Kind

BUILDER = "builder"
NAME_LENGTH = 64
"""How long the name of a deployment may be."""
MARGIN = timedelta(hours=1)
"""How long after its time a temporary group is kept at most."""


def bake(recipe: Recipe, job: Job) -> Image:
    """Return the image of a recipe: one that exists, or a new one.

    Args:
        recipe: What to bake.
        job: For whom, and where.

    Raises:
        BakeFailed: A step of the recipe failed.
        AzureError: Azure refused or failed.
        WaitTimedOut: Something took longer than ``bake_timeout_s``.
    """
    base_version = version_of(job.azure, job.env, recipe.base)
    known = job.of(digest_of(recipe, base_version=base_version))
    return known.existing() or _bake(recipe, base_version, known)


def _bake(recipe: Recipe, base_version: str, job: Job) -> Image:
    azure, env = job.azure, job.env
    timeout_s = env.bake_timeout_s
    wanted = _builder_values(recipe, base_version, job)
    with _temporary_group(job) as group:
        making = home.begin(job)
        sizes = [env.builder_size, *env.builder_sizes]
        builder = _begin_builder(job, group, sizes, wanted)
        archive, sha256 = payload.write(recipe, job.folder)
        if making is not None:
            making.collect(timeout_s=timeout_s, progress=job.progress)
        container = Container(azure, job.account, job.tags)
        blob = f"payload/{sha256}.tar.gz"
        size_kb = max(1, archive.stat().st_size // 1000)
        sent = container.put(blob, archive)
        archive.unlink()
        job.progress(
            f"payload of {size_kb:,} kB {'sent' if sent else 'was there already'}"
        )
        vm_id = _builder_id(job, builder, sizes, wanted)
        machine.provision(
            azure,
            group,
            part(vm_id, "virtualMachines"),
            container,
            machine.Order(
                payload=blob,
                payload_sha256=sha256,
                build=job.build,
                commit=job.commit,
                digest=job.digest,
                location=env.location,
                timeout_s=timeout_s,
            ),
            progress=job.progress,
            output=job.output,
        )
        _generalize(job, group, part(vm_id, "virtualMachines"))
        return job.publish(publishing.of_machine(vm_id))


@contextmanager
def _temporary_group(job: Job) -> Iterator[str]:
    """Make a group for the builder machine; begin to delete it at the end, always."""
    name = job.group
    expires_at = datetime.now(UTC) + timedelta(seconds=job.env.bake_timeout_s) + MARGIN
    identifier = group_id(job.azure.subscription, name)
    job.journal.write(Kind.CREATING, stage=STAGE, resource_id=identifier)
    try:
        groups.create(
            job.azure,
            name,
            location=job.env.location,
            labels=tags.temporary(job.tags, expires_at),
        )
        yield name
    finally:
        try:
            groups.begin_delete(job.azure, name, journal=job.journal, stage=STAGE)
        except AzureError as error:
            # What happened in the group matters more than that it is still there:
            # its tags and the journal let the next run delete it.
            job.progress(f"{name} could not be deleted yet: {error.what}")


def _begin_builder(
    job: Job, group: str, sizes: list[str], wanted: Mapping[str, object]
) -> deployments.Running:
    """Begin to make the builder machine, of the first size that is not refused.

    Args:
        job: The bake.
        group: Its temporary group.
        sizes: What may be tried; those that were are taken out.
        wanted: Values of its template, without the size.
    """
    while True:
        size = sizes.pop(0)
        job.progress(f"builder machine {size} in {group}")
        try:
            return deployments.begin(
                job.azure,
                group,
                f"builder-{job.build}-{size}"[:NAME_LENGTH],
                deployments.template("builder.json"),
                {**wanted, "vmSize": size},
            )
        except AzureError as error:
            _try_another(job, error, sizes)


def _builder_id(
    job: Job,
    builder: deployments.Running,
    sizes: list[str],
    wanted: Mapping[str, object],
) -> str:
    """Wait for the builder machine; nobody cares of which size it is in the end."""
    while True:
        try:
            made = builder.collect(
                timeout_s=job.env.bake_timeout_s, progress=job.progress
            )
            return str(made["vmId"])
        except AzureError as error:
            _try_another(job, error, sizes)
        builder = _begin_builder(job, builder.group, sizes, wanted)


def _try_another(job: Job, error: AzureError, sizes: list[str]) -> None:
    if not (error.elsewhere and sizes):
        raise error
    job.progress(f"{error.code}: the builder may be {sizes[0]} too")


def _builder_values(recipe: Recipe, base_version: str, job: Job) -> dict[str, object]:
    base = recipe.base
    return {
        "location": job.env.location,
        "vmName": BUILDER,
        "baseImage": {
            "publisher": base.publisher,
            "offer": base.offer,
            "sku": base.sku,
            "version": base_version,
        },
        "adminUsername": job.env.admin_username,
        "sshPublicKey": public_key(),
        "tags": job.tags,
    }


def _generalize(job: Job, group: str, vm_name: str) -> None:
    """Stop the machine for good, and mark its disk as one that many may start from.

    Generalizing cannot be undone, and needs the machine deallocated (source:
    "Deprovision or generalize a VM before creating an image").
    """
    virtual_machines = job.azure.compute.virtual_machines
    carry_out(
        job.azure,
        f"deallocating {group}/{vm_name}",
        lambda: virtual_machines.begin_deallocate(group, vm_name),
        timeout_s=job.env.bake_timeout_s,
        progress=job.progress,
    )
    # To mark it twice changes nothing.
    carry_out(
        job.azure,
        f"generalizing {group}/{vm_name}",
        lambda: virtual_machines.generalize(group, vm_name),
        timeout_s=job.env.bake_timeout_s,
        progress=job.progress,
    )
