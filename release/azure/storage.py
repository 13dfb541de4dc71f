"""Payloads and logs of bakes, in one container of a storage account.

No account key is used: requests carry the releasing principal's own token, and
the builder machine gets a shared access signature that is signed with a user
delegation key (source: "Create a user delegation SAS"). The principal needs the
role Storage Blob Data Contributor on the account.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    ResourceExistsError,
    ResourceNotFoundError,
)

from release.azure import groups, tags
from release.azure.clients import Azure
from release.azure.ids import resource_id
from release.azure.operations import call, collect
from release.settings import Environment

if TYPE_CHECKING:
    from azure.mgmt.resource.resources.models import GenericResource
    from azure.storage.blob import UserDelegationKey

CONTAINER = "release"
CLOCK_SKEW = timedelta(minutes=15)
ACCOUNT = "Microsoft.Storage/storageAccounts"
ACCOUNT_API = "2023-05-01"


def account_name(subscription: str, group: str) -> str:
    """Derive the name of an account: 24 lower-case letters and digits.

    Names of storage accounts are unique in all of Azure, hence the hash.
    """
    key = f"{subscription}/{group}".lower().encode()
    text = base64.b32encode(hashlib.sha256(key).digest()).decode().lower()
    return f"release{text[:17]}"


def account_of(azure: Azure, env: Environment) -> str:
    """Return the name of an environment's account."""
    return env.storage_account or account_name(
        azure.subscription, env.image_resource_group
    )


def account(azure: Azure, env: Environment) -> Mapping[str, Any] | None:
    """Return an environment's account as Azure describes it; None when it is missing.

    Asked of Azure Resource Manager: the name of an account that is missing leads
    nowhere, and the SDK would try it for a minute. One that was found is not asked for
    again over the same connection: nobody but a release needs it, or deletes it.
    """
    identifier, name = _account_id(azure, env), account_of(azure, env)

    def look() -> dict[str, Any] | None:
        try:
            return azure.asked(identifier, api_version=ACCOUNT_API)
        except ResourceNotFoundError:
            return None

    if identifier not in azure.accounts:
        found = call(azure, f"looking for account {name}", look)
        if found is None:
            return None
        azure.accounts[identifier] = found
    return azure.accounts[identifier]


def account_exists(azure: Azure, env: Environment) -> bool:
    """Tell whether an environment's account is there; see `account`."""
    return account(azure, env) is not None


def ensure_account(
    azure: Azure, env: Environment, *, labels: Mapping[str, str], timeout_s: float
) -> bool:
    """Make an environment's account, with its container, when it is missing.

    Only what nobody else made meanwhile: two first releases at once share one.

    Args:
        azure: Where.
        env: Names account, group and region.
        labels: Tags of what is made.
        timeout_s: Seconds that it may take.

    Returns:
        Whether the account was made.

    Raises:
        AzureError: Azure refused or failed.
        WaitTimedOut: It took too long.
    """
    if account_exists(azure, env):
        return False
    groups.ensure(azure, env.image_resource_group, location=env.location, labels=labels)
    doing = f"making storage account {account_of(azure, env)}"
    poller = call(
        azure,
        doing,
        lambda: azure.resources.resources.begin_create_or_update_by_id(
            _account_id(azure, env),
            account_body(env, labels=labels),
            api_version=ACCOUNT_API,
        ),
    )
    collect(azure, doing, poller, timeout_s=timeout_s)
    ensure_container(azure, env)
    return True


def ensure_container(azure: Azure, env: Environment) -> None:
    """Make the container when it is missing."""
    service = azure.blobs(account_of(azure, env))

    def make() -> None:
        try:
            service.create_container(CONTAINER)
        except ResourceExistsError:
            return

    call(azure, f"making container {CONTAINER}", make)


def account_body(env: Environment, *, labels: Mapping[str, str]) -> GenericResource:
    """Return the body of an account that takes no key. Pure."""
    from azure.mgmt.resource.resources import models  # noqa: PLC0415 - slow

    return models.GenericResource(
        location=env.location,
        tags=dict(labels),
        sku=models.Sku(name="Standard_LRS"),
        kind="StorageV2",
        properties={
            "accessTier": "Hot",
            "allowBlobPublicAccess": False,
            "allowSharedKeyAccess": False,
            "minimumTlsVersion": "TLS1_2",
            "supportsHttpsTrafficOnly": True,
        },
    )


def _account_id(azure: Azure, env: Environment) -> str:
    return resource_id(
        azure.subscription,
        env.image_resource_group,
        ACCOUNT,
        account_of(azure, env),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """A blob as it was listed.

    Attributes:
        name: In its container.
        tags: Those that it was stored with.
        modified_at: Aware, UTC.
        size_bytes: Its length.
        etag: Another one stands for another content or other tags.
    """

    name: str
    tags: Mapping[str, str]
    modified_at: datetime
    size_bytes: int
    etag: str


class Container:
    """The container of one account.

    Args:
        azure: Where.
        account: Name of the storage account.
        labels: Tags of all that is stored.
    """

    def __init__(
        self, azure: Azure, account: str, labels: Mapping[str, str] | None = None
    ) -> None:
        self._azure = azure
        self._account = account
        self._metadata = tags.to_metadata(labels or {})
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
                # Whoever cleans up after its first user must see that it is in use.
                blob.set_blob_metadata(self._metadata)
                return False
            with file.open("rb") as content:
                blob.upload_blob(
                    content, overwrite=True, max_concurrency=4, metadata=self._metadata
                )
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
            lambda: blob.create_append_blob(metadata=self._metadata),
        )

    def stored(self) -> list[Stored]:
        """Return what is stored, in the order of names; nothing without a container.

        One request a page of 5,000.
        """
        container = self._service.get_container_client(CONTAINER)

        def look() -> list[Stored]:
            try:
                found = list(container.list_blobs(include=["metadata"]))
            except ResourceNotFoundError:
                return []
            return [
                Stored(
                    name=blob.name,
                    tags=tags.from_metadata(blob.metadata),
                    modified_at=blob.last_modified,
                    size_bytes=blob.size,
                    # A list tells it without its quotes.
                    etag=f'"{blob.etag.strip(chr(34))}"',
                )
                for blob in found
            ]

        return call(self._azure, f"listing {self._account}/{CONTAINER}", look)

    def delete(self, blob: Stored) -> None:
        """Delete a blob.

        Raises:
            AzureError: Azure refused, also because it changed since it was listed.
        """
        client = self._service.get_blob_client(CONTAINER, blob.name)

        def remove() -> None:
            try:
                client.delete_blob(
                    etag=blob.etag, match_condition=MatchConditions.IfNotModified
                )
            except ResourceNotFoundError:
                return

        call(self._azure, f"deleting {self._account}/{CONTAINER}/{blob.name}", remove)

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
