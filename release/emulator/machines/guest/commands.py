"""Run commands: scripts that the host sends, with their output on the host's pipes."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import uuid
from collections.abc import Mapping
from pathlib import Path

from .accounts import Identity, identity
from .invocation import Around
from .processes import Process, Start

_FOLDER = Path("/run/commands")
_GRACE_S = 2.0


class Commands:
    """The scripts that run now.

    Args:
        around: Where they run.
    """

    def __init__(self, around: Around) -> None:
        self._around = around
        self._null = os.open("/dev/null", os.O_RDONLY)
        self._running: dict[int, tuple[str, Process]] = {}

    async def run(
        self,
        number: int,
        *,
        script: bytes,
        environment: Mapping[str, str],
        user: str,
        outputs: tuple[int, int],
    ) -> int:
        """Run a script to its end; return its exit code, 128 + n after signal n.

        A script that names no interpreter is run by /bin/sh, as Azure's agent does.

        Raises:
            NoSuchUser: There is no such user.
            CannotStart: Its interpreter is not there.
        """
        who = identity(user, real=self._around.real_users)
        invocation = uuid.uuid4().hex
        folder = _FOLDER / str(number)
        path = folder / "script.sh"
        folder.mkdir(parents=True, mode=0o755)
        try:
            path.write_bytes(script)
            path.chmod(0o700)
            if who.apply:
                os.chown(path, who.uid, who.gid)
            process = self._around.processes.start(
                Start(
                    argv=_argv(script, path),
                    environment={
                        **self._around.environment,
                        "HOME": who.home,
                        "USER": who.name,
                        "LOGNAME": who.name,
                        "SHELL": who.shell,
                        **environment,
                        "INVOCATION_ID": invocation,
                    },
                    identity=who,
                    folder=_home(who),
                    stdin=self._null,
                    stdout=outputs[0],
                    stderr=outputs[1],
                )
            )
            self._running[number] = (invocation, process)
            code = await process.ended
        finally:
            self._running.pop(number, None)
            shutil.rmtree(folder, ignore_errors=True)
        return code if code >= 0 else 128 - code

    async def kill(self, number: int) -> None:
        """End a script and all that it started."""
        if number in self._running:
            invocation, process = self._running[number]
            await self._around.processes.end(
                invocation, [process.pid], number=signal.SIGTERM, timeout_s=_GRACE_S
            )

    async def kill_all(self) -> None:
        """End every script."""
        await asyncio.gather(*map(self.kill, list(self._running)))


def _argv(script: bytes, path: Path) -> list[str]:
    return [str(path)] if script.startswith(b"#!") else ["/bin/sh", str(path)]


def _home(who: Identity) -> str:
    return who.home if Path(who.home).is_dir() else "/"
