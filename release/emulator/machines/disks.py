"""Disks and images: folders that are copied, moved and removed whole.

A disk that is being made has another name until it is complete, so that an emulator
that was killed leaves no half of one behind.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Sequence
from pathlib import Path

from release.emulator.machines import child, vhd
from release.emulator.machines.errors import MachineError
from release.emulator.machines.sandbox import OWN_FOLDERS, Mode, as_root
from release.emulator.machines.seed import seed

BASE_IMAGE = "base-3"
"""Counts up when `seed` changes, so that a state folder gets the new one."""

_KEEPING = ("--numeric-owner", "--xattrs", "--xattrs-include=security.capability")
"""Owners by number, and what lets a program bind a low port."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class Disks:
    """The images of one state folder, and the disks made of them.

    Args:
        folder: The folder of all machines; ``images/`` and ``making/`` are in it.
        mode: With which rights files are handled.
    """

    def __init__(self, folder: Path, mode: Mode) -> None:
        self._images = folder / "images"
        self._making = folder / "making"
        self._mode = mode
        self._base_lock = asyncio.Lock()

    async def clean(self) -> None:
        """Remove what an emulator that was killed did not finish."""
        await self.remove(self._making)
        for path in (self._images, self._making):
            path.mkdir(parents=True, exist_ok=True)

    async def base(self) -> str:
        """Return the base image's id; make it the first time."""
        async with self._base_lock:
            if not self.image(BASE_IMAGE).is_dir():
                made = self._new()
                await asyncio.to_thread(seed, made)
                made.rename(self.image(BASE_IMAGE))
        return BASE_IMAGE

    def image(self, image_id: str) -> Path:
        """Return where an image is or will be."""
        return self._images / checked(image_id)

    def images(self) -> tuple[str, ...]:
        """Return the ids of all images."""
        return tuple(sorted(path.name for path in self._images.iterdir()))

    async def copy(self, source: Path, target: Path) -> None:
        """Copy a disk or image to a place where none is.

        Raises:
            MachineError: There is no such source, or no space.
        """
        made = self._begin(source)
        parts = [source / name.partition("/")[0] for name in OWN_FOLDERS]
        try:
            await self._do(["cp", "-a", "--reflink=auto", "--", *parts, made])
        except BaseException:
            await asyncio.shield(self.remove(made))
            raise
        made.rename(target)

    async def pack(self, image_id: str | None, target: Path) -> None:
        """Write an image, or an empty disk, as a VHD.

        Raises:
            MachineError: There is no such image, or no space.
        """
        if image_id:
            source = self._checked_source(self.image(image_id))
            where = (f"--file={target}", f"--directory={source}")
            await self._do(["tar", "--create", *where, *_KEEPING, "--sort=name", "."])
        vhd.finish(target)

    async def unpack(self, source: Path, image_id: str) -> None:
        """Make an image of a VHD, whose footer is right.

        Raises:
            MachineError: What is in it is not to be read, or there is no space.
        """
        made = self._new()
        made.mkdir()
        where = (f"--file={source}", f"--directory={made}")
        # An ordinary user's sandbox has one user, who owns all.
        owner = "--same-owner" if self._mode is Mode.ROOT else "--no-same-owner"
        try:
            await self._do(
                ["tar", "--extract", *where, *_KEEPING, owner, "--same-permissions"]
            )
            _check_folders(made)
        except BaseException:
            await asyncio.shield(self.remove(made))
            raise
        made.rename(self.image(image_id))

    async def remove(self, path: Path) -> None:
        """Remove a disk or image; nothing when it is not there."""
        gone = self._put_away(path)
        if gone:
            await self._do(["rm", "-rf", "--", gone])

    def _put_away(self, path: Path) -> Path | None:
        """Give a disk that goes a name that nobody looks for."""
        if not path.exists() or path == self._making:
            return path if path.exists() else None
        gone = self._new()
        path.rename(gone)
        return gone

    def _begin(self, source: Path) -> Path:
        self._checked_source(source)
        made = self._new()
        made.mkdir()
        return made

    def _checked_source(self, source: Path) -> Path:
        if not source.is_dir():
            raise MachineError(
                f"there is no image or disk {source.name}",
                fix=f"these images are there: {', '.join(self.images()) or 'none'}",
            )
        return source

    def _new(self) -> Path:
        return self._making / uuid.uuid4().hex

    async def _do(self, command: Sequence[str | Path]) -> None:
        log = self._images.parent / f"{uuid.uuid4().hex}.log"
        code, said = await child.run(as_root(self._mode, command), log)
        if code:
            raise MachineError(
                f"{command[0]} of {command[-1]} failed: {said}",
                fix="see that the state folder's disk is writable and has space",
            )


def _check_folders(disk: Path) -> None:
    """Raise unless a disk has real folders where a machine will be bound to them.

    A link in place of one would give a machine what it leads to on the host.
    """
    parts = {name.partition("/")[0] for name in OWN_FOLDERS}
    for name in sorted({*parts, *OWN_FOLDERS}):
        path = disk / name
        if path.is_symlink() or not path.is_dir():
            raise MachineError(
                f"what is in the VHD is no disk of a machine: it has no folder {name}",
                fix="use the VHD of an OS disk",
            )


def checked(name: str) -> str:
    """Return a machine's or image's id when it can name a folder.

    Raises:
        ValueError: It cannot.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot name a machine or image")
    return name
