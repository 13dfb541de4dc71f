"""Microsoft.Compute: machines, disks, images, galleries and scale sets."""

from release.emulator.kinds import Kind, Route
from release.emulator.resources.compute import (
    disks,
    extensions,
    galleries,
    images,
    instance_actions,
    locations,
    model_extensions,
    run_commands,
    scale_sets,
    virtual_machines,
)
from release.emulator.resources.compute.restoring import restore

KINDS: tuple[Kind, ...] = (
    *virtual_machines.KINDS,
    *extensions.KINDS,
    *run_commands.KINDS,
    *disks.KINDS,
    *images.KINDS,
    *galleries.KINDS,
    *scale_sets.KINDS,
    *instance_actions.KINDS,
    *model_extensions.KINDS,
)
ROUTES: tuple[Route, ...] = locations.ROUTES

__all__ = ["KINDS", "ROUTES", "restore"]
