"""What is baked, and by what."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from release.settings.model.table import Table
from release.settings.model.values import BaseImage


class Packer(Table):
    """What Packer is told, where it is the builder."""

    template: str = Field(
        "app/image",
        description="Packer template (JSON or HCL2), or folder of HCL2 files, from the "
        "folder of release.toml",
        min_length=1,
    )
    inputs: list[str] = Field(
        default_factory=list,
        description="files and folders that it uses outside of its own folder",
    )
    variables: dict[str, str] = Field(
        default_factory=dict, description="values of its variables; no secrets"
    )
    only: list[str] = Field(
        default_factory=list, description="names of its builds to run; empty: all"
    )
    base: BaseImage = Field(
        "",
        description="PUBLISHER:OFFER:SKU, whose newest version is looked up for the "
        "template's variable release_base_version",
    )


class Image(Table):
    """What is baked, the same for every environment."""

    builder: Literal["native", "packer"] = Field(
        "native", description="what bakes: the recipe's own builder, or Packer"
    )
    recipe: str = Field(
        "app/image",
        description="folder with recipe.toml, from the folder of release.toml",
    )
    build: list[str] = Field(
        default_factory=list,
        description="command run before the recipe is read, such as make dist",
    )
    packer: Packer = Field(default=Packer(), description="see packer")
