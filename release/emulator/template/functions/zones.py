"""Functions between availability zones of a subscription and those of a region.

Azure numbers a region's zones anew for each subscription; here all count alike.
https://learn.microsoft.com/azure/azure-resource-manager/bicep/bicep-functions-resource#tologicalzone
"""

from __future__ import annotations

from typing import Final

from release.emulator.template.functions.arguments import Function, array, string
from release.emulator.template.scope import zones
from release.emulator.template.values import Json


def _physical(name: str, location: Json) -> dict[str, str]:
    """Return the physical zones of a region by their logical ones."""
    region = string(name, location).replace(" ", "").lower()
    return {zone: f"{region}-az{zone}" for zone in zones(region)}


def to_physical_zone(_subscription: Json, location: Json, zone: Json) -> str:
    """Return a physical zone such as ``westus2-az1``; "" when there is none."""
    known = _physical("toPhysicalZone", location)
    return known.get(string("toPhysicalZone", zone), "")


def to_physical_zones(subscription: Json, location: Json, given: Json) -> list[str]:
    """Return the physical zone of each."""
    given = array("toPhysicalZones", given)
    return [to_physical_zone(subscription, location, one) for one in given]


def to_logical_zone(_subscription: Json, location: Json, zone: Json) -> str:
    """Return a logical zone such as ``1``; "" when there is none."""
    known = _physical("toLogicalZone", location)
    logical = {physical: zone for zone, physical in known.items()}
    return logical.get(string("toLogicalZone", zone).lower(), "")


def to_logical_zones(subscription: Json, location: Json, given: Json) -> list[str]:
    """Return the logical zone of each."""
    given = array("toLogicalZones", given)
    return [to_logical_zone(subscription, location, one) for one in given]


FUNCTIONS: Final = (
    Function("toLogicalZone", to_logical_zone, 3, 3),
    Function("toLogicalZones", to_logical_zones, 3, 3),
    Function("toPhysicalZone", to_physical_zone, 3, 3),
    Function("toPhysicalZones", to_physical_zones, 3, 3),
)
