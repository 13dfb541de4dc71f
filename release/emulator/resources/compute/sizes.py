"""Sizes of virtual machines, and how many cores a subscription may use. Pure."""

from __future__ import annotations

from release.emulator.errors import bad_request, conflict
from release.emulator.kinds import Body
from release.emulator.store import Store

CORES_LIMIT = 100
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


def cores_in_use(store: Store) -> int:
    """Return the cores of all virtual machines and instances that are there."""
    machines = store.of_type("Microsoft.Compute/virtualMachines")
    instances = store.of_type(
        "Microsoft.Compute/virtualMachineScaleSets/virtualMachines"
    )
    names = [vm.properties["hardwareProfile"]["vmSize"] for vm in machines]
    names += [instance.body["sku"]["name"] for instance in instances]
    return sum(cores(name) for name in names)


def check_quota(store: Store, wanted: int, location: str) -> None:
    """Raise the 409 when so many further cores are more than the quota."""
    used = cores_in_use(store)
    if used + wanted > CORES_LIMIT:
        raise conflict(
            "OperationNotAllowed",
            "Operation could not be completed as it results in exceeding approved "
            f"Total Regional Cores quota. Additional details - Deployment Model: "
            f"Resource Manager, Location: {location}, Current Limit: {CORES_LIMIT}, "
            f"Current Usage: {used}, Additional Required: {wanted}, (Minimum) New "
            f"Limit Required: {used + wanted}.",
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
