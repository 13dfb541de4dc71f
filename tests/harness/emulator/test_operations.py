"""Operations by themselves: begun, cancelled, ended."""

from __future__ import annotations

import asyncio

from release.emulator.ids import group_id
from release.emulator.operations import Operations, Status


def test_an_operation_cancelled_before_it_begins_ends_all_the_same() -> None:
    said: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(0)
            said.append("went on")
        finally:
            said.append("cleaned up")

    async def scenario() -> Status:
        operations = Operations()
        operation = operations.start(group_id("s", "g"), "write", work())
        operations.cancel(operation)
        await asyncio.wait_for(operation.done.wait(), 5)
        return operation.status

    assert asyncio.run(scenario()) == Status.CANCELED
    assert said == ["cleaned up"]
