"""What there is on Azure of an environment: lists, and nothing judged."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from release.azure import deployments, gallery, groups, references, storage
from release.azure.clients import Azure
from release.azure.deployments import Past
from release.azure.gallery import Version
from release.azure.storage import Container, Stored
from release.deploy import Deployed, observe
from release.settings import Environment


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """What there is.

    Attributes:
        groups: Tags of each group that this project made, by name.
        versions: Of the image, newest first.
        blobs: In the container.
        deployed: What the scale set runs.
        needed: Ids, in lower case, of images that scale sets refer to.
        past: Deployments that this project made, by group, newest first.
    """

    groups: Mapping[str, Mapping[str, str]]
    versions: tuple[Version, ...]
    blobs: tuple[Stored, ...]
    deployed: Deployed | None
    needed: frozenset[str]
    past: tuple[tuple[Past, ...], ...]


def look(azure: Azure, env: Environment) -> Inventory:
    """List what there is, all at once.

    Raises:
        AzureError: Azure refused to tell.
    """
    homes = dict.fromkeys((env.resource_group, env.image_resource_group))
    with ThreadPoolExecutor() as pool:
        ours = pool.submit(groups.ours, azure)
        versions = pool.submit(gallery.versions, azure, env)
        blobs = pool.submit(_blobs, azure, env)
        deployed = pool.submit(observe, azure, env)
        needed = pool.submit(references.needed, azure)
        past = [pool.submit(deployments.history, azure, home) for home in homes]
        return Inventory(
            groups=ours.result(),
            versions=tuple(versions.result()),
            blobs=tuple(blobs.result()),
            deployed=deployed.result(),
            needed=needed.result(),
            past=tuple(tuple(each.result()) for each in past),
        )


def _blobs(azure: Azure, env: Environment) -> list[Stored]:
    if not storage.account_exists(azure, env):
        return []
    return Container(azure, storage.account_of(azure, env)).stored()
