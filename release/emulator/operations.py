"""Long-running operations: every write goes through this one table.

An operation runs in the background whether or not anybody asks for it. While one
runs on a resource, another write to it is a 409.
https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from release.emulator.errors import ArmError, HostFault, conflict, internal
from release.emulator.ids import ResourceId

log = logging.getLogger(__name__)


class Status(StrEnum):
    """Where an operation is; all but the first are final."""

    IN_PROGRESS = "InProgress"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"


@dataclass(kw_only=True, slots=True, eq=False)
class Operation:
    """One write in the background."""

    id: str
    verb: str
    """What it does, such as ``virtualMachines.write`` or ``deallocate``."""
    resource_id: ResourceId
    started_at: datetime
    ended_at: datetime | None = None
    status: Status = Status.IN_PROGRESS
    error: ArmError | None = None
    result: Any = None
    """What the work returned: the body of the final answer, or None."""
    show_output: bool = False
    """Whether the status answer carries the result as ``properties.output``."""
    locks: frozenset[str] = frozenset()
    begun: bool = False
    unwanted: bool = False
    """Whether it was cancelled before it began."""
    done: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Operations:
    """The table of operations, running and ended."""

    def __init__(self, *, keep: int = 2000) -> None:
        self._keep = keep
        self._all: dict[str, Operation] = {}

    def start(
        self,
        resource_id: ResourceId,
        verb: str,
        work: Coroutine[Any, Any, Any],
        *,
        also_lock: tuple[ResourceId, ...] = (),
        exclusive: bool = True,
    ) -> Operation:
        """Run `work` in the background as an operation on a resource.

        Args:
            resource_id: The resource that it writes; locked until it ends.
            verb: What it does.
            work: Its return value is the operation's result. An `ArmError` fails
                the operation; so does any other error, as InternalExecutionError.
            also_lock: Further resources that nobody else may write meanwhile.
            exclusive: False for work that may overlap with others.

        Raises:
            ArmError: 409 when one of the resources is being written.
        """
        locks = frozenset(r.key for r in (resource_id, *also_lock) if exclusive)
        try:
            self.check_free(resource_id, *also_lock) if exclusive else None
        except ArmError:
            work.close()
            raise
        operation = Operation(
            id=str(uuid.uuid4()),
            verb=verb,
            resource_id=resource_id,
            started_at=datetime.now(UTC),
            locks=locks,
        )
        self._all[operation.id] = operation
        self._forget_oldest()
        operation.task = asyncio.create_task(self._run(operation, work), name=verb)
        return operation

    def check_free(self, *resource_ids: ResourceId) -> None:
        """Raise the 409 that Azure gives when one of them is being written."""
        for resource_id in resource_ids:
            busy = self.on(resource_id)
            if busy:
                raise conflict(
                    "AnotherOperationInProgress",
                    f"Another operation on this or dependent resource is in progress. "
                    f"Operation '{busy.verb}' ({busy.id}) on '{busy.resource_id}' has "
                    f"not ended yet.",
                )

    def on(self, resource_id: ResourceId) -> Operation | None:
        """Return the operation that holds this resource, or None."""
        for operation in self._all.values():
            if not operation.done.is_set() and resource_id.key in operation.locks:
                return operation
        return None

    def get(self, operation_id: str) -> Operation | None:
        """Return an operation by its id, or None."""
        return self._all.get(operation_id.lower())

    def running(self) -> list[Operation]:
        """Return those that have not ended, oldest first."""
        return [o for o in self._all.values() if not o.done.is_set()]

    async def wait(self, operation: Operation) -> Any:
        """Wait for the end; return the result or raise the operation's error."""
        await operation.done.wait()
        if operation.error:
            raise operation.error
        return operation.result

    def cancel(self, operation: Operation) -> None:
        """Ask an operation to stop; it ends as Canceled.

        One that has not begun is let begin: nothing of a task that is cancelled
        before runs, and nobody would set the state of what it writes.
        """
        if operation.task and operation.begun:
            operation.task.cancel()
        operation.unwanted = True

    async def close(self) -> None:
        """Cancel whatever still runs and wait for it."""
        running = self.running()
        for operation in running:
            self.cancel(operation)
        tasks = [operation.task for operation in running if operation.task]
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, operation: Operation, work: Coroutine[Any, Any, Any]) -> None:
        operation.begun = True
        task = asyncio.current_task()
        if operation.unwanted and task:
            task.cancel()  # At the first thing that it waits for.
        try:
            operation.result = await work
            operation.status = Status.SUCCEEDED
        except ArmError as error:
            operation.status, operation.error = Status.FAILED, error
        except HostFault as fault:
            operation.status, operation.error = Status.FAILED, internal(fault)
        except asyncio.CancelledError:
            operation.status = Status.CANCELED
            operation.error = conflict("OperationPreempted", "It was cancelled.")
        except Exception as error:
            log.exception("%s on %s broke", operation.verb, operation.resource_id)
            operation.status, operation.error = Status.FAILED, internal(error)
        finally:
            operation.ended_at = datetime.now(UTC)
            operation.done.set()

    def _forget_oldest(self) -> None:
        ended = [o.id for o in self._all.values() if o.done.is_set()]
        for operation_id in ended[: max(0, len(self._all) - self._keep)]:
            del self._all[operation_id]
