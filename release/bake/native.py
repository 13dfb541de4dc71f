"""Bake an image on Azure: a builder machine, provisioned, generalized, captured.

The steps are those of every image builder: a temporary group, a machine from the
base image, the recipe's steps on it, deprovision, deallocate, generalize, a version
in the gallery, and the temporary group gone again, whatever happened. What Azure
can do by itself (the machine, the gallery) is begun before what this side does
(packing and sending the payload).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from azure.core.exceptions import ResourceNotFoundError

from release.azure import deployments, gallery, groups, tags
from release.azure.clients import Azure
from release.azure.gallery import Image
from release.azure.ids import group_id, part, resource_id
from release.azure.keys import public_key
from release.azure.operations import call, carry_out
from release.azure.storage import Container, account_of, ensure_account
from release.bake import machine, payload
from release.bake.recipe import Recipe
from release.bake.recipe import digest as digest_of
from release.errors import AzureError
from release.journal import Journal, Kind
from release.settings import Environment

STAGE = "bake"
BUILDER = "builder"
MARGIN = timedelta(hours=1)
"""How long after its time a temporary group is kept at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bake:
    """What one bake is about.

    Attributes:
        recipe: What to bake.
        base_version: Exact version of the base image.
        digest: Of the recipe on that base.
        build: Build id; the version of the image.
        commit: Of the checkout.
        environment: Name of the environment.
        env: Its settings.
        azure: Where.
        journal: Told of everything.
        folder: A folder for the payload, kept between builds.
    """

    recipe: Recipe
    base_version: str
    digest: str
    build: str
    commit: str
    environment: str
    env: Environment
    azure: Azure
    journal: Journal
    folder: Path

    @property
    def tags(self) -> dict[str, str]:
        """Tags of all that it creates."""
        return tags.created(
            environment=self.environment,
            build=self.build,
            commit=self.commit,
            digest=self.digest,
        )

    @property
    def account(self) -> str:
        """Name of the storage account."""
        return account_of(self.azure, self.env)

    def progress(self, text: str) -> None:
        """Tell what is happening."""
        self.journal.write(Kind.PROGRESS, stage=STAGE, text=text)

    def output(self, line: str) -> None:
        """Tell a line that the builder machine printed."""
        self.journal.write(Kind.OUTPUT, stage=STAGE, line=line)


def bake(
    recipe: Recipe,
    *,
    build: str,
    commit: str,
    environment: str,
    env: Environment,
    azure: Azure,
    journal: Journal,
    folder: Path,
) -> Image:
    """Return the image of a recipe: one that exists, or a new one.

    Args:
        recipe: What to bake.
        build: Build id.
        commit: Of the checkout.
        environment: Name of the environment.
        env: Its settings.
        azure: Where.
        journal: Told of everything.
        folder: A folder for the payload, kept between builds.

    Raises:
        BakeFailed: A step of the recipe failed.
        AzureError: Azure refused or failed.
        WaitTimedOut: Something took longer than ``bake_timeout_s``.
    """
    base_version = base_version_of(azure, env, recipe)
    digest = digest_of(recipe, base_version=base_version)
    found = gallery.find(azure, env, digest)
    if found is not None:
        journal.write(
            Kind.PROGRESS,
            stage=STAGE,
            text=f"image {found.version} has this recipe already: {digest[:12]}",
        )
        return found
    return _bake(
        Bake(
            recipe=recipe,
            base_version=base_version,
            digest=digest,
            build=build,
            commit=commit,
            environment=environment,
            env=env,
            azure=azure,
            journal=journal,
            folder=folder,
        )
    )


def base_version_of(azure: Azure, env: Environment, recipe: Recipe) -> str:
    """Return the base image's exact version; ask the marketplace for "latest".

    Raises:
        AzureError: There is no such image in the region.
    """
    base = recipe.base
    if base.version != "latest":
        return base.version
    name = f"{base.publisher}/{base.offer}/{base.sku}"
    found = call(
        azure,
        f"looking for base image {name}",
        lambda: azure.compute.virtual_machine_images.list(
            env.location,
            base.publisher,
            base.offer,
            base.sku,
            top=1,
            orderby="name desc",
        ),
    )
    if not found or not found[0].name:
        raise AzureError(
            f"base image {name} has no version in {env.location}",
            fix="check [base] of the recipe: az vm image list --all --publisher "
            f"{base.publisher}",
            code="ImageNotFound",
        )
    return found[0].name


def _bake(job: Bake) -> Image:
    azure, env = job.azure, job.env
    timeout_s = env.bake_timeout_s
    with _temporary_group(job) as group:
        home = _begin_home(job)
        job.progress(f"builder machine {env.builder_size} in {group}")
        builder = deployments.begin(
            azure,
            group,
            f"builder-{job.build}",
            deployments.template("builder.json"),
            _builder_values(job),
        )
        archive, sha256 = payload.write(job.recipe, job.folder)
        if home is not None:
            home.collect(timeout_s=timeout_s, progress=job.progress)
        container = Container(azure, job.account)
        blob = f"payload/{sha256}.tar.gz"
        size_kb = max(1, archive.stat().st_size // 1000)
        sent = container.put(blob, archive)
        archive.unlink()
        job.progress(
            f"payload of {size_kb:,} kB {'sent' if sent else 'was there already'}"
        )
        vm_id = builder.collect(timeout_s=timeout_s, progress=job.progress)["vmId"]
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
        return _publish(job, vm_id)


@contextmanager
def _temporary_group(job: Bake) -> Iterator[str]:
    """Make a group for the builder machine; begin to delete it at the end, always."""
    name = f"release-{job.environment}-{job.build}"
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


def _begin_home(job: Bake) -> deployments.Running | None:
    """Begin to make gallery and definition, as far as they are missing.

    The account was made for the release lock; a bake without one makes it here.
    """
    azure, env = job.azure, job.env
    group = env.image_resource_group

    def present() -> set[str]:
        try:
            found = list(azure.resources.resources.list_by_resource_group(group))
        except ResourceNotFoundError:
            return set()
        return {(it.id or "").lower() for it in found}

    def at(kind: str, *names: str) -> str:
        return resource_id(azure.subscription, group, kind, *names).lower()

    lasting = tags.created(environment=job.environment, build=job.build)
    ensure_account(azure, env, labels=lasting, timeout_s=env.bake_timeout_s)
    there = call(azure, f"listing {group}", present)
    missing = {
        "makeGallery": at("Microsoft.Compute/galleries", env.gallery),
        "makeDefinition": at(
            "Microsoft.Compute/galleries/images", env.gallery, env.image_definition
        ),
    }
    make = {name: wanted not in there for name, wanted in missing.items()}
    if not any(make.values()):
        return None
    job.progress(f"making what is missing in {group}")
    return deployments.begin(
        azure,
        group,
        f"gallery-{job.build}",
        deployments.template("gallery.json"),
        {
            "location": env.location,
            "galleryName": env.gallery,
            "definitionName": env.image_definition,
            "publisher": tags.OWNER_VALUE,
            "tags": lasting,
            **make,
        },
    )


def _builder_values(job: Bake) -> dict[str, object]:
    base = job.recipe.base
    return {
        "location": job.env.location,
        "vmName": BUILDER,
        "vmSize": job.env.builder_size,
        "baseImage": {
            "publisher": base.publisher,
            "offer": base.offer,
            "sku": base.sku,
            "version": job.base_version,
        },
        "adminUsername": job.env.admin_username,
        "sshPublicKey": public_key(),
        "tags": job.tags,
    }


def _generalize(job: Bake, group: str, vm_name: str) -> None:
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


def _publish(job: Bake, vm_id: str) -> Image:
    job.progress(f"publishing {job.env.image_definition} {job.build}")
    return gallery.publish(
        job.azure,
        job.env,
        vm_id=vm_id,
        version=job.build,
        labels=job.tags,
        timeout_s=job.env.bake_timeout_s,
        progress=job.progress,
    )
