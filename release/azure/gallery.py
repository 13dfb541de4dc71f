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
from release.azure.operations import call
from release.settings import Environment

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
            return image_of(version, reused=True)
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


def get(azure: Azure, env: Environment, version: str) -> models.GalleryImageVersion:
    """Return a version of an environment's image, with its replication status."""
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
    return region_state(get(azure, env, version), env.location) == "Completed"


def region_state(version: models.GalleryImageVersion, location: str) -> str:
    """Return the state in a region; regions are told by name or display name."""
    status = version.replication_status
    for region in (status.summary if status else None) or ():
        if plain(region.region or "") == plain(location):
            return str(getattr(region.state, "value", region.state))
    return "Unknown"


def plain(region: str) -> str:
    """Return a region's name as it compares: ``West Europe`` is ``westeurope``."""
    return region.replace(" ", "").lower()


def _published(version: models.GalleryImageVersion) -> datetime:
    profile = version.publishing_profile
    date = profile.published_date if profile else None
    return date or datetime.min.replace(tzinfo=UTC)


def image_of(version: models.GalleryImageVersion, *, reused: bool) -> Image:
    """Return a version as an image, as its tags tell."""
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
