"""A VHD of a disk: its folders as one tar archive, and the footer of a fixed VHD.

A machine here has folders and no block device, so what lies in the VHD is no file
system that a hypervisor could boot; its size, padding and footer are a VHD's. Whoever
downloads it and uploads it elsewhere has a disk that this embedded Azure boots. The
footer is that of Microsoft's "Virtual Hard Disk Image Format Specification", 1.0; Azure
wants fixed disks of whole MiB, and in page blobs
(https://learn.microsoft.com/azure/virtual-machines/windows/prepare-for-upload-vhd-image).
"""

from __future__ import annotations

import os
import struct
import uuid
from datetime import UTC, datetime
from pathlib import Path

MIB = 2**20
SECTOR_BYTES = 512
_COOKIE, _CREATOR, _HOST = b"conectix", b"emaz", b"Wi2k"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_FIXED, _NO_NEXT, _RESERVED = 2, 2**64 - 1, 2
_FORM = ">8sIIQI4sI4sQQHBBI"
_CHECKSUM_AT = 64
_CYLINDERS, _HEADS = 65535, 16


def finish(path: Path) -> None:
    """Make a VHD of an archive: pad it to whole MiB and add the footer."""
    with path.open("r+b") as file:
        archive_bytes = file.seek(0, os.SEEK_END)
        disk_bytes = max(-(-archive_bytes // MIB), 1) * MIB
        file.truncate(disk_bytes)
        file.seek(disk_bytes)
        file.write(footer(disk_bytes, uuid.uuid4(), datetime.now(UTC)))


def footer(disk_bytes: int, unique: uuid.UUID, made_at: datetime) -> bytes:
    """Return the footer of a fixed disk."""
    packed = struct.pack(
        _FORM,
        _COOKIE,
        _RESERVED,
        0x00010000,
        _NO_NEXT,
        int((made_at - _EPOCH).total_seconds()),
        _CREATOR,
        0x00010000,
        _HOST,
        disk_bytes,
        disk_bytes,
        *geometry(disk_bytes // SECTOR_BYTES),
        _FIXED,
    )
    without = packed + bytes(4) + unique.bytes
    without += bytes(SECTOR_BYTES - len(without))
    checksum = struct.pack(">I", ~sum(without) & 0xFFFFFFFF)
    return without[:_CHECKSUM_AT] + checksum + without[_CHECKSUM_AT + 4 :]


def geometry(sectors: int) -> tuple[int, int, int]:
    """Return cylinders, heads and sectors a track, by the specification's appendix."""
    sectors = min(sectors, _CYLINDERS * _HEADS * 255)
    if sectors >= _CYLINDERS * _HEADS * 63:
        return sectors // 255 // _HEADS, _HEADS, 255
    track = 17
    heads = max((sectors // track + 1023) // 1024, 4)
    if sectors // track >= heads * 1024 or heads > _HEADS:
        track, heads = 31, _HEADS
    if sectors // track >= heads * 1024:
        track, heads = 63, _HEADS
    return sectors // track // heads, heads, track


def problem(path: Path) -> str:
    """Tell why a file is no VHD with a disk of ours in it; empty when it is one."""
    with path.open("rb") as file:
        size_bytes = file.seek(0, os.SEEK_END)
        file.seek(max(size_bytes - SECTOR_BYTES, 0))
        last = file.read()
    if not last.startswith(_COOKIE) or len(last) != SECTOR_BYTES:
        return "it does not end with the footer of a VHD"
    without = last[:_CHECKSUM_AT] + bytes(4) + last[_CHECKSUM_AT + 4 :]
    (checksum,) = struct.unpack_from(">I", last, _CHECKSUM_AT)
    if checksum != ~sum(without) & 0xFFFFFFFF:
        return "its footer is damaged: the checksum does not match"
    fields = struct.unpack_from(_FORM, last)
    kind, disk_bytes, creator = fields[-1], fields[9], fields[5]
    if kind != _FIXED or disk_bytes != size_bytes - SECTOR_BYTES or disk_bytes % MIB:
        return "it must be a fixed VHD of whole MiB"
    if creator != _CREATOR:
        return "it was not made by an embedded Azure, which boots no other VHD"
    return ""
