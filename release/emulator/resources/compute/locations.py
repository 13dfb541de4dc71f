"""What a location has: marketplace images, sizes, quota."""

from __future__ import annotations

import re

from release.emulator.errors import ArmError, bad_request
from release.emulator.ids import ResourceId
from release.emulator.kinds import Action, Body, Call, Reply, Route
from release.emulator.paging import whole_number
from release.emulator.regions import LOCATIONS
from release.emulator.resources.compute.catalog import (
    VERSIONS,
    children,
    extensions,
    marketplace_path,
    platform_image,
)
from release.emulator.resources.compute.run_command_action import described_command
from release.emulator.resources.compute.sizes import (
    CORES,
    CORES_LIMIT,
    SIZES,
    described,
    family,
    usage,
)
from release.emulator.resources.compute.skus import skus

_COMPUTE = "/subscriptions/{subscription}/providers/Microsoft.Compute"
_PLACE = f"{_COMPUTE}/locations/{{location}}"
_OFFERS = f"{_PLACE}/publishers/{{publisher}}/artifacttypes/vmimage/offers"
_TYPES = f"{_PLACE}/publishers/{{publisher}}/artifacttypes/vmextension/types"
_VERSIONS = f"{_OFFERS}/{{offer}}/skus/{{sku}}/versions"


def _location(call: Call) -> str:
    location = call.names["location"].replace(" ", "").lower()
    if location not in LOCATIONS:
        raise bad_request(
            "NoRegisteredProviderFound",
            f"No registered resource provider found for location '{location}'. The "
            f"supported locations are '{', '.join(LOCATIONS)}'.",
        )
    return location


async def _images(call: Call) -> Reply:
    """List publishers, offers, SKUs or versions: a bare array, as Azure answers."""
    location = _location(call)
    given = [call.names.get(part, "") for part in ("publisher", "offer", "sku")]
    names = children(*given)
    if call.query.get("$orderby", "").lower().endswith("desc"):
        names = names[::-1]
    names = names[: whole_number(call.query, "$top", len(names), least=1)]
    path = _marketplace(call, location, given)
    return Reply(
        body=[
            {"location": location, "name": name, "id": f"{path}/{name}"}
            for name in names
        ]
    )


def _marketplace(call: Call, location: str, given: list[str]) -> str:
    names = [name for name in given if name]
    return marketplace_path(call.names["subscription"], location, *names)


async def _image(call: Call) -> Reply:
    location = _location(call)
    names = call.names
    found = platform_image(dict(names))
    if names["version"].lower() == "latest":
        raise ArmError(404, "NotFound", "Give a version; there are " + VERSIONS[-1])
    given = [found.publisher, found.offer, found.sku]
    return Reply(
        body={
            "location": location,
            "name": found.version,
            "id": f"{_marketplace(call, location, given)}/{found.version}",
            "properties": {
                "osDiskImage": {"operatingSystem": "Linux", "sizeInGb": 30},
                "dataDiskImages": [],
                "hyperVGeneration": "V2" if "gen2" in found.sku else "V1",
                "architecture": "x64",
                "automaticOSUpgradeProperties": {"automaticOSUpgradeSupported": True},
            },
        }
    )


def _lister(full_type: str) -> Action:
    """Make what lists the machines, or the scale sets, of a region."""

    async def listed(call: Call) -> Reply:
        location = _location(call)
        scope = ResourceId(call.names["subscription"])
        call.cloud.roles.check(f"{full_type}/read", scope)
        found = call.cloud.list(full_type, scope)
        placed = [one for one in found if one.body["location"] == location]
        return Reply(body={"value": [call.cloud.show(one, call) for one in placed]})

    return listed


async def _usages(call: Call) -> Reply:
    """List what is used of what there may be: cores in all, and by family."""
    location, store = _location(call), call.cloud.store
    scope = ResourceId(call.names["subscription"])
    limit = call.cloud.conditions.limit
    machines = len(store.of_type("Microsoft.Compute/virtualMachines", scope))
    sets = len(store.of_type("Microsoft.Compute/virtualMachineScaleSets", scope))
    used = usage(call.cloud, call.names["subscription"], location)
    families = sorted({family(name) for name in SIZES})
    value = [
        _usage(CORES, "Total Regional vCPUs", used[CORES], limit(CORES, CORES_LIMIT)),
        _usage("virtualMachines", "Virtual Machines", machines, 25000),
        _usage("virtualMachineScaleSets", "Virtual Machine Scale Sets", sets, 2500),
    ]
    value += [
        _usage(name, _family_text(name), used[name], limit(name, CORES_LIMIT))
        for name in families
    ]
    return Reply(body={"value": value})


def _family_text(name: str) -> str:
    """Return a family as people read it: ``Standard DASv5 Family vCPUs``."""
    series = name.removeprefix("standard").removesuffix("Family")
    return f"Standard {series} Family vCPUs"


def _usage(name: str, text: str, used: int, limit: int) -> Body:
    return {
        "unit": "Count",
        "currentValue": used,
        "limit": limit,
        "name": {"value": name, "localizedValue": text},
    }


async def _sizes(call: Call) -> Reply:
    _location(call)
    return Reply(body={"value": described()}, whole=True)


_PLACED = re.compile(r"location\s+eq\s+'([^']*)'", re.IGNORECASE)


async def _skus(call: Call) -> Reply:
    """List the sizes; $filter by location, the only one that Azure has."""
    asked = _PLACED.search(call.query.get("$filter", ""))
    places = [asked[1].replace(" ", "").lower()] if asked else list(LOCATIONS)
    return Reply(body={"value": skus(call.cloud.conditions, places)})


async def _extensions(call: Call) -> Reply:
    """List a publisher's extensions or the versions of one: a bare array."""
    location, names = _location(call), call.names
    kind = names.get("type", "")
    found = extensions(names["publisher"], kind)
    base = _marketplace(call, location, [names["publisher"]]).partition("/Artifact")[0]
    path = f"{base}/ArtifactTypes/VMExtension/Types"
    path += f"/{kind}/Versions" if kind else ""
    return Reply(
        body=[
            {"location": location, "name": name, "id": f"{path}/{name}"}
            for name in found
        ]
    )


async def _extension(call: Call) -> Reply:
    """Show one version of an extension."""
    location, names = _location(call), call.names
    if names["version"] not in extensions(names["publisher"], names["type"]):
        raise ArmError(
            404,
            "NotFound",
            f"Extension '{names['type']}' of publisher '{names['publisher']}' has no "
            f"version '{names['version']}': this embedded Azure has "
            f"{', '.join(extensions(names['publisher'], names['type']))}.",
        )
    base = _marketplace(call, location, [names["publisher"]]).partition("/Artifact")[0]
    path = f"{base}/ArtifactTypes/VMExtension/Types/{names['type']}/Versions"
    return Reply(
        body={
            "location": location,
            "name": names["version"],
            "id": f"{path}/{names['version']}",
            "properties": {
                "operatingSystem": "Linux",
                "computeRole": "IaaS",
                "vmScaleSetEnabled": True,
                "supportsMultipleExtensions": False,
            },
        }
    )


async def _run_commands(call: Call) -> Reply:
    return Reply(body={"value": [described_command(_location(call))]})


async def _one_run_command(call: Call) -> Reply:
    found = described_command(_location(call))
    if call.names["command"].lower() != found["id"].lower():
        raise ArmError(
            404,
            "NotFound",
            f"The entity was not found: '{call.names['command']}' is no run command "
            f"of this embedded Azure; it has {found['id']}.",
        )
    return Reply(
        body=found | {"script": [], "parameters": [{"name": "arg1", "type": "string"}]}
    )


ROUTES = (
    Route(method="GET", pattern=f"{_PLACE}/publishers", answer=_images),
    Route(method="GET", pattern=_OFFERS, answer=_images),
    Route(method="GET", pattern=f"{_OFFERS}/{{offer}}/skus", answer=_images),
    Route(method="GET", pattern=_VERSIONS, answer=_images),
    Route(method="GET", pattern=f"{_VERSIONS}/{{version}}", answer=_image),
    Route(method="GET", pattern=_TYPES, answer=_extensions),
    Route(method="GET", pattern=f"{_TYPES}/{{type}}/versions", answer=_extensions),
    Route(
        method="GET",
        pattern=f"{_TYPES}/{{type}}/versions/{{version}}",
        answer=_extension,
    ),
    Route(method="GET", pattern=f"{_PLACE}/runCommands", answer=_run_commands),
    Route(
        method="GET",
        pattern=f"{_PLACE}/runCommands/{{command}}",
        answer=_one_run_command,
    ),
    Route(method="GET", pattern=f"{_PLACE}/usages", answer=_usages),
    Route(method="GET", pattern=f"{_PLACE}/vmSizes", answer=_sizes),
    *(
        Route(
            method="GET",
            pattern=f"{_PLACE}/{name}",
            answer=_lister(f"Microsoft.Compute/{name}"),
        )
        for name in ("virtualMachines", "virtualMachineScaleSets")
    ),
    Route(
        method="GET",
        pattern=f"{_COMPUTE}/skus",
        answer=_skus,
    ),
)
