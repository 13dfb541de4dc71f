"""Microsoft.Resources/deployments: templates that become resources."""

from release.emulator.resources.deployments.wire import KINDS, ROUTES, restore

__all__ = ["KINDS", "ROUTES", "restore"]
