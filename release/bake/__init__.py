"""Bake images: the recipe, and the machine that it is baked on."""

from release.azure.gallery import Image
from release.bake.native import bake
from release.bake.recipe import Recipe, digest, read

__all__ = ["Image", "Recipe", "bake", "digest", "read"]
