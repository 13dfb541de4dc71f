"""What is kept of rolling upgrades: the latest one, and a short history.

A record is in the scale set's private part; ``cancel`` in it asks the upgrade to end.
"""

from __future__ import annotations

from release.emulator.errors import ArmError
from release.emulator.kinds import Body
from release.emulator.resources.compute.model import image_reference
from release.emulator.resources.compute.statuses import timestamp
from release.emulator.store import Resource

KEPT = 5
"""How many upgrades the history tells of."""


def begun(scale_set: Resource, policy: Body) -> Body:
    """Begin the record of an upgrade, in place of the last one."""
    now = timestamp()
    record: Body = {
        "policy": policy,
        "runningStatus": {
            "code": "RollingForward",
            "startTime": now,
            "lastAction": "Start",
            "lastActionTime": now,
        },
        "progress": {},
    }
    scale_set.private["rolling"] = record
    return record


def ended(
    scale_set: Resource, code: str, *, rolled_back: int, not_rolled_back: int
) -> None:
    """Close the record, and put the upgrade into the history."""
    record = scale_set.private["rolling"]
    record["runningStatus"]["code"] = code
    record.pop("cancel", None)
    past = scale_set.private.setdefault("upgrades", [])
    rollback = {
        "successfullyRolledbackInstanceCount": rolled_back,
        "failedRolledbackInstanceCount": not_rolled_back,
    }
    past.append(_remembered(scale_set, record, rollback))
    del past[:-KEPT]


def _remembered(scale_set: Resource, record: Body, rollback: Body) -> Body:
    status = record["runningStatus"]
    return {
        "runningStatus": {
            "code": status["code"],
            "startTime": status["startTime"],
            "endTime": timestamp(),
        },
        "progress": record["progress"],
        "startedBy": "User",
        "targetImageReference": image_reference(scale_set),
        "rollbackInfo": rollback,
        **({"error": record["error"]} if "error" in record else {}),
    }


def latest(scale_set: Resource) -> Body:
    """Return the last rolling upgrade, as ``rollingUpgrades/latest`` shows it.

    Raises:
        ArmError: 404, there was none.
    """
    found: Body | None = scale_set.private.get("rolling")
    if found is None:
        raise ArmError(
            404,
            "NotFound",
            f"No rolling upgrade of the Virtual Machine Scale Set "
            f"'{scale_set.id.name}' was found.",
        )
    return {
        "id": f"{scale_set.id}/rollingUpgrades/latest",
        "name": "latest",
        "type": "Microsoft.Compute/virtualMachineScaleSets/rollingUpgrades",
        "location": scale_set.body["location"],
        "properties": {key: found[key] for key in found if key != "cancel"},
    }


def history(scale_set: Resource) -> list[Body]:
    """Return the last rolling upgrades, newest first."""
    past = scale_set.private.get("upgrades", [])
    kind = "Microsoft.Compute/virtualMachineScaleSets/rollingUpgrades"
    location = scale_set.body["location"]
    return [
        {"properties": entry, "type": kind, "location": location}
        for entry in reversed(past)
    ]


def running(scale_set: Resource) -> bool:
    """Tell whether a rolling upgrade is under way."""
    found = scale_set.private.get("rolling") or {}
    status: Body = found.get("runningStatus") or {}
    return status.get("code") == "RollingForward"


def cancel(scale_set: Resource) -> None:
    """Ask the rolling upgrade to end after its batch; the set stays mixed.

    Raises:
        ArmError: 409, none is under way.
    """
    if not running(scale_set):
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"There is no rolling upgrade in progress on the Virtual Machine Scale "
            f"Set '{scale_set.id.name}' to cancel.",
        )
    status = scale_set.private["rolling"]["runningStatus"]
    status.update(lastAction="Cancel", lastActionTime=timestamp())
    scale_set.private["rolling"]["cancel"] = True
