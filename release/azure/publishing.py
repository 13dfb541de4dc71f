"""Bring an image into a gallery and to a region, and wait until it is usable there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from azure.mgmt.compute import models

from release.azure.clients import Azure
from release.azure.gallery import Image, get, image_of, plain, region_state
from release.azure.operations import carry_out
from release.errors import AzureError
from release.settings import Environment
from release.wait import Seen, wait_until


def publish(
    azure: Azure,
    env: Environment,
    *,
    source: models.GalleryImageVersionStorageProfile,
    version: str,
    labels: Mapping[str, str],
    timeout_s: float,
    progress: Callable[[str], None],
) -> Image:
    """Make an image version, and wait until it is usable.

    Args:
        azure: Where.
        env: Names gallery, definition and region.
        source: What it is made of, as one of the ``of_`` functions says.
        version: Version of the image.
        labels: Its tags.
        timeout_s: Seconds for all of it.
        progress: Told what is waited for.

    Raises:
        AzureError: Azure refused, or the replication failed.
        WaitTimedOut: It took too long.
    """
    doing = f"publishing image {env.gallery}/{env.image_definition}/{version}"
    made = carry_out(
        azure,
        doing,
        lambda: azure.compute.gallery_image_versions.begin_create_or_update(
            env.image_resource_group,
            env.gallery,
            env.image_definition,
            version,
            version_body(env, source=source, labels=labels),
        ),
        timeout_s=timeout_s,
        progress=progress,
    )
    _await_replication(azure, env, version, timeout_s=timeout_s, progress=progress)
    return image_of(made or get(azure, env, version), reused=False)


def adopt(
    azure: Azure,
    env: Environment,
    *,
    version: str,
    labels: Mapping[str, str],
    timeout_s: float,
    progress: Callable[[str], None],
) -> Image:
    """Tag an image version that others made in the gallery; wait until it is usable.

    Where it is not to be replicated to the environment's region, it is from now on.

    Args:
        azure: Where.
        env: Names gallery, definition and region.
        version: Version of the image.
        labels: Its tags from now on.
        timeout_s: Seconds for all of it.
        progress: Told what is waited for.

    Raises:
        AzureError: Azure refused, or the replication failed.
        WaitTimedOut: It took too long.
    """
    found = get(azure, env, version)
    doing = f"tagging image {env.gallery}/{env.image_definition}/{version}"
    made = carry_out(
        azure,
        doing,
        lambda: azure.compute.gallery_image_versions.begin_update(
            env.image_resource_group,
            env.gallery,
            env.image_definition,
            version,
            models.GalleryImageVersionUpdate(
                tags=dict(labels),
                properties=_replicated_to(found, env.location),
            ),
        ),
        timeout_s=timeout_s,
        progress=progress,
    )
    _await_replication(azure, env, version, timeout_s=timeout_s, progress=progress)
    return image_of(made or get(azure, env, version), reused=False)


def replicate(
    azure: Azure,
    env: Environment,
    image: Image,
    location: str,
    *,
    timeout_s: float,
    progress: Callable[[str], None],
) -> None:
    """Bring an image to a region where it is not, and wait until it is usable there.

    Args:
        azure: The clients of the gallery's subscription.
        env: Settings of the environment that the gallery is of.
        image: What to bring.
        location: Where to.
        timeout_s: Seconds for all of it.
        progress: Told what is waited for.

    Raises:
        AzureError: Azure refused, or the replication failed.
        WaitTimedOut: It took too long.
    """
    there = env.model_copy(update={"location": location})
    found = get(azure, env, image.version)
    if region_state(found, location) == "Completed":
        return
    wider = _replicated_to(found, location)
    if wider is not None:
        doing = f"replicating image {image.version} to {location}"
        progress(doing)
        carry_out(
            azure,
            doing,
            lambda: azure.compute.gallery_image_versions.begin_update(
                env.image_resource_group,
                env.gallery,
                env.image_definition,
                image.version,
                models.GalleryImageVersionUpdate(properties=wider),
            ),
            timeout_s=timeout_s,
            progress=progress,
        )
    _await_replication(
        azure, there, image.version, timeout_s=timeout_s, progress=progress
    )


def _replicated_to(
    version: models.GalleryImageVersion, location: str
) -> models.GalleryImageVersionProperties | None:
    """Return what makes a version replicate to a region too; None if it does."""
    profile = version.publishing_profile
    regions = list((profile.target_regions if profile else None) or ())
    if any(plain(region.name or "") == plain(location) for region in regions):
        return None
    regions.append(models.TargetRegion(name=location, regional_replica_count=1))
    return models.GalleryImageVersionProperties(
        storage_profile=version.storage_profile
        or models.GalleryImageVersionStorageProfile(),
        publishing_profile=models.GalleryImageVersionPublishingProfile(
            target_regions=regions
        ),
    )


def _await_replication(
    azure: Azure,
    env: Environment,
    version: str,
    *,
    timeout_s: float,
    progress: Callable[[str], None],
) -> None:
    wait_until(
        f"replication of image {version} to {env.location}",
        lambda: _replicated(azure, env, version),
        timeout_s=timeout_s,
        interval_s=azure.poll_s,
        fix="look at the version's replication status in the portal; raise "
        "bake_timeout_s if it is only slow",
        progress=progress,
    )


def _replicated(azure: Azure, env: Environment, version: str) -> Seen[bool]:
    found = get(azure, env, version)
    state = region_state(found, env.location)
    if state == "Failed":
        raise AzureError(
            f"image {version} was not replicated to {env.location}: {_detail(found)}",
            fix="bake again; the version in the gallery can be deleted",
            code="ReplicationFailed",
        )
    return Seen(what=state, value=True if state == "Completed" else None)


def _detail(version: models.GalleryImageVersion) -> str:
    status = version.replication_status
    details = [region.details for region in (status.summary if status else None) or ()]
    return "; ".join(detail for detail in details if detail) or "no details"


def of_machine(vm_id: str) -> models.GalleryImageVersionStorageProfile:
    """Return a generalized machine as source of a version."""
    return models.GalleryImageVersionStorageProfile(
        source=models.GalleryArtifactVersionFullSource(virtual_machine_id=vm_id)
    )


def of_image(image_id: str) -> models.GalleryImageVersionStorageProfile:
    """Return a managed image, or a version elsewhere, as source of a version."""
    return models.GalleryImageVersionStorageProfile(
        source=models.GalleryArtifactVersionFullSource(id=image_id)
    )


def of_vhd(account_id: str, url: str) -> models.GalleryImageVersionStorageProfile:
    """Return a VHD in a storage account as source of a version.

    A scale set cannot start from it: unmanaged disks retired on 31 March 2026.
    """
    return models.GalleryImageVersionStorageProfile(
        os_disk_image=models.GalleryOSDiskImage(
            source=models.GalleryDiskImageSource(storage_account_id=account_id, uri=url)
        )
    )


def version_body(
    env: Environment,
    *,
    source: models.GalleryImageVersionStorageProfile,
    labels: Mapping[str, str],
) -> models.GalleryImageVersion:
    """Return the body of an image version. Pure."""
    return models.GalleryImageVersion(
        location=env.location,
        tags=dict(labels),
        properties=models.GalleryImageVersionProperties(
            publishing_profile=models.GalleryImageVersionPublishingProfile(
                target_regions=[
                    models.TargetRegion(name=env.location, regional_replica_count=1)
                ],
                storage_account_type=models.StorageAccountType.STANDARD_LRS,
            ),
            storage_profile=source,
            safety_profile=models.GalleryImageVersionSafetyProfile(
                allow_deletion_of_replicated_locations=True
            ),
        ),
    )
