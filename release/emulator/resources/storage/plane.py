"""The data plane of the accounts that the Resource Manager knows."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from release.emulator import blobs
from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError
from release.emulator.store import Resource

ACCOUNT = "Microsoft.Storage/storageAccounts"


THROTTLED = 429


def data_plane(
    cloud: Cloud,
    *,
    tokens: blobs.Tokens,
    trust: ssl.SSLContext,
    note: Callable[[blobs.Asked], None],
) -> blobs.Service:
    """Return the service that serves the blobs of this cloud's accounts.

    Args:
        cloud: Whose accounts; its `blobs` is the store.
        tokens: Tells who a bearer token is.
        trust: For the sources of copies.
        note: Told of every request.
    """

    def check(method: str, path: str) -> None:
        try:
            cloud.faults.request(method, path)
        except ArmError as error:
            code = "ServerBusy" if error.status == THROTTLED else error.code
            raise blobs.BlobError(
                code,
                error.message,
                status=None if code in blobs.CODES else error.status,
                headers=error.headers,
            ) from error

    return blobs.Service(
        store=cloud.blobs,
        accounts=lambda name: account_of(cloud, name),
        tokens=tokens,
        authority=lambda: f"{cloud.arm_origin}/{cloud.identity.tenant}",
        trust=trust,
        check=check,
        note=note,
    )


def account_of(cloud: Cloud, name: str) -> blobs.Account | None:
    """Return the account as its data plane sees it, or None."""
    found = find_account(cloud, name)
    if found is None or "keys" not in found.private:
        return None
    properties = found.properties
    return blobs.Account(
        name=found.id.name,
        keys=tuple(key["value"] for key in found.private["keys"]),
        shared_key_allowed=properties.get("allowSharedKeyAccess", True) is not False,
        public_allowed=properties.get("allowBlobPublicAccess") is True,
    )


def find_account(cloud: Cloud, name: str) -> Resource | None:
    """Return the account of a name, which is unique in all groups, or None."""
    accounts = cloud.store.of_type(ACCOUNT)
    return next((a for a in accounts if a.id.name == name.lower()), None)
