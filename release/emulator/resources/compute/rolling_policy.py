"""The policy of a rolling upgrade: how large a batch is, and when it is too bad. Pure.

Codes and words of the errors as Azure's.
"""

from __future__ import annotations

import math

from release.emulator.errors import ArmError
from release.emulator.kinds import Body
from release.emulator.store import Resource

MORE = "For details on rolling upgrades, use http://aka.ms/AzureVMSSRollingUpgrade"


def batch_size(instances: int, percent: int) -> int:
    """Return how many instances a batch has: rounded up, at least one."""
    return max(1, math.ceil(instances * percent / 100))


def check_before(policy: Body, bad: list[Resource], of: int, *, first: bool) -> None:
    """Raise the error when too many instances are unhealthy before a batch.

    Args:
        policy: The rollingUpgradePolicy.
        bad: The unhealthy instances.
        of: How many instances there are.
        first: Whether it is the first batch.
    """
    percent = 100 * len(bad) / max(of, 1)
    limit = policy["maxUnhealthyInstancePercent"]
    if percent <= limit:
        return
    when = "before the rolling upgrade " if first else ""
    raise _breach(
        "MaxUnhealthyInstancePercentExceededBeforeRollingUpgrade"
        if first
        else "MaxUnhealthyInstancePercentExceededInRollingUpgrade",
        "MaxUnhealthyInstancePercent",
        f"{percent:.0f}% of instances are in an unhealthy state {when}- more than the "
        f"threshold of {limit}%.",
        bad,
    )


def check_after(policy: Body, bad: list[Resource], of: int) -> None:
    """Raise the error when too many of the upgraded instances are unhealthy."""
    percent = 100 * len(bad) / max(of, 1)
    limit = policy["maxUnhealthyUpgradedInstancePercent"]
    if percent > limit:
        raise _breach(
            "MaxUnhealthyUpgradedInstancePercentExceededInRollingUpgrade",
            "MaxUnhealthyUpgradedInstancePercent",
            f"{percent:.0f}% of instances are in an unhealthy state after being "
            f"upgraded - more than the threshold of {limit}%.",
            bad,
        )


def _breach(code: str, limit: str, found: str, bad: list[Resource]) -> ArmError:
    return ArmError(
        409,
        code,
        f"Rolling Upgrade failed after exceeding the {limit} value defined in the "
        f"RollingUpgradePolicy. {found} The most impactful error is: Instance found "
        f"to be unhealthy or unreachable. First failed instance ID is: "
        f"{bad[0].id.name}. {MORE}",
    )
