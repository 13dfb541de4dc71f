"""Microsoft.Insights: autoscale settings, kept and checked, not acted on."""

from __future__ import annotations

from release.emulator.errors import bad_request
from release.emulator.ids import parse
from release.emulator.kinds import Body, Kind, Route, Write

AUTOSCALE = "Microsoft.Insights/autoscaleSettings"
MAX_PROFILES = 20
_CAPACITY = ("minimum", "maximum", "default")


def prepare(write: Write) -> Body:
    """Check an autoscale setting.

    Sizes are strings on the wire:
    https://learn.microsoft.com/azure/templates/microsoft.insights/autoscalesettings
    """
    properties: Body = write.body.setdefault("properties", {})
    target = properties.get("targetResourceUri")
    if target:
        write.cloud.get(parse(target))
    profiles = properties.get("profiles") or []
    if not 1 <= len(profiles) <= MAX_PROFILES:
        raise bad_request(
            "InvalidAutoscaleSetting",
            f"{write.id} has {len(profiles)} profiles; it must have from 1 to "
            f"{MAX_PROFILES}.",
            target="properties.profiles",
        )
    for profile in profiles:
        _check_profile(write, profile)
    properties.setdefault("enabled", True)
    properties.setdefault("notifications", [])
    properties.setdefault("name", write.id.name)
    properties.setdefault("targetResourceLocation", write.body["location"])
    return write.body


def _check_profile(write: Write, profile: Body) -> None:
    given = profile.get("capacity")
    capacity = given if isinstance(given, dict) else {}
    sizes = {name: str(capacity.get(name, "")) for name in _CAPACITY}
    if not all(size.isdigit() for size in sizes.values()):
        raise bad_request(
            "InvalidAutoscaleSetting",
            f"The capacity of profile '{profile.get('name')}' of {write.id} must have "
            "minimum, maximum and default, each a whole number as a string.",
            target="properties.profiles.capacity",
        )
    low, high, usual = (int(sizes[name]) for name in _CAPACITY)
    if not low <= usual <= high:
        raise bad_request(
            "InvalidAutoscaleSetting",
            f"The capacity of profile '{profile.get('name')}' of {write.id} must have "
            f"minimum {low} <= default {usual} <= maximum {high}.",
            target="properties.profiles.capacity",
        )
    profile["capacity"] = sizes
    profile.setdefault("rules", [])


KINDS = (Kind(type=AUTOSCALE, prepare=prepare, removes_at_once=True),)
ROUTES: tuple[Route, ...] = ()
