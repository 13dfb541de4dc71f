"""Statuses of an instance view, as Azure words them. Pure.

``{"code": "PowerState/running", "level": "Info", "displayStatus": "VM running"}``
"""

from __future__ import annotations

from datetime import UTC, datetime

from release.emulator.kinds import Body
from release.emulator.store import Resource

POWER = {
    "starting": "VM starting",
    "running": "VM running",
    "stopping": "VM stopping",
    "stopped": "VM stopped",
    "deallocating": "VM deallocating",
    "deallocated": "VM deallocated",
}
PROVISIONING = {
    "Creating": "Creating",
    "Updating": "Updating",
    "Deleting": "Deleting",
    "Succeeded": "Provisioning succeeded",
    "Failed": "Provisioning failed",
    "Canceled": "Provisioning canceled",
}


def timestamp() -> str:
    """Return the time now as Azure writes it in a body, in UTC."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def status(code: str, text: str, *, level: str = "Info", time: str = "") -> Body:
    """Return one status of an instance view."""
    body = {"code": code, "level": level, "displayStatus": text}
    return {**body, "time": time} if time else body


def provisioning(state: str, *, time: str = "") -> Body:
    """Return the status of a provisioning state."""
    level = "Error" if state == "Failed" else "Info"
    return status(
        f"ProvisioningState/{state.lower()}",
        PROVISIONING.get(state, state),
        level=level,
        time=time,
    )


def power(state: str) -> Body:
    """Return the status of a power state."""
    return status(f"PowerState/{state}", POWER[state])


def machine_statuses(resource: Resource) -> list[Body]:
    """Return the statuses of a virtual machine or an instance of a scale set."""
    found = [provisioning(resource.state, time=resource.private.get("changed_at", ""))]
    if resource.private.get("generalized"):
        found.append(status("OSState/generalized", "VM generalized"))
    if resource.private.get("power"):
        found.append(power(resource.private["power"]))
    return found


def agent(resource: Resource) -> Body:
    """Return what the guest agent says of itself."""
    ready = resource.private.get("power") == "running"
    return {
        "vmAgentVersion": "2.9.1.1",
        "statuses": [
            {
                "code": f"ProvisioningState/{'succeeded' if ready else 'Unavailable'}",
                "level": "Info" if ready else "Warning",
                "displayStatus": "Ready" if ready else "Not Ready",
                "message": "Guest Agent is running"
                if ready
                else "VM status blob is found but not yet populated.",
                "time": timestamp(),
            }
        ],
    }
