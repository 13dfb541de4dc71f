"""Images in a compute gallery: find one by its recipe, publish one, tag one.

Tags of an image version say which recipe and build made it. ``Succeeded`` does not
mean usable: an image is only found by scale sets in a region once its replication
there is ``Completed`` (source: Azure Compute Gallery, "replication status"; seen
as GalleryImageNotFound otherwise).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.core.polling import LROPoller
from azure.mgmt.compute import models

from release.azure import tags
from release.azure.clients import Azure
from release.azure.ids import part
from release.azure.operations import call, carry_out
from release.errors import AzureError
from release.settings import Environment
from release.wait import Seen, wait_until

SCHEMA = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """A version in the gallery.

    Attributes:
        id: Resource id, exact version.
        version: ``Major.Minor.Patch``, which is the build id of its bake.
        build: Build id that its instances answer with.
        digest: Of the recipe that made it.
        commit: Of the checkout that it was made from.
        reused: Whether an earlier build made it.
        baked_at: ISO 8601, UTC.
        passed_in: Environment that it comes from, where it passed; "" when it was
            baked or found here.
    """

    id: str
    version: str
    build: str
    digest: str
    commit: str
    reused: bool
    baked_at: str
    passed_in: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it for a journal."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Image:
        """Read what `to_json` returned."""
        return cls(**{name: value for name, value in raw.items() if name != "schema"})


def find(azure: Azure, env: Environment, digest: str) -> Image | None:
    """Return the newest usable image of a recipe; None when there is none.

    One request lists the versions, a second one asks after the replication of the
    one that matches.
    """
    found = _versions(azure, env)
    matching = [
        version
        for version in found
        if (version.tags or {}).get(tags.DIGEST) == digest
        and tags.ours(version.tags)
        and version.provisioning_state == "Succeeded"
    ]
    for version in sorted(matching, key=_published, reverse=True):
        if _usable(azure, env, version.name or ""):
            return _image(version, reused=True)
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """A version as it was listed, whoever made it.

    Attributes:
        id: Resource id.
        name: ``Major.Minor.Patch``.
        tags: All that it carries.
        state: Its provisioning state.
        published_at: Aware, UTC; the earliest time there is where Azure says none.
    """

    id: str
    name: str
    tags: Mapping[str, str]
    state: str
    published_at: datetime


def versions(azure: Azure, env: Environment) -> list[Version]:
    """Return all versions of an environment's image, newest first. One request."""
    found = [
        Version(
            id=version.id or "",
            name=version.name or "",
            tags=dict(version.tags or {}),
            state=str(
                getattr(version.provisioning_state, "value", version.provisioning_state)
            ),
            published_at=_published(version),
        )
        for version in _versions(azure, env)
    ]
    return sorted(found, key=lambda version: version.published_at, reverse=True)


def begin_delete(azure: Azure, version_id: str) -> None:
    """Begin to delete an image version; Azure goes on by itself."""
    group, gallery, definition, version = _names(version_id)

    def request() -> None:
        try:
            azure.compute.gallery_image_versions.begin_delete(
                group, gallery, definition, version, polling=False
            )
        except ResourceNotFoundError:
            return

    call(azure, f"deleting image {version}", request)


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
    found = _get(azure, env, image.version)
    if _region_state(found, location) == "Completed":
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
    return _image(made or _get(azure, env, version), reused=False)


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
    found = _get(azure, env, version)
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
    return _image(made or _get(azure, env, version), reused=False)


def _replicated_to(
    version: models.GalleryImageVersion, location: str
) -> models.GalleryImageVersionProperties | None:
    """Return what makes a version replicate to a region too; None if it does."""
    profile = version.publishing_profile
    regions = list((profile.target_regions if profile else None) or ())
    if any(_plain(region.name or "") == _plain(location) for region in regions):
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


def labels_of(azure: Azure, image_id: str) -> dict[str, str]:
    """Return the tags of an image version, named by its id."""
    group, gallery, definition, version = _names(image_id)
    found = call(
        azure,
        f"reading image {version}",
        lambda: azure.compute.gallery_image_versions.get(
            group, gallery, definition, version
        ),
    )
    return dict(found.tags or {})


def _names(image_id: str) -> tuple[str, str, str, str]:
    return (
        part(image_id, "resourceGroups"),
        part(image_id, "galleries"),
        part(image_id, "images"),
        part(image_id, "versions"),
    )


def tagging(
    azure: Azure, image_id: str, labels: Mapping[str, str]
) -> Callable[[], LROPoller[models.GalleryImageVersion]]:
    """Return what begins to set the tags of an image version, named by its id."""
    group, gallery, definition, version = _names(image_id)
    return lambda: azure.compute.gallery_image_versions.begin_update(
        group,
        gallery,
        definition,
        version,
        models.GalleryImageVersionUpdate(tags=dict(labels)),
    )


def _versions(azure: Azure, env: Environment) -> list[models.GalleryImageVersion]:
    def request() -> list[models.GalleryImageVersion]:
        try:
            return list(
                azure.compute.gallery_image_versions.list_by_gallery_image(
                    env.image_resource_group, env.gallery, env.image_definition
                )
            )
        except ResourceNotFoundError:
            # Group, gallery or definition are not there yet: the bake makes them.
            return []

    return call(azure, f"listing images of {env.gallery}", request)


def _get(azure: Azure, env: Environment, version: str) -> models.GalleryImageVersion:
    return call(
        azure,
        f"reading image {version}",
        lambda: azure.compute.gallery_image_versions.get(
            env.image_resource_group,
            env.gallery,
            env.image_definition,
            version,
            expand=models.ReplicationStatusTypes.REPLICATION_STATUS,
        ),
    )


def _usable(azure: Azure, env: Environment, version: str) -> bool:
    return _region_state(_get(azure, env, version), env.location) == "Completed"


def _replicated(azure: Azure, env: Environment, version: str) -> Seen[bool]:
    found = _get(azure, env, version)
    state = _region_state(found, env.location)
    if state == "Failed":
        raise AzureError(
            f"image {version} was not replicated to {env.location}: {_detail(found)}",
            fix="bake again; the version in the gallery can be deleted",
            code="ReplicationFailed",
        )
    return Seen(what=state, value=True if state == "Completed" else None)


def _region_state(version: models.GalleryImageVersion, location: str) -> str:
    """Return the state in a region; regions are told by name or display name."""
    status = version.replication_status
    for region in (status.summary if status else None) or ():
        if _plain(region.region or "") == _plain(location):
            return str(getattr(region.state, "value", region.state))
    return "Unknown"


def _detail(version: models.GalleryImageVersion) -> str:
    status = version.replication_status
    details = [region.details for region in (status.summary if status else None) or ()]
    return "; ".join(detail for detail in details if detail) or "no details"


def _plain(region: str) -> str:
    return region.replace(" ", "").lower()


def _published(version: models.GalleryImageVersion) -> datetime:
    profile = version.publishing_profile
    date = profile.published_date if profile else None
    return date or datetime.min.replace(tzinfo=UTC)


def _image(version: models.GalleryImageVersion, *, reused: bool) -> Image:
    labels = version.tags or {}
    name = version.name or ""
    return Image(
        id=version.id or "",
        version=name,
        build=labels.get(tags.BUILD, name),
        digest=labels.get(tags.DIGEST, ""),
        commit=labels.get(tags.COMMIT, ""),
        reused=reused,
        baked_at=_published(version).isoformat(timespec="seconds"),
    )
