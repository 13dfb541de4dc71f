"""Microsoft.Storage: accounts and their keys, the blob service, containers.

What an account holds is with the data plane (`release.emulator.blobs`); here is what
the Resource Manager tells of it.
"""

from release.emulator.resources.storage import accounts, containers
from release.emulator.resources.storage.plane import data_plane

KINDS = (*accounts.KINDS, *containers.KINDS)
ROUTES = accounts.ROUTES

__all__ = ["KINDS", "ROUTES", "data_plane"]
