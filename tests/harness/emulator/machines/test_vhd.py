"""VHDs of disks: the footer, and what is refused."""

from __future__ import annotations

import struct
import tarfile
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from release.emulator.machines import MachineError
from release.emulator.machines.vhd import MIB, finish, footer, geometry, problem
from tests.harness.emulator.machines.conftest import Lab

UNIQUE = uuid.UUID("01234567-89ab-cdef-0123-456789abcdef")


def test_the_footer_is_that_of_a_fixed_disk() -> None:
    made = footer(3 * MIB, UNIQUE, datetime(2000, 1, 1, 0, 1, tzinfo=UTC))
    head = struct.unpack_from(">8sIIQI4sI4sQQHBBII16sB", made)
    assert head == (
        b"conectix",
        2,
        0x10000,
        2**64 - 1,
        60,
        b"emaz",
        0x10000,
        b"Wi2k",
        3 * MIB,
        3 * MIB,
        *(90, 4, 17),
        2,
        ~(sum(made) - sum(made[64:68])) & 0xFFFFFFFF,
        UNIQUE.bytes,
        0,
    )
    assert len(made) == 512


@pytest.mark.parametrize(
    ("disk_bytes", "expected"),
    [
        # As qemu-img 7.2 writes them for disks of these sizes.
        (1079296, (31, 4, 17)),
        (528482304, (1024, 16, 63)),
        (32212647936, (62416, 16, 63)),
        (135291494400, (64765, 16, 255)),
    ],
)
def test_the_geometry_is_that_of_the_specification(
    disk_bytes: int, expected: tuple[int, int, int]
) -> None:
    assert geometry(disk_bytes // 512) == expected


def _changed(at: int, value: bytes) -> Callable[[bytearray], bytearray]:
    def change(data: bytearray) -> bytearray:
        end = len(data) - 512 + at
        data[end : end + len(value)] = value
        return data

    return change


def _signed(data: bytearray) -> bytearray:
    """Give a footer that was changed the right checksum."""
    last = data[-512:]
    last[64:68] = bytes(4)
    data[-448:-444] = struct.pack(">I", ~sum(last) & 0xFFFFFFFF)
    return data


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param(lambda data: data, "", id="whole"),
        pytest.param(
            lambda data: data[:-1],
            "it does not end with the footer of a VHD",
            id="cut",
        ),
        pytest.param(
            lambda data: data[:100],
            "it does not end with the footer of a VHD",
            id="short",
        ),
        pytest.param(
            _changed(80, b"x"),
            "its footer is damaged: the checksum does not match",
            id="damaged",
        ),
        pytest.param(
            lambda data: data[512:],
            "it must be a fixed VHD of whole MiB",
            id="of-another-size",
        ),
        pytest.param(
            lambda data: _signed(_changed(60, struct.pack(">I", 3))(data)),
            "it must be a fixed VHD of whole MiB",
            id="dynamic",
        ),
        pytest.param(
            lambda data: _signed(_changed(28, b"qem2")(data)),
            "it was not made by an embedded Azure, which boots no other VHD",
            id="foreign",
        ),
    ],
)
def test_what_is_no_vhd_of_ours_is_told(
    tmp_path: Path, change: Callable[[bytearray], bytearray], why: str
) -> None:
    path = tmp_path / "disk.vhd"
    path.write_bytes(b"some archive")
    finish(path)
    assert path.stat().st_size == MIB + 512
    path.write_bytes(change(bytearray(path.read_bytes())))
    assert problem(path) == why


def test_a_disk_goes_through_a_vhd_unchanged(lab: Lab, tmp_path: Path) -> None:
    name = lab.machine()
    lab.sh(
        name,
        "mkdir -m 750 /srv/d; chown www-data /srv/d; ln -s /none /srv/d/link;"
        " echo text >/srv/d/file; chmod 4755 /srv/d/file; ln /srv/d/file /srv/hard",
    )
    there = "cd /srv; ls -lnR --time-style=+%s . | sed 's/^total.*//'"
    before = lab.sh(name, there).stdout

    async def through() -> None:
        machines, path = lab.machines, tmp_path / "disk.vhd"
        await machines.shut_down(name)
        await machines.capture(name, "from-machine")
        await machines.write_vhd("from-machine", path)
        assert problem(path) == ""
        await machines.read_vhd(path, "from-vhd")

    lab.do(through())
    assert "link -> /none" in before
    assert lab.sh(lab.machine(image="from-vhd"), there).stdout == before


def test_an_archive_that_leads_outside_stays_inside(lab: Lab, tmp_path: Path) -> None:
    outside, path = tmp_path / "outside", tmp_path / "disk.vhd"
    outside.mkdir()
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        link = tarfile.TarInfo("etc")
        link.type, link.linkname = tarfile.SYMTYPE, str(outside)
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("etc/file"))
        archive.addfile(tarfile.TarInfo("../../escaped"))
    finish(path)
    with pytest.raises(MachineError):
        lab.do(lab.machines.read_vhd(path, "leads-outside"))
    assert list(outside.iterdir()) == []
    assert "leads-outside" not in lab.do(lab.machines.images())


@pytest.mark.parametrize("links", [["etc"], []])
def test_a_disk_without_folders_of_its_own_is_refused(
    lab: Lab, tmp_path: Path, links: list[str]
) -> None:
    path = tmp_path / "disk.vhd"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        for name in links:
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, "/etc"
            archive.addfile(link)
    finish(path)
    with pytest.raises(MachineError) as caught:
        lab.do(lab.machines.read_vhd(path, "linked"))
    assert str(caught.value) == (
        "what is in the VHD is no disk of a machine: it has no folder etc\n"
        "  fix: use the VHD of an OS disk"
    )


def test_a_vhd_of_nobody_is_refused(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "disk.vhd"
    path.write_bytes(bytes(MIB))
    with pytest.raises(MachineError) as caught:
        lab.do(lab.machines.read_vhd(path, "none"))
    assert str(caught.value) == (
        "disk.vhd is not to be read: it does not end with the footer of a VHD\n"
        "  fix: capture a machine as a VHD again"
    )
