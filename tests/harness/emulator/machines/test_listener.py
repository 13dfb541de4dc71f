"""The SSH port of a machine, when it closes."""

from __future__ import annotations

import asyncio
import subprocess
from typing import Any

from release.emulator.machines.child import Child
from release.emulator.machines.ssh.listener import Listener


def test_a_child_that_gets_the_number_of_a_closed_port_is_still_heard() -> None:
    async def close_and_start() -> int:
        door: Any = None  # nobody comes in
        listener = Listener(door, "127.0.0.1", 0)
        await asyncio.sleep(0)
        listener.close()
        child = Child(["true"], output=subprocess.DEVNULL)
        return await asyncio.wait_for(child.wait(), 5)

    assert asyncio.run(close_and_start()) == 0
