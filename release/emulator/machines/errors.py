"""What goes wrong with machines, each with what to do about it.

MachineError
├── NoSandbox        this computer cannot make sandboxes (yet)
├── NotRunning       the machine is not there or not running
├── NotStarted       a run command names a user or an interpreter that is not there
└── CommandTimedOut  a run command took too long and was ended
"""

from __future__ import annotations

from release.emulator.errors import HostFault


class MachineError(HostFault):
    """Say what happened, and what to do about it."""


class NoSandbox(MachineError):
    """This computer does not let us make sandboxes."""


class NotRunning(MachineError):
    """The machine is not in the state that this needs."""


class NotStarted(MachineError):
    """A run command could not begin; the machine goes on."""


class CommandTimedOut(MachineError, TimeoutError):
    """A run command did not end in time; it was ended."""
