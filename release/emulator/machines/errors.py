"""What goes wrong with machines, each with what to do about it.

MachineError
├── NoSandbox        this computer cannot make sandboxes (yet)
├── NotRunning       the machine is not there or not running
└── CommandTimedOut  a run command took too long and was ended
"""

from __future__ import annotations


class MachineError(Exception):
    """Say what happened to which machine, and what to do about it.

    Args:
        what: One sentence with the name and the values.
        fix: What the reader can do now.
    """

    def __init__(self, what: str, *, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what}\n  fix: {self.fix}"


class NoSandbox(MachineError):
    """This computer does not let us make sandboxes."""


class NotRunning(MachineError):
    """The machine is not in the state that this needs."""


class CommandTimedOut(MachineError, TimeoutError):
    """A run command did not end in time; it was ended."""
