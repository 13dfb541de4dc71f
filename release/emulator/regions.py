"""The regions that there are, and where a resource may lie. Pure."""

from __future__ import annotations

from release.emulator.errors import bad_request, conflict
from release.emulator.kinds import Kind, Write

DISPLAYED = {
    "westeurope": "West Europe",
    "northeurope": "North Europe",
    "westus2": "West US 2",
    "eastus": "East US",
    "germanywestcentral": "Germany West Central",
}
"""The regions as people read them, by name."""
LOCATIONS = tuple(DISPLAYED)


def check_location(kind: Kind, write: Write) -> None:
    """Require, normalise and hold a resource's location.

    ``West US 2`` and ``westus2`` are one region.
    """
    if not kind.needs_location:
        return
    given = write.body.get("location") or (
        write.existing.body.get("location") if write.existing else None
    )
    if not given:
        raise bad_request(
            "LocationRequired",
            "The location property is required for this definition.",
        )
    location = str(given).replace(" ", "").lower()
    if location not in LOCATIONS:
        raise bad_request(
            "LocationNotAvailableForResourceType",
            f"The provided location '{given}' is not available for resource type "
            f"'{kind.type}'. List of available regions for the resource type is "
            f"'{','.join(LOCATIONS)}'.",
        )
    if write.existing and write.existing.body.get("location", location) != location:
        raise conflict(
            "InvalidResourceLocation",
            f"The resource '{write.id.name}' already exists in location "
            f"'{write.existing.body['location']}' in resource group "
            f"'{write.id.group}'. A resource with the same name cannot be created in "
            f"location '{location}'. Please select a new resource name.",
        )
    write.body["location"] = location
