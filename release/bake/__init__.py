"""Bake a machine image from a recipe."""
