"""Sizes as a subscription may have them: resource SKUs with their restrictions. Pure.

https://learn.microsoft.com/rest/api/compute/resource-skus/list
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from release.emulator.conditions import Conditions, Restriction
from release.emulator.kinds import Body
from release.emulator.regions import LOCATIONS
from release.emulator.resources.compute.sizes import SIZES, family

ZONES = ("1", "2", "3")
_OLD = re.compile(r"Standard_(A\d+(_v2)?|D\d+_v[23])")
_NEW = re.compile(r"Standard_\w+_v6")
_ARM = re.compile(r"Standard_[A-Z]\d+[a-z]*p[a-z]*_v\d+")


def skus(conditions: Conditions, places: Iterable[str]) -> list[Body]:
    """Return one entry for each size and region, as Azure lists them."""
    return [
        _sku(name, place, conditions.restricted(name, place))
        for place in places
        if place in LOCATIONS
        for name in SIZES
        if all(one.offered for one in conditions.restricted(name, place))
    ]


def _sku(name: str, place: str, restrictions: list[Restriction]) -> Body:
    return {
        "resourceType": "virtualMachines",
        "name": name,
        "tier": "Standard",
        "size": name.partition("_")[2],
        "family": family(name),
        "locations": [place],
        "locationInfo": [{"location": place, "zones": list(ZONES), "zoneDetails": []}],
        "capabilities": [
            {"name": key, "value": value} for key, value in _capabilities(name).items()
        ],
        "restrictions": [_restriction(one, place) for one in restrictions],
    }


def _capabilities(name: str) -> dict[str, str]:
    cores, memory_mib = SIZES[name]
    generations = generations_of(name)
    return {
        "MaxResourceVolumeMB": str(2 * memory_mib),
        "OSVhdSizeMB": "1047552",
        "vCPUs": str(cores),
        "MemoryGB": f"{memory_mib / 1024:g}",
        "MaxDataDiskCount": str(2 * cores),
        "HyperVGenerations": ",".join(generations),
        "CpuArchitectureType": "Arm64" if _ARM.fullmatch(name) else "x64",
        "PremiumIO": "True",
        "vCPUsAvailable": str(cores),
        **({} if "V2" in generations else {"TrustedLaunchDisabled": "True"}),
    }


def generations_of(name: str) -> tuple[str, ...]:
    """Return the generations that a size boots.

    https://learn.microsoft.com/azure/virtual-machines/generation-2
    """
    if _OLD.fullmatch(name):
        return ("V1",)
    return ("V2",) if _NEW.fullmatch(name) or _ARM.fullmatch(name) else ("V1", "V2")


def _restriction(one: Restriction, place: str) -> Body:
    where: Body = {"locations": [place]}
    if one.zones:
        where["zones"] = list(one.zones)
    return {
        "type": "Zone" if one.zones else "Location",
        "values": [place],
        "restrictionInfo": where,
        "reasonCode": "NotAvailableForSubscription",
    }
