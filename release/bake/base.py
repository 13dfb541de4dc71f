"""The marketplace image that a builder machine starts from."""

from __future__ import annotations

from release.azure.clients import Azure
from release.azure.operations import call
from release.bake.recipe import Base
from release.errors import AzureError
from release.settings import Environment


def version_of(azure: Azure, env: Environment, base: Base) -> str:
    """Return the base image's exact version; ask the marketplace for "latest".

    Raises:
        AzureError: There is no such image in the region.
    """
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
            fix=f"check its name: az vm image list --all --publisher {base.publisher}",
            code="ImageNotFound",
        )
    return found[0].name
