"""What runs beside the operations and belongs to none: probes, repairs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)


class Background:
    """Named tasks; they end with the emulator at the latest."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` under a name, instead of what ran under it before."""
        self.stop(name)
        self._tasks[name] = asyncio.create_task(_logged(name, work), name=name)

    def runs(self, name: str) -> bool:
        """Tell whether something runs under a name."""
        return name in self._tasks and not self._tasks[name].done()

    def stop(self, name: str) -> None:
        """End what runs under a name, if anything does."""
        task = self._tasks.pop(name, None)
        if task:
            task.cancel()

    def names(self, prefix: str) -> list[str]:
        """Return the names of what runs, by how they start."""
        return [name for name in self._tasks if name.startswith(prefix)]

    async def close(self) -> None:
        """End all and wait for it."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()


async def _logged(name: str, work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:
        log.exception("%s broke", name)
