"""Sizes of virtual machines, and how many cores a subscription may use."""

from __future__ import annotations

import re
from collections import Counter

from release.emulator.cloud import Cloud
from release.emulator.errors import bad_request, conflict
from release.emulator.ids import ResourceId
from release.emulator.kinds import Body

CORES = "cores"
CORES_LIMIT = 100
"""Of a region, and of each family in it, unless a condition says otherwise."""
SIZES = {
    "Standard_A1": (1, 1792),
    "Standard_A1_v2": (1, 2048),
    "Standard_A2_v2": (2, 4096),
    "Standard_B1s": (1, 1024),
    "Standard_B1ms": (1, 2048),
    "Standard_B2s": (2, 4096),
    "Standard_B2ms": (2, 8192),
    "Standard_B2s_v2": (2, 8192),
    "Standard_B2ts_v2": (2, 1024),
    "Standard_B4ms": (4, 16384),
    "Standard_D1_v2": (1, 3584),
    "Standard_D2_v2": (2, 7168),
    "Standard_D2_v3": (2, 8192),
    "Standard_D2s_v3": (2, 8192),
    "Standard_D4s_v3": (4, 16384),
    "Standard_D2s_v4": (2, 8192),
    "Standard_D2ds_v4": (2, 8192),
    "Standard_D2as_v4": (2, 8192),
    "Standard_D2s_v5": (2, 8192),
    "Standard_D2as_v5": (2, 8192),
    "Standard_D2ds_v5": (2, 8192),
    "Standard_D4s_v5": (4, 16384),
    "Standard_D4as_v5": (4, 16384),
    "Standard_D4ds_v5": (4, 16384),
    "Standard_D8s_v5": (8, 32768),
    "Standard_D2ps_v5": (2, 8192),
    "Standard_D2s_v6": (2, 8192),
    "Standard_DS1_v2": (1, 3584),
    "Standard_DS2_v2": (2, 7168),
    "Standard_DS3_v2": (4, 14336),
    "Standard_E2s_v5": (2, 16384),
    "Standard_F2s_v2": (2, 4096),
    "Standard_F4s_v2": (4, 8192),
}
"""Cores and memory in MiB by name."""

_SPELLED = {name.lower(): name for name in SIZES}


def check_size(name: str, target: str) -> None:
    """Raise the 400 for a size that there is not."""
    if name.lower() not in _SPELLED:
        raise bad_request(
            "InvalidParameter",
            f"The value {name} provided for the VM size is not valid. The valid sizes "
            f"in the current region are: {', '.join(SIZES)}.",
            target=target,
        )


def cores(name: str) -> int:
    """Return the cores of a size."""
    return SIZES[_SPELLED[name.lower()]][0]


def family(name: str) -> str:
    """Return the family of a size, as quotas name it: ``standardDASv5Family``."""
    found = re.fullmatch(r"Standard_([A-Z]+)\d+([a-z]*)_?(v\d+)?", spelled(name))
    if found is None or (found[1], found[3]) == ("A", None):
        return "standardA0_A7Family"
    # How much memory a core has makes no family of its own.
    features = re.sub("[mt]", "", found[2]).upper()
    return f"standard{found[1]}{features}{found[3] or ''}Family"


def spelled(name: str) -> str:
    """Return the name of a size as Azure writes it."""
    return _SPELLED[name.lower()]


def usage(cloud: Cloud, subscription: str, location: str) -> Counter[str]:
    """Return the cores that a subscription's machines and instances have in a region.

    All together under `CORES`, and by family.
    """
    store, scope = cloud.store, ResourceId(subscription)
    machines = [
        (machine.body["location"], machine.properties["hardwareProfile"]["vmSize"])
        for machine in store.of_type("Microsoft.Compute/virtualMachines", scope)
    ]
    instances = [
        (instance.body["location"], instance.body["sku"]["name"])
        for instance in store.of_type(
            "Microsoft.Compute/virtualMachineScaleSets/virtualMachines", scope
        )
    ]
    used: Counter[str] = Counter()
    for place, size in (*machines, *instances):
        if place == location:
            used[CORES] += cores(size)
            used[family(size)] += cores(size)
    return used


def check_quota(
    cloud: Cloud, owner: ResourceId, size: str, count: int, location: str
) -> None:
    """Raise the 409 when so many further machines are more than a quota.

    Args:
        cloud: Where.
        owner: The machine or scale set; its subscription has the quota.
        size: Of the machines.
        count: How many.
        location: Their region.

    https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/
    error-resource-quota
    """
    used, wanted = usage(cloud, owner.subscription, location), count * cores(size)
    for name, said in ((CORES, "Total Regional"), (family(size), family(size))):
        limit = cloud.conditions.limit(name, CORES_LIMIT)
        if used[name] + wanted > limit:
            raise conflict(
                "OperationNotAllowed",
                "Operation could not be completed as it results in exceeding approved "
                f"{said} Cores quota. Additional details - Deployment Model: "
                f"Resource Manager, Location: {location}, Current Limit: {limit}, "
                f"Current Usage: {used[name]}, Additional Required: {wanted}, "
                f"(Minimum) New Limit Required: {used[name] + wanted}.",
            )


def described() -> list[Body]:
    """Return the sizes as ``vmSizes`` lists them."""
    return [
        {
            "name": name,
            "numberOfCores": count,
            "osDiskSizeInMB": 1047552,
            "resourceDiskSizeInMB": 2 * memory,
            "memoryInMB": memory,
            "maxDataDiskCount": 2 * count,
        }
        for name, (count, memory) in SIZES.items()
    ]
