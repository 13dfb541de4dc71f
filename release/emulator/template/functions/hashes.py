"""``guid`` and ``uniqueString``: the same arguments give what Azure gives.

``guid`` is a version 5 UUID in a fixed name space, documented with Bicep's string
functions. ``uniqueString`` is not documented; public reimplementations agree that it
is a 64-bit Murmur hash of the arguments joined by hyphens, written as 13 letters and
digits of base 32. Five values that were published with them are in the tests.
"""

from __future__ import annotations

import uuid
from typing import Final

from release.emulator.template.functions.arguments import Function, expects
from release.emulator.template.values import Json

_SPACE: Final = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
_MASK: Final = 0xFFFFFFFF
_C1: Final = 0xAB0E9789
_C2: Final = 0x239B961B


def guid(*values: Json) -> str:
    """Return the UUID of the arguments."""
    return str(uuid.uuid5(_SPACE, _joined("guid", values)))


def unique_string(*values: Json) -> str:
    """Return 13 letters and digits that depend on the arguments alone."""
    hashed = _murmur64(_joined("uniqueString", values).encode())
    return "".join(_LETTERS[((hashed << 5 * place) >> 59) & 31] for place in range(13))


def _joined(name: str, values: tuple[Json, ...]) -> str:
    for value in values:
        if not isinstance(value, str):
            raise expects(name, "a string", value)
    return "-".join(values)


def _rotated(value: int, by: int) -> int:
    return ((value << by) | (value >> (32 - by))) & _MASK


def _scrambled(word: int, by: int, before: int, after: int) -> int:
    return (_rotated((word * before) & _MASK, by) * after) & _MASK


def _murmur64(data: bytes) -> int:
    one = other = 0
    whole = len(data) - len(data) % 8
    for at in range(0, whole, 8):
        first = int.from_bytes(data[at : at + 4], "little")
        second = int.from_bytes(data[at + 4 : at + 8], "little")
        one ^= _scrambled(first, 15, _C2, _C1)
        one = ((_rotated(one, 19) + other) * 5 + 0x561CCD1B) & _MASK
        other ^= _scrambled(second, 17, _C1, _C2)
        other = ((_rotated(other, 13) + one) * 5 + 0x0BCAA747) & _MASK
    rest = data[whole:]
    one ^= _scrambled(int.from_bytes(rest[:4], "little"), 15, _C2, _C1)
    other ^= _scrambled(int.from_bytes(rest[4:], "little"), 17, _C1, _C2)
    return _finished(one ^ len(data), other ^ len(data))


def _finished(one: int, other: int) -> int:
    one = (one + other) & _MASK
    other = (other + one) & _MASK
    one, other = _avalanched(one), _avalanched(other)
    one = (one + other) & _MASK
    other = (other + one) & _MASK
    return other << 32 | one


def _avalanched(value: int) -> int:
    value = ((value ^ value >> 16) * 0x85EBCA6B) & _MASK
    value = ((value ^ value >> 13) * 0xC2B2AE35) & _MASK
    return value ^ value >> 16


FUNCTIONS: Final = (
    Function("guid", guid, 1, None),
    Function("uniqueString", unique_string, 1, None),
)
