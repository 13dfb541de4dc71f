"""Bake images: the recipe, and the machine that it is baked on."""

from release.azure.gallery import Image
from release.bake.job import Job
from release.bake.native import bake
from release.bake.recipe import Recipe, digest, read

__all__ = ["Image", "Job", "Recipe", "bake", "digest", "read"]
