"""What there is on Azure of an environment: lists, and nothing judged."""

from __future__ import annotations

from collections.abc import Mapping
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
    """List what there is.

    One after the other: several of them read the same models of the SDK, whose first
    use in two threads is not safe (see `release.preflight.read`).

    Raises:
        AzureError: Azure refused to tell.
    """
    homes = dict.fromkeys((env.resource_group, env.image_resource_group))
    return Inventory(
        groups=groups.ours(azure),
        versions=tuple(gallery.versions(azure, env)),
        blobs=tuple(_blobs(azure, env)),
        deployed=observe(azure, env),
        needed=references.needed(azure),
        past=tuple(tuple(deployments.history(azure, home)) for home in homes),
    )


def _blobs(azure: Azure, env: Environment) -> list[Stored]:
    if not storage.account_exists(azure, env):
        return []
    return Container(azure, storage.account_of(azure, env)).stored()
