"""Loopback addresses: each state folder has a slice of 127.0.0.0/8 to itself."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable
from pathlib import Path

from release.emulator.errors import conflict

FIRST_SLICE, SLICES = 2, 249


class Addresses:
    """Addresses of one slice ``127.<second>.0.0/16``.

    Private addresses count up from ``127.<second>.0.4`` (Azure keeps the first four
    of a subnet to itself), public ones from ``127.<second>.200.1``.
    """

    def __init__(self, second: int) -> None:
        self.second = second

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


def preferred_slice(folder: Path) -> int:
    """Return the slice that a state folder tries first: a hash of its path."""
    digest = hashlib.sha256(str(folder.resolve()).encode()).digest()
    return FIRST_SLICE + int.from_bytes(digest[:4]) % SLICES
