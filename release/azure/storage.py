"""Payloads and logs of bakes, in one container of a storage account.

No account key is used: requests carry the releasing principal's own token, and
the builder machine gets a shared access signature that is signed with a user
delegation key (source: "Create a user delegation SAS"). The principal needs the
role Storage Blob Data Contributor on the account.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from azure.core.exceptions import ResourceNotFoundError

from release.azure.clients import Azure
from release.azure.operations import call

if TYPE_CHECKING:
    from azure.storage.blob import UserDelegationKey

CONTAINER = "release"
CLOCK_SKEW = timedelta(minutes=15)


def account_name(subscription: str, group: str) -> str:
    """Derive the name of an account: 24 lower-case letters and digits.

    Names of storage accounts are unique in all of Azure, hence the hash.
    """
    key = f"{subscription}/{group}".lower().encode()
    text = base64.b32encode(hashlib.sha256(key).digest()).decode().lower()
    return f"release{text[:17]}"


class Container:
    """The container of one account.

    Args:
        azure: Where.
        account: Name of the storage account.
    """

    def __init__(self, azure: Azure, account: str) -> None:
        self._azure = azure
        self._account = account
        self._service = azure.blobs(account)
        self._key: UserDelegationKey | None = None

    def put(self, name: str, file: Path) -> bool:
        """Store a file under a name that stands for its content.

        Returns:
            Whether it was sent; False when it is there already.

        Raises:
            AzureError: Azure refused it.
        """
        blob = self._service.get_blob_client(CONTAINER, name)

        def send() -> bool:
            if blob.exists():
                return False
            with file.open("rb") as content:
                blob.upload_blob(content, overwrite=True, max_concurrency=4)
            return True

        return call(self._azure, f"storing {self._account}/{CONTAINER}/{name}", send)

    def signed_url(self, name: str, permission: str, *, lasts: timedelta) -> str:
        """Return the address of a blob with the right to use it for a while.

        Args:
            name: The blob.
            permission: Letters such as ``r``, or ``racw`` for a log.
            lasts: From now.
        """
        from azure.storage.blob import generate_blob_sas  # noqa: PLC0415 - slow

        now = datetime.now(UTC)
        if self._key is None:
            self._key = call(
                self._azure,
                f"asking {self._account} for a user delegation key",
                lambda: self._service.get_user_delegation_key(
                    now - CLOCK_SKEW, now + lasts
                ),
            )
        signature = generate_blob_sas(
            self._account,
            CONTAINER,
            name,
            user_delegation_key=self._key,
            permission=permission,
            start=now - CLOCK_SKEW,
            expiry=now + lasts,
        )
        return f"{self._service.get_blob_client(CONTAINER, name).url}?{signature}"

    def create_log(self, name: str) -> None:
        """Create an empty append blob."""
        blob = self._service.get_blob_client(CONTAINER, name)
        call(
            self._azure,
            f"creating {self._account}/{CONTAINER}/{name}",
            blob.create_append_blob,
        )

    def tail(self, name: str, told: Callable[[str], None]) -> Tail:
        """Follow a log; see `Tail`."""
        return Tail(self._azure, self, name, told)

    def read(self, name: str, offset: int) -> bytes:
        """Return what a blob holds from an offset on; nothing when it is missing."""
        blob = self._service.get_blob_client(CONTAINER, name)
        try:
            properties = blob.get_blob_properties()
            if properties.size <= offset:
                return b""
            return blob.download_blob(offset=offset).readall()
        except ResourceNotFoundError:
            return b""


class Tail:
    """Tells each new whole line of a log.

    Args:
        azure: Where.
        container: Holds the log.
        name: The log's blob.
        told: Called with each line, without its end.
    """

    def __init__(
        self, azure: Azure, container: Container, name: str, told: Callable[[str], None]
    ) -> None:
        self._azure = azure
        self._container = container
        self._name = name
        self._told = told
        self._offset = 0
        self._rest = b""

    def look(self) -> None:
        """Tell what was added since the last look."""
        added = call(
            self._azure,
            f"reading {self._name}",
            lambda: self._container.read(self._name, self._offset),
        )
        self._offset += len(added)
        *lines, self._rest = (self._rest + added).split(b"\n")
        for line in lines:
            self._told(line.decode("utf-8", "replace").rstrip("\r"))

    def finish(self) -> None:
        """Tell the rest, a last line without its end included."""
        self.look()
        if self._rest:
            self._told(self._rest.decode("utf-8", "replace"))
            self._rest = b""
