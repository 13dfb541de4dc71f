"""The state folder of an embedded Azure."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from release.emulator.errors import HostFault
from release.emulator.server import Options, Server


def test_a_folder_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)

    async def serve_nobody() -> None:
        await Server(Options(folder=folder)).close()

    asyncio.run(serve_nobody())

    assert (folder / "state.sqlite").exists()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_closed_to_others_is_refused() -> None:
    folder = Path("/proc/self/task")  # Open to all, whoever asks to change that.

    with pytest.raises(HostFault) as caught:
        Server(Options(folder=folder))

    assert str(caught.value) == (
        "the state folder /proc/self/task is open to other users, and only its owner "
        "can close it\n  fix: chmod 700 /proc/self/task as its owner, or name another "
        "folder"
    )
