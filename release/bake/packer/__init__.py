"""Bake with Packer: any azure-arm template, its artifact as a gallery version."""

from release.bake.packer.bake import bake
from release.bake.packer.conversion import forget_image
from release.bake.packer.needs import look as needs
from release.bake.packer.program import Program, find
from release.bake.packer.template import Template, read

__all__ = ["Program", "Template", "bake", "find", "forget_image", "needs", "read"]
