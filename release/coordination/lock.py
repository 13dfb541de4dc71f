"""One release at a time, whoever starts it where: the lease on a scale set, held.

The controller renews the lease in a thread, whatever its stages are at, and says in
the build's folder until when the build may change anything. Each process of the
build looks there before each request that changes something: a lease that could not
be renewed, for the network, a sleeping laptop or a taker, stops all of them before
their next write.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from azure.core.exceptions import AzureError as SdkError
from azure.core.exceptions import ResourceNotFoundError

from release import processes
from release.azure import storage, tags
from release.azure.clients import Azure
from release.azure.lease import LASTS_S, Holder, Lease, is_lost
from release.builds import Build
from release.coordination import permit
from release.errors import AzureError, UsageError
from release.journal import Kind
from release.settings import Settings
from release.wait import Seen, wait_until

BEAT_S = 20.0
AGAIN_S = 5.0
"""Seconds to the next try where a renewal had no answer."""
LOOK_S = 0.5
MARGIN_S = 5.0
"""Seconds before the lease's end at which the last write may begin."""
SILENT_S = 45.0
"""A holder that was not heard of for so long missed two of its beats."""


class Lock:
    """The right to release to an environment.

    Args:
        settings: Of the release.
        build: That releases.
        variables: The process environment: it says who releases.
    """

    def __init__(
        self, settings: Settings, build: Build, variables: Mapping[str, str]
    ) -> None:
        self._settings = settings
        self._build = build
        self._me = Holder(
            who=processes.owner(variables),
            process=processes.this(),
            environment=settings.environment,
            build=build.id,
            since=datetime.now(UTC).isoformat(timespec="seconds"),
            lease=str(uuid.uuid4()),
        )
        self._lease: Lease | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def take(self, azure: Azure) -> Holder | None:
        """Take the lock; wait only for a holder that seems to be dead.

        Returns:
            Who held it last and never let go of it, and so left things behind.

        Raises:
            UsageError: Somebody else releases there.
            AzureError: Azure refused or failed.
        """
        free = azure.unguarded()
        env = self._settings.env
        labels = tags.created(environment=self._me.environment, build=self._me.build)
        storage.ensure_account(free, env, labels=labels, timeout_s=env.deploy_timeout_s)
        lease = Lease(free, env, self._me)
        wait_until(
            f"lock of environment {self._settings.environment}",
            lambda: self._look(lease),
            timeout_s=2 * LASTS_S,
            interval_s=LOOK_S,
            fix="its lease should have run out: see the blob lock/ of the storage "
            "account",
            progress=lambda text: self._build.journal.write(Kind.PROGRESS, text=text),
        )
        self._thread.start()
        self._lease = lease
        # Taking it may have waited for a busy Azure, for longer than it lasts.
        self._renew()
        return lease.dead

    def release(self) -> None:
        """Let others release. Nothing when it is not held."""
        self._over.set()
        if self._lease is None:
            return
        self._thread.join()
        with suppress(AzureError):
            # It runs out by itself then.
            self._lease.let_go()
        self._lease.close()
        self._lease = None

    def reclaim(self, connect: Callable[[], Azure]) -> None:
        """Renew it where the thread could not, before a release is undone.

        Args:
            connect: Connects anew: an Azure that went away may be elsewhere now.
        """
        if self._lease is None or self._renew():
            return
        with suppress(AzureError):
            self._lease = Lease(connect().unguarded(), self._settings.env, self._me)
            self._renew()

    def _look(self, lease: Lease) -> Seen[bool]:
        asked_at_s = permit.now_s()
        found = lease.take()
        if found is None:
            self._may_write(asked_at_s)
            return Seen(what="held", value=True)
        return Seen(what=judged(found, self._settings.environment))

    def _keep(self) -> None:
        wait_s = BEAT_S
        while not self._over.wait(wait_s):
            wait_s = BEAT_S if self._renew() else AGAIN_S

    def _renew(self) -> bool:
        """Renew the lease; tell whether it was. What is lost ends all writes."""
        assert self._lease is not None  # noqa: S101 - only called while it is held
        asked_at_s = permit.now_s()
        try:
            self._lease.renew()
        except SdkError as error:
            if is_lost(error):
                gone = isinstance(error, ResourceNotFoundError)
                why = "its blob is gone" if gone else "somebody else took it"
                permit.revoke(self._build, why)
            return False
        self._may_write(asked_at_s)
        return True

    def _may_write(self, asked_at_s: float) -> None:
        permit.grant(self._build, until_s=asked_at_s + LASTS_S - MARGIN_S)


def judged(by: Holder, environment: str) -> str:
    """Say what is waited for at a lock that somebody holds. Pure.

    Raises:
        UsageError: The holder lives: nothing is waited for.
    """
    if not by.build:
        return f"held by {by}"
    if by.silent_s >= SILENT_S:
        return f"held by {by}; it may be dead, then its lease runs out"
    raise UsageError(
        f"environment {environment} is being released by {by}",
        fix=f"wait for it to end; pytest tests/smoke --env {environment} may look at "
        f"what is deployed meanwhile. Were it dead, its lock would run out within "
        f"{LASTS_S} s of its last word",
    )
