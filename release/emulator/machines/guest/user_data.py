"""Custom data that is a script: run once, at the end of a machine's first boot.

As cloud-init does it
(https://cloudinit.readthedocs.io/en/latest/explanation/format.html). Other formats,
such as ``#cloud-config``, are kept as files and not acted upon.
"""

from __future__ import annotations

import base64
from pathlib import Path

from .accounts import NoSuchUser
from .commands import Commands
from .logs import Log
from .processes import CannotStart
from .provision import Boot

STATUS = Path("/run/cloud-init/status")
_NUMBER = 0
"""Run commands of the host count from 1."""


async def run_user_data(boot: Boot, commands: Commands, log: Log) -> None:
    """Run it, and keep what it prints and how it ended."""
    data = base64.b64decode(boot.custom_data) if boot.provision else b""
    if not data.startswith(b"#!"):
        if data:
            log.say("custom data is no script: kept, and not acted upon")
        _tell("done")
        return
    _tell("running")
    log.open_pipe()
    try:
        code = await commands.run(
            _NUMBER,
            script=data,
            environment={},
            user="",
            outputs=(log.write_end, log.write_end),
        )
    except (CannotStart, NoSuchUser, OSError) as error:
        log.say(f"custom data could not start: {error}")
        code = 1
    log.say(f"custom data ended with status {code}")
    _tell("error" if code else "done")


def _tell(status: str) -> None:
    STATUS.parent.mkdir(exist_ok=True)
    partial = STATUS.with_suffix(".partial")
    partial.write_text(f"{status}\n", encoding="ascii")
    partial.replace(STATUS)
