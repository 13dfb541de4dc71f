"""The embedded Azure as one value: what the wire and the deployments both call.

Reading, writing and deleting a resource go through `Cloud`, whoever asks: a client
over HTTPS or a template deployment from inside.
"""

from __future__ import annotations

import asyncio
import copy
import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from release.emulator.addresses import Addresses
from release.emulator.background import Background
from release.emulator.balancer import Balancer
from release.emulator.blobs import Store as Blobs
from release.emulator.conditions import Conditions
from release.emulator.errors import (
    ArmError,
    conflict,
    group_not_found,
    not_allowed,
    resource_not_found,
)
from release.emulator.faults import Faults
from release.emulator.identity import Identity
from release.emulator.ids import GROUP_TYPE, ResourceId
from release.emulator.kinds import Accepted, Body, Call, Kind, Kinds, Reply, Write
from release.emulator.locks import Locks
from release.emulator.machines import Machines
from release.emulator.merging import merged
from release.emulator.operations import Operation, Operations
from release.emulator.pace import Pace
from release.emulator.regions import check_location
from release.emulator.roles import Roles
from release.emulator.shapes import object_of, shaped
from release.emulator.store import Resource, Store
from release.emulator.tags import check_tags
from release.emulator.timeline import Timeline


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What came of a write."""

    resource: Resource
    created: bool
    operation: Operation | None
    """None when it was done at once."""


class Cloud:
    """Resources, what is being done to them, and what they run on."""

    def __init__(
        self,
        *,
        identity: Identity,
        store: Store,
        kinds: Kinds,
        pace: Pace,
        faults: Faults,
        addresses: Addresses,
        machines: Machines,
        balancer: Balancer,
        blobs: Blobs,
    ) -> None:
        self.identity = identity
        self.store = store
        self.locks = Locks(store=store)
        self.roles = Roles(
            store=store, client_id=identity.client_id, object_id=identity.object_id
        )
        self.kinds = kinds
        self.pace = pace
        self.faults = faults
        self.conditions = Conditions()
        self.addresses = addresses
        self.machines = machines
        self.balancer = balancer
        self.blobs = blobs
        self.refresh_network: Callable[[], Awaitable[None]] = _nothing
        """Bring the balancer in line with the resources; call it after any change of
        network interfaces or instances, which an address that is taken does not
        fail."""
        self.operations = Operations()
        self.background = Background()
        self.timeline = Timeline()
        self.trust = ssl.create_default_context()
        """What it trusts when it is itself a client, of its blob service say."""
        self.arm_origin = ""
        """https://127.0.0.1:PORT, once it listens."""
        self.blob_origin = ""
        """https://127.0.0.1:PORT of the blob service, once it listens."""

    # --- reading ----------------------------------------------------------

    def find(self, resource_id: ResourceId) -> Resource | None:
        """Return a resource, or None when it is not there."""
        found = self.store.get(resource_id)
        if found is None and resource_id.pairs:
            kind = self.kinds.of(resource_id.type)
            if kind.find:
                return kind.find(self, resource_id)
        return found

    def get(self, resource_id: ResourceId) -> Resource:
        """Return a resource.

        Raises:
            ArmError: 404, for the group or for the resource.
        """
        found = self.find(resource_id)
        if found:
            return found
        self.check_group(resource_id)
        if not resource_id.pairs:
            raise group_not_found(resource_id.group)
        if len(resource_id.pairs) > 1 and self.find(resource_id.parent) is None:
            parent = resource_id.parent
            raise ArmError(
                404,
                "ParentResourceNotFound",
                f"Failed to perform 'read' on resource(s) of type "
                f"'{resource_id.type.partition('/')[2]}', because the parent resource "
                f"'{parent}' could not be found.",
            )
        raise resource_not_found(
            self.kinds.of(resource_id.type).type,
            resource_id.full_name,
            resource_id.group,
        )

    def check_group(self, resource_id: ResourceId) -> None:
        """Raise the 404 for a resource group that is not there."""
        if not (resource_id.group and resource_id.pairs):
            return
        if self.store.get(resource_id.group_id) is None:
            raise group_not_found(resource_id.group)

    def list(self, full_type: str, scope: ResourceId) -> Iterable[Resource]:
        """Return resources of a type directly in a group, subscription or parent."""
        kind = self.kinds.of(full_type)
        if kind.enumerate:
            return kind.enumerate(self, scope)
        depth = kind.type.count("/")
        return [
            found
            for found in self.store.of_type(kind.type, scope)
            if len(found.id.pairs) == depth
        ]

    def show(self, resource: Resource, call: Call) -> Body:
        """Return the body that a client sees."""
        kind = self.kinds.of(resource.id.type)
        body = kind.view(self, resource, call)
        return {**body, "etag": resource.etag} if kind.shows_etag else body

    # --- writing ----------------------------------------------------------

    def put(
        self,
        resource_id: ResourceId,
        body: Body,
        *,
        api_version: str,
        if_match: str | None = None,
        if_none_match: str | None = None,
        patch: bool = False,
    ) -> Written:
        """Create or change a resource.

        Raises:
            ArmError: The body, the place or the moment is wrong; nothing changed.
        """
        kind = self.kinds.of(resource_id.type)
        if not kind.writable:
            method = "PATCH" if patch else "PUT"
            raise not_allowed(method, str(resource_id), ["GET", "HEAD"])
        existing = self.find(resource_id)
        self.check_group(resource_id)
        if patch:
            self.get(resource_id)
        if len(resource_id.pairs) > 1:
            _check_staying(self.get(resource_id.parent))
        check_etag(existing, if_match, if_none_match)
        self.roles.check(f"{kind.type}/write", resource_id)
        self.locks.check_write(resource_id)
        self._check_group_stays(resource_id)
        self.faults.write(f"{kind.type}/write", resource_id)
        self.conditions.check_registered(kind.type.partition("/")[0])
        self._check_free(kind, resource_id)
        write = Write(
            cloud=self,
            id=existing.id if existing else self.kinds.spelled(resource_id),
            body=merged(kind, existing, shaped(body), patch=patch),
            existing=existing,
            api_version=api_version,
            private=dict(existing.private) if existing else {},
        )
        check_tags(write.body.get("tags") or {})
        check_location(kind, write)
        return self._write(kind, write)

    def _write(self, kind: Kind, write: Write) -> Written:
        prepared = kind.prepare(write)
        at_once = _at_once(kind, write.existing)
        before = copy.deepcopy(write.existing.body) if write.existing else None
        resource = write.existing or Resource(id=write.id, body={})
        resource.private = write.private
        resource.private["changed_time"] = now = datetime.now(UTC).isoformat()
        resource.private.setdefault("created_time", now)
        resource.body = {
            "id": str(write.id),
            "name": write.id.name,
            "type": kind.type,
            **{k: v for k, v in prepared.items() if k not in ("id", "name", "type")},
        }
        created = write.existing is None
        if at_once:
            resource.state = "Succeeded"
            self._keep(kind, resource)
            return Written(resource=resource, created=created, operation=None)
        resource.state = kind.created_as if created else "Updating"
        self._keep(kind, resource)
        operation = self.operations.start(
            write.id,
            f"{kind.type}/write",
            self._carry_out(kind, resource, before),
            also_lock=_along(kind, write.id),
        )
        return Written(resource=resource, created=created, operation=operation)

    def _check_group_stays(self, resource_id: ResourceId) -> None:
        running = self.operations.on(resource_id.group_id)
        if running and running.verb == f"{GROUP_TYPE}/delete":
            raise conflict(
                "ResourceGroupBeingDeleted",
                f"The resource group '{resource_id.group}' is in deprovisioning state "
                "and cannot perform this operation.",
            )

    def running_on(self, resource_id: ResourceId) -> Operation | None:
        """Return the operation that a write of a resource would meet, or None."""
        along = _along(self.kinds.of(resource_id.type), resource_id)
        found = (self.operations.on(held) for held in (resource_id, *along))
        return next((operation for operation in found if operation), None)

    def _check_free(self, kind: Kind, resource_id: ResourceId) -> None:
        running = self.operations.on(resource_id)
        if running and kind.busy:
            raise kind.busy(self, running)
        self.operations.check_free(resource_id, *_along(kind, resource_id))

    async def _carry_out(
        self, kind: Kind, resource: Resource, before: Body | None
    ) -> Body:
        try:
            await self.faults.before(f"{kind.type}/write", resource.id)
            if before is None or _declared(before) != _declared(resource.body):
                await self.pace.lasts(kind.timing)
            if kind.apply:
                await kind.apply(self, resource, before)
            resource.state = "Succeeded"
        except asyncio.CancelledError:
            resource.state = "Canceled"
            raise
        except BaseException:
            resource.state = "Failed"
            raise
        finally:
            self._keep(kind, resource)
        return resource.body

    def delete(
        self, resource_id: ResourceId, *, if_match: str | None = None
    ) -> Operation | None:
        """Delete a resource; None when it was not there.

        Raises:
            ArmError: It is in use, or being written.
        """
        kind = self.kinds.of(resource_id.type)
        self.check_group(resource_id)
        resource = self.find(resource_id)
        if resource is None:
            return None
        if not kind.writable:
            raise not_allowed("DELETE", str(resource_id), ["GET", "HEAD"])
        check_etag(resource, if_match, None)
        self.roles.check(f"{kind.type}/delete", resource.id)
        return self._begin_removal(kind, resource)

    def delete_along(self, resource_id: ResourceId) -> Operation | None:
        """Delete a resource along with its group, or with the machine that it is of.

        Who may delete a group needs no right to delete what is in it.
        https://learn.microsoft.com/azure/azure-resource-manager/management/delete-resource-group

        Raises:
            ArmError: It is in use, or being written.
        """
        resource = self.find(resource_id)
        if resource is None:
            return None
        return self._begin_removal(self.kinds.of(resource_id.type), resource)

    def _begin_removal(self, kind: Kind, resource: Resource) -> Operation:
        self.locks.check_delete(resource.id)
        self.faults.write(f"{kind.type}/delete", resource.id)
        self._check_free(kind, resource.id)
        if kind.refuse_removal:
            kind.refuse_removal(self, resource)
        resource.state = "Deleting"
        self._keep(kind, resource)
        return self.operations.start(
            resource.id,
            f"{kind.type}/delete",
            self._remove(kind, resource),
            also_lock=_along(kind, resource.id),
        )

    async def _remove(self, kind: Kind, resource: Resource) -> None:
        try:
            await self.faults.before(f"{kind.type}/delete", resource.id)
            await self.pace.lasts(kind.timing and f"{kind.timing}.delete")
            if kind.remove:
                await kind.remove(self, resource)
        except BaseException:
            resource.state = "Failed"
            self._keep(kind, resource)
            raise
        self._drop(kind, resource)

    def _keep(self, kind: Kind, resource: Resource) -> None:
        if kind.keep:
            kind.keep(self, resource)
        else:
            self.store.save(resource)

    def _drop(self, kind: Kind, resource: Resource) -> None:
        if kind.drop:
            kind.drop(self, resource)
        else:
            self.store.remove(resource.id)

    async def act(self, call: Call, tail: str) -> Reply | Accepted:
        """Carry out an action or answer a view of a resource.

        Raises:
            ArmError: 404 for the resource; 400 for an action it does not have.
        """
        kind = self.kinds.of(call.id.type)
        action = kind.actions.get((call.method, tail.lower()))
        methods = [method for method, name in kind.actions if name == tail.lower()]
        if action is None and methods:
            raise not_allowed(call.method, f"{call.id}/{tail}", methods)
        if action is None:
            have = ", ".join(sorted(f"{m} {t}" for m, t in kind.actions)) or "none"
            raise ArmError(
                404,
                "InvalidResourceType",
                f"'{call.method} {tail}' is no action of '{kind.type}'. This embedded "
                f"Azure has: {have}.",
            )
        if call.method == "POST":
            call = replace(call, body=object_of(call.body))
            self.roles.check(f"{kind.type}/{tail}/action", call.id)
            self.locks.check_write(call.id)
            self.faults.write(f"{kind.type}/{tail}/action", call.id)
        return await action(call)


def _check_staying(parent: Resource) -> None:
    """Raise the 409 for a write of what lives in a resource that is being deleted."""
    if parent.state == "Deleting":
        raise conflict(
            "OperationNotAllowed",
            f"The operation is not allowed on '{parent.id}' since it is marked for "
            "deletion. You can only retry the Delete operation (or wait for an ongoing "
            "one to complete).",
        )


def _at_once(kind: Kind, existing: Resource | None) -> bool:
    if kind.changes_at_once and existing and existing.state == "Succeeded":
        return True
    return kind.apply is None and not kind.timing


def _along(kind: Kind, resource_id: ResourceId) -> tuple[ResourceId, ...]:
    """Return what is held as well while a resource is written or deleted."""
    return (resource_id.parent,) if kind.part_of_parent else ()


def _declared(body: Body) -> Body:
    """Return what takes time to bring about: all but tags and states."""
    properties = body.get("properties") or {}
    kept = {k: v for k, v in properties.items() if k != "provisioningState"}
    return {k: v for k, v in body.items() if k != "tags"} | {"properties": kept}


async def _nothing() -> None:
    """Refresh nothing."""


def check_etag(
    existing: Resource | None, if_match: str | None, if_none_match: str | None
) -> None:
    """Raise the 412 when a precondition does not hold."""
    current = existing.etag if existing else None
    matches = if_match is None or (existing is not None and if_match in ("*", current))
    absent = if_none_match is None or not (
        existing is not None and if_none_match in ("*", current)
    )
    if not (matches and absent):
        raise ArmError(
            412,
            "PreconditionFailed",
            f"The condition '{if_match or if_none_match}' does not hold: the etag is "
            f"{current or 'absent'}.",
        )
