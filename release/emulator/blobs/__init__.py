"""Blob storage as Azure serves it: the data plane of the embedded Azure.

It knows accounts and tokens only through two functions, so that it runs by itself.
It keeps no secret safe, has no snapshots, versions or roles: any valid token may do
everything, and a request that asks for what is missing is refused, never ignored.
"""

from release.emulator.blobs.accounts import Account, Accounts, Identity, Tokens
from release.emulator.blobs.app import runner
from release.emulator.blobs.call import Asked, Service
from release.emulator.blobs.errors import CODES, BlobError
from release.emulator.blobs.store import Store

__all__ = [
    "CODES",
    "Account",
    "Accounts",
    "Asked",
    "BlobError",
    "Identity",
    "Service",
    "Store",
    "Tokens",
    "runner",
]
