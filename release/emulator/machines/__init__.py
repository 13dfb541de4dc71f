"""Machines: bubblewrap sandboxes that boot an image."""

from release.emulator.machines.admin import Admin
from release.emulator.machines.errors import (
    CommandTimedOut,
    MachineError,
    NoSandbox,
    NotRunning,
)
from release.emulator.machines.machines import Machines
from release.emulator.machines.state import Power, ServiceState, State

__all__ = [
    "Admin",
    "CommandTimedOut",
    "MachineError",
    "Machines",
    "NoSandbox",
    "NotRunning",
    "Power",
    "ServiceState",
    "State",
]
