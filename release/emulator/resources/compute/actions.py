"""Actions on a machine or a scale set, as long-running operations."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from release.emulator.cloud import Cloud
from release.emulator.ids import ResourceId
from release.emulator.kinds import Accepted
from release.emulator.operations import Operation
from release.emulator.store import Resource


def begin(
    cloud: Cloud,
    resource: Resource,
    verb: str,
    work: Callable[[], Awaitable[Any]],
    *,
    timing: str = "",
    also_lock: tuple[ResourceId, ...] = (),
    show_output: bool = False,
) -> Accepted:
    """Carry out an action in the background.

    The resource is Updating meanwhile, and locked. With `show_output`, what the work
    returns is also in the answer of the status URL.

    Raises:
        ArmError: 409 when it is being written.
    """
    full_verb = f"{resource.id.type}/{verb}/action"

    async def carry_out() -> Any:
        resource.state = "Updating"
        cloud.store.save(resource)
        try:
            await cloud.faults.before(full_verb, resource.id)
            await cloud.pace.lasts(timing)
            result = await work()
            resource.state = "Succeeded"
        except BaseException:
            resource.state = "Failed"
            raise
        finally:
            save(cloud, resource)
        return result

    operation = cloud.operations.start(
        resource.id, full_verb, carry_out(), also_lock=also_lock
    )
    operation.show_output = show_output
    return Accepted(operation=operation)


def save(cloud: Cloud, resource: Resource) -> None:
    """Keep a change of a resource, unless the resource went meanwhile."""
    if cloud.store.get(resource.id) is resource:
        cloud.store.save(resource)


async def all_of(works: Iterable[Awaitable[Any]]) -> None:
    """Do all at the same time; raise the first error when all have ended."""
    outcomes = await asyncio.gather(*works, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome


async def settle(cloud: Cloud, resource_id: ResourceId) -> None:
    """Cancel what runs on the children of a resource and wait for its end."""
    for name in cloud.background.names(f"run command {resource_id.key}/"):
        cloud.background.stop(name)
    for operation in children_running(cloud, resource_id):
        cloud.operations.cancel(operation)
        await operation.done.wait()


def children_running(cloud: Cloud, resource_id: ResourceId) -> list[Operation]:
    """Return the operations that run on what lives in a resource."""
    return [
        operation
        for operation in cloud.operations.running()
        if operation.resource_id.under(resource_id)
    ]
