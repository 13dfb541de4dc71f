"""All functions that depend on their arguments alone, by lower-case name."""

from __future__ import annotations

from typing import Final

from release.emulator.template.functions import (
    collections,
    dates,
    hashes,
    networks,
    numbers,
    strings,
    zones,
)
from release.emulator.template.functions.arguments import Function

TABLE: Final[dict[str, Function]] = {
    function.name.lower(): function
    for theme in (strings, collections, numbers, hashes, networks, dates, zones)
    for function in theme.FUNCTIONS
}
