"""The release lock of a scale set: a leased blob beside the payloads.

A lease ends by itself 60 s after it was last renewed, so that nobody has to free what
a dead release held (source: "Lease Blob"). Azure tells nobody a lease's id; here it
stands in the blob with its holder, because changing it from one id to another is the
one request of which, of two that take over from a dead holder, only the first
succeeds.

The account may be missing at the first release of all: it is made before anything
else, for there is no lock without it, and the bake needs it anyway. A tag on the
resource group would need no account, but groups and their tags know no condition on
an entity tag, so two could both believe to hold it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)

from release.azure import storage
from release.azure.clients import Azure
from release.azure.operations import call
from release.processes import Process
from release.settings import Environment

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, BlobLeaseClient

SCHEMA = 1
LASTS_S = 60
"""The longest that Azure grants a lease that ends by itself."""
LIMITS: Mapping[str, Any] = MappingProxyType(
    {"retry_total": 0, "connection_timeout": 10, "read_timeout": 10}
)
"""Of a request that need not succeed: the next one comes soon. In seconds."""
FREE = ("available", "expired", "broken")
BEAT = "beat"
TAKEN = frozenset(
    {
        "LeaseAlreadyPresent",
        "LeaseIdMismatchWithLeaseOperation",
        "LeaseNotPresentWithLeaseOperation",
        "LeaseIsBreakingAndCannotBeAcquired",
        "LeaseIsBrokenAndCannotBeRenewed",
        "LeaseLost",
    }
)
"""What Azure answers when somebody else has or had it since."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """Who holds the lock of a scale set.

    Attributes:
        who: User and host, or the address of a CI run.
        process: The one that renews it.
        environment: Name of the environment in the holder's own release.toml.
        build: Its build; "" in the moment before it has said who it is.
        since: ISO 8601, UTC.
        lease: Id of the lease.
        silent_s: Seconds since it was last heard of, by Azure's clock.
    """

    who: str
    process: Process
    environment: str
    build: str
    since: str
    lease: str
    silent_s: float = 0.0

    def __str__(self) -> str:
        if not self.build:
            return self.who
        since = datetime.fromisoformat(self.since).strftime("%Y-%m-%d %H:%M:%S UTC")
        return (
            f"{self.who}: build {self.build}, process {self.process.pid}, since "
            f"{since}, last heard of {self.silent_s:.0f} s ago"
        )

    def to_json(self) -> dict[str, Any]:
        """Return what stands in the blob."""
        return {
            "schema": SCHEMA,
            "who": self.who,
            "process": self.process.to_json(),
            "environment": self.environment,
            "build": self.build,
            "since": self.since,
            "lease": self.lease,
        }

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Holder:
        """Read what `to_json` returned."""
        kept = {name: value for name, value in raw.items() if name != "schema"}
        return cls(**{**kept, "process": Process(**raw["process"])})


UNSIGNED = Holder(
    who="somebody who has yet to say who",
    process=Process(machine="", pid=0, started_at_s=0),
    environment="",
    build="",
    since="",
    lease="",
)


def holder(azure: Azure, env: Environment) -> Holder | None:
    """Return who holds the release lock of an environment's scale set now.

    For a preflight, a status or anybody who only looks: it changes nothing and waits
    for nothing, one request to Azure Resource Manager and one to the blob. A release
    that holds the lock sees itself: compare ``build``.

    Returns:
        None when it is free, also because there never was a release.

    Raises:
        AzureError: Azure refused to tell.
    """
    if not storage.account_exists(azure, env):
        return None
    return _read(azure, env).holder


def abandoned(azure: Azure, env: Environment) -> Holder | None:
    """Return who held the lock last and never let go of it, though it runs no more.

    Raises:
        AzureError: Azure refused to tell.
    """
    if not storage.account_exists(azure, env):
        return None
    seen = _read(azure, env)
    signed = seen.signed if seen.signed and seen.signed.build else None
    gone = signed and (seen.holder is None or signed.process.runs() is False)
    return signed if gone else None


class Lease:
    """The lock, from the side of the one who wants it.

    Args:
        azure: Where; its requests are not held back by any lock.
        env: Names the scale set and the account.
        me: What the blob says once it is held.
    """

    def __init__(self, azure: Azure, env: Environment, me: Holder) -> None:
        self._azure = azure
        self._env = env
        self.me = me
        self._blob = _blob(azure, env)
        self._mine = self._client(me.lease)
        self._beats = 0
        self.dead: Holder | None = None
        """Once it is held: who held it last and never let go of it."""

    def take(self) -> Holder | None:
        """Take the lock if it can be had now.

        It can when nobody holds it, or when its holder surely ended: a process of
        this machine that is gone.

        Returns:
            Who has it; None when it is held from now on.

        Raises:
            AzureError: Azure refused or failed.
        """
        taken = call(self._azure, self._doing("taking"), self._acquire)
        if not taken:
            found = _read(self._azure, self._env).holder
            if found is None:
                # It was let go of a moment ago.
                return self.take()
            if found.process.runs() is False:
                taken = self.take_over(found)
            return None if taken else found
        self.dead = _read(self._azure, self._env).signed
        self._sign()
        return None

    def take_over(self, dead: Holder) -> bool:
        """Take the lock from a holder that is dead; tell whether it was still his.

        Raises:
            AzureError: Azure refused or failed.
        """
        theirs = self._client(dead.lease)

        def change() -> bool:
            try:
                theirs.change(self.me.lease)
            except HttpResponseError as error:
                if is_lost(error):
                    return False
                raise
            self._mine.renew()
            return True

        taken = call(self._azure, self._doing("taking over"), change)
        if taken:
            self.dead = dead
            self._sign()
        return taken

    def renew(self) -> None:
        """Hold it for another `LASTS_S`, and say that its holder lives.

        One that ran out is held again where nobody else took it meanwhile.

        Raises:
            AzureError of the SDK: No answer, or somebody else has it: see `is_lost`.
        """
        self._mine.renew(**LIMITS)
        self._beats += 1
        self._blob.set_blob_metadata(
            {BEAT: str(self._beats)}, lease=self._mine, **LIMITS
        )

    def let_go(self) -> None:
        """Let others have it; nothing when it is not held any more.

        It is tried once: what is not let go of runs out by itself.

        Raises:
            AzureError: Azure refused or failed.
        """

        def release() -> None:
            try:
                self._blob.upload_blob(b"", overwrite=True, lease=self._mine, **LIMITS)
                self._mine.release(**LIMITS)
            except HttpResponseError as error:
                if not is_lost(error):
                    raise

        call(self._azure, self._doing("letting go of"), release)

    def close(self) -> None:
        """Close its connections."""
        self._azure.close()

    def _acquire(self) -> bool:
        try:
            self._mine.acquire(LASTS_S)
        except ResourceNotFoundError:
            self._make_blob()
            return self._acquire()
        except HttpResponseError as error:
            if is_lost(error):
                return False
            raise
        return True

    def _sign(self) -> None:
        text = json.dumps(self.me.to_json())
        call(
            self._azure,
            self._doing("signing"),
            lambda: self._blob.upload_blob(text, overwrite=True, lease=self._mine),
        )

    def _make_blob(self) -> None:
        storage.ensure_container(self._azure, self._env)
        try:
            self._blob.upload_blob(b"", overwrite=False)
        except ResourceExistsError:
            return

    def _client(self, lease: str) -> BlobLeaseClient:
        from azure.storage.blob import BlobLeaseClient  # noqa: PLC0415 - slow

        return BlobLeaseClient(self._blob, lease_id=lease)

    def _doing(self, what: str) -> str:
        return f"{what} the lock of {self._env.resource_group}/{self._env.scale_set}"


def is_lost(error: BaseException) -> bool:
    """Tell whether an error of the SDK says that a lease is somebody else's."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code)) in TAKEN or isinstance(
        error, ResourceNotFoundError
    )


def _blob(azure: Azure, env: Environment) -> BlobClient:
    name = f"lock/{env.resource_group}/{env.scale_set}".lower()
    service = azure.blobs(storage.account_of(azure, env))
    return service.get_blob_client(storage.CONTAINER, name)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    """The lock's blob.

    Attributes:
        signed: Who stands in it; whoever lets go of it clears it.
        holder: Who holds the lease; None when it is free.
    """

    signed: Holder | None = None
    holder: Holder | None = None


def _read(azure: Azure, env: Environment) -> _Seen:
    blob = _blob(azure, env)
    dates: list[str] = []

    def look() -> _Seen:
        try:
            found = blob.download_blob(
                raw_response_hook=lambda it: dates.append(
                    it.http_response.headers.get("Date", "")
                )
            )
            text = found.readall()
        except ResourceNotFoundError:
            return _Seen()
        asked_at = parsedate_to_datetime(dates[0]) if dates[0] else datetime.now(UTC)
        silent_s = (asked_at - found.properties.last_modified).total_seconds()
        signed = None
        if text:
            signed = Holder.from_json(json.loads(text))
            signed = replace(signed, silent_s=max(0.0, silent_s))
        free = found.properties.lease.state in FREE
        return _Seen(signed=signed, holder=None if free else signed or UNSIGNED)

    doing = f"reading the lock of {env.resource_group}/{env.scale_set}"
    return call(azure, doing, look)
