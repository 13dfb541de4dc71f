"""Turn what Packer made into a version of the environment's gallery.

A scale set can start from a gallery version alone for good: unmanaged disks retired
on 31 March 2026, and managed images know no Trusted Launch. What bears the name that
the harness gave is only on its way there and is deleted; what a template named
itself is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from release.azure import publishing
from release.azure.clients import Azure
from release.azure.gallery import Image
from release.azure.ids import part, resource_id, same
from release.azure.operations import call
from release.bake.job import Job
from release.bake.packer.artifact import Artifact
from release.bake.packer.given import image_name
from release.errors import AzureError, BakeFailed
from release.settings import Environment


def image(job: Job, made: Artifact) -> Image:
    """Return a build's artifact as a usable version of the gallery.

    Raises:
        AzureError: Azure refused or failed.
        BakeFailed: The artifact is none that an image can be made of.
        WaitTimedOut: It took too long.
    """
    env = job.env
    if made.version_id and _is_ours(job, made.version_id):
        version = part(made.version_id, "versions")
        job.progress(f"taking over {env.image_definition} {version}")
        return publishing.adopt(
            job.azure,
            env,
            version=version,
            labels=job.tags,
            timeout_s=env.bake_timeout_s,
            progress=job.progress,
        )
    if made.version_id or made.image_id:
        source = publishing.of_image(made.version_id or made.image_id)
    elif made.vhd_url:
        source = publishing.of_vhd(_account_id(job, made.vhd_url), made.vhd_url)
    else:
        raise BakeFailed(
            f"Packer's build {made.target} made neither a gallery version nor a "
            "managed image nor a VHD",
            fix="let the template capture one; skip_create_image must be false",
        )
    published = job.publish(source)
    if made.vhd_url:
        _forget_vhd(job, made.vhd_url)
    return published


def forget_image(
    azure: Azure, env: Environment, build: str, *, progress: Callable[[str], None]
) -> None:
    """Begin to delete the managed image of the name that a build gave.

    Nothing is said where there is none; where it fails, the release goes on.
    """
    group, name = env.image_resource_group, image_name(build)
    try:
        call(
            azure,
            f"deleting managed image {name}",
            lambda: azure.compute.images.begin_delete(group, name),
        )
    except AzureError as error:
        progress(f"managed image {name} is left: {error.what}")


def _forget_vhd(job: Job, url: str) -> None:
    """Delete a VHD of the given name, and the template that a capture puts beside it.

    A capture writes to ``system/Microsoft.Compute/Images/CONTAINER/PREFIX-...``
    (source: "Virtual Machines - Capture").
    """
    folder, _, file = urlsplit(url).path.lstrip("/").rpartition("/")
    name = image_name(job.build)
    if not file.startswith(f"{name}-"):
        return
    container, _, place = folder.partition("/")
    client = job.azure.blobs(_account(url)).get_container_client(container)

    def request() -> None:
        for blob in client.list_blob_names(name_starts_with=f"{place}/{name}-"):
            client.delete_blob(blob)

    try:
        call(job.azure, f"deleting VHD {name}", request)
    except AzureError as error:
        job.progress(f"VHD {name} is left: {error.what}")


def _is_ours(job: Job, version_id: str) -> bool:
    """Tell whether a version is one of the environment's definition."""
    wanted = resource_id(
        job.azure.subscription,
        job.env.image_resource_group,
        "Microsoft.Compute/galleries/images/versions",
        job.env.gallery,
        job.env.image_definition,
        part(version_id, "versions"),
    )
    return same(wanted, version_id)


def _account_id(job: Job, url: str) -> str:
    """Return the id of the storage account that a VHD is in.

    Raises:
        BakeFailed: The subscription has no such account.
    """
    name = _account(url)
    found = call(
        job.azure,
        f"looking for storage account {name}",
        lambda: list(
            job.azure.resources.resources.list(
                filter="resourceType eq 'Microsoft.Storage/storageAccounts' "
                f"and name eq '{name}'"
            )
        ),
    )
    if not found or not found[0].id:
        raise BakeFailed(
            f"Packer's VHD is in storage account {name}, which subscription "
            f"{job.azure.subscription} does not have",
            fix="let the template write to an account of that subscription",
        )
    return found[0].id


def _account(url: str) -> str:
    return (urlsplit(url).hostname or "").partition(".")[0]
