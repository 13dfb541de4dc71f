"""A run command: a script in a machine, its output streamed as it comes."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from release.emulator.machines.errors import CommandTimedOut, NotRunning, NotStarted
from release.emulator.machines.link import Link, LinkLost, Message

OnOutput = Callable[[str, bytes], Awaitable[None] | None]
"""Given ``stdout`` or ``stderr`` and what came; the machine waits while it works."""

_CHUNK_BYTES = 1 << 16


class Command:
    """One script in one machine.

    Args:
        machine: The machine's name, for messages.
        link: The machine.
        on_output: Told what the script prints.
    """

    def __init__(self, machine: str, link: Link, on_output: OnOutput) -> None:
        self._machine = machine
        self._link = link
        self._on_output = on_output

    async def run(
        self,
        script: str,
        *,
        environment: Mapping[str, str],
        timeout_s: float,
        user: str,
    ) -> int:
        """Run the script to its end; see `Machines.run`."""
        outputs = {name: os.pipe() for name in ("stdout", "stderr")}
        text = os.memfd_create("script")
        try:
            with os.fdopen(os.dup(text), "wb") as stream:
                stream.write(script.encode())
            os.lseek(text, 0, os.SEEK_SET)
            number, reply = self._link.send(
                {"do": "run", "environment": dict(environment), "user": user},
                [text, *(write for _, write in outputs.values())],
            )
        except LinkLost:
            for read, _ in outputs.values():
                os.close(read)
            raise self._lost() from None
        finally:
            os.close(text)
            for _, write in outputs.values():
                os.close(write)
        readers = [
            asyncio.create_task(self._read(name, read, reply))
            for name, (read, _) in outputs.items()
        ]
        return await self._finish(number, reply, readers, timeout_s)

    async def _finish(
        self,
        number: int,
        reply: asyncio.Future[Message],
        readers: list[asyncio.Task[None]],
        timeout_s: float,
    ) -> int:
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.gather(*readers)
                answer = await reply
        except TimeoutError:
            await self._kill(number, reply)
            raise CommandTimedOut(
                f"a command in {self._machine} was ended after {timeout_s:g} s",
                fix="allow it more time, or see in its output where it hangs",
            ) from None
        except LinkLost:
            raise self._lost() from None
        except BaseException:
            await asyncio.shield(self._kill(number, reply))
            raise
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
        if "error" in answer:
            raise NotStarted(
                f"a command could not start in {self._machine}: {answer['error']}",
                fix="name a user and an interpreter that the machine has",
            )
        return int(answer["code"])

    async def _read(
        self, name: str, number: int, reply: asyncio.Future[Message]
    ) -> None:
        """Hand on what a pipe brings until it closes or the script has ended.

        A daemon that the script left behind keeps the pipe open: once the script has
        ended, what is in the pipe is all there is.
        """
        os.set_blocking(number, False)
        try:
            while True:
                ended = reply.done()
                data = _read_now(number)
                if data:
                    told = self._on_output(name, data)
                    if inspect.isawaitable(told):
                        await told
                elif data == b"" or ended:
                    return
                else:
                    await _readable(number, reply)
        finally:
            os.close(number)

    async def _kill(self, number: int, reply: asyncio.Future[Message]) -> None:
        """End the script and all that it started."""
        with contextlib.suppress(LinkLost):
            if not reply.done():
                await self._link.ask({"do": "kill", "command": number})

    def _lost(self) -> NotRunning:
        return NotRunning(
            f"{self._machine} went down while it ran a command",
            fix="read the machine's console.log, and boot it again",
        )


def _read_now(number: int) -> bytes | None:
    try:
        return os.read(number, _CHUNK_BYTES)
    except BlockingIOError:
        return None


async def _readable(number: int, reply: asyncio.Future[Message]) -> None:
    """Wait until a pipe has something, or the script has ended."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    with _watching(number, ready):
        either: list[asyncio.Future[Any]] = [ready, reply]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()


@contextlib.contextmanager
def _watching(number: int, ready: asyncio.Future[None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def tell() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(number, tell)
    try:
        yield
    finally:
        loop.remove_reader(number)
