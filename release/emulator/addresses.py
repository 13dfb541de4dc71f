"""Loopback addresses: each state folder has a slice of 127.0.0.0/8 to itself."""

from __future__ import annotations

import hashlib
import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from release.emulator.errors import HostFault, conflict

FIRST_SLICE, SLICES = 2, 249
MARK_PORT = 47_127
"""UDP port, on the last address of a slice, that its owner holds; nothing is sent."""


class Addresses:
    """Addresses of one slice ``127.<second>.0.0/16``.

    Private addresses count up from ``127.<second>.0.4`` (Azure keeps the first four
    of a subnet to itself), public ones from ``127.<second>.200.1``.
    """

    def __init__(self, second: int) -> None:
        self.second = second

    @property
    def last(self) -> str:
        """The last address, which no machine ever has."""
        return f"127.{self.second}.255.255"

    def private(self, taken: Iterable[str]) -> str:
        """Return the lowest private address that is not taken."""
        return self._lowest("0.4", "199.255", taken)

    def public(self, taken: Iterable[str]) -> str:
        """Return the lowest public address that is not taken."""
        return self._lowest("200.1", "255.254", taken)

    def _lowest(self, first: str, last: str, taken: Iterable[str]) -> str:
        used = set(taken)
        start = int(ipaddress.IPv4Address(f"127.{self.second}.{first}"))
        end = int(ipaddress.IPv4Address(f"127.{self.second}.{last}"))
        for number in range(start, end + 1):
            address = str(ipaddress.IPv4Address(number))
            if address not in used:
                return address
        raise conflict("SubnetIsFull", f"No address is left in 127.{self.second}/16.")


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice that nobody else on this machine has while `mark` is open."""

    second: int
    mark: socket.socket


def take_slice(folder: Path, remembered: int | None) -> Slice:
    """Take the slice of a state folder: the one it had, else the first that is free.

    The first try is a hash of the folder's path, so that a folder made anew tends to
    keep its addresses. Two paths may hash alike; then the next free one is taken.

    Raises:
        HostFault: Another embedded Azure has the slice that this folder had, or all.
    """
    digest = hashlib.sha256(str(folder.resolve()).encode()).digest()
    first = int.from_bytes(digest[:4]) % SLICES
    tried = [FIRST_SLICE + (first + step) % SLICES for step in range(SLICES)]
    for second in tried if remembered is None else (remembered,):
        mark = _mark(second)
        if mark:
            return Slice(second, mark)
    raise HostFault(
        f"the addresses 127.{remembered or 'x'}.0.0/16 that {folder} had are in use by "
        "another embedded Azure",
        fix="stop the other one, or forget this one's state: "
        "python -m release down --forget --env local",
    )


def _mark(second: int) -> socket.socket | None:
    """Return a socket that only one process at a time can have, or None."""
    mark = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        mark.bind((Addresses(second).last, MARK_PORT))
    except OSError:
        mark.close()
        return None
    return mark
