"""Machines: bubblewrap sandboxes that boot an image.

A machine sees the host's ``/usr``, read-only, and has its own ``/etc /opt /srv /home
/root /var /usr/local``: these are its disk, and what an image is made of. ``/tmp`` and
``/run`` live in memory. Its init starts the enabled systemd services of
``/etc/systemd/system`` and runs the scripts that it is sent.

What it is not:

- Its network is the host's. Services stay apart because each machine has an address of
  its own, given to all that it runs as ``BIND_ADDRESS``; one that listens on 0.0.0.0
  takes the port from all others.
- Packages cannot be installed: ``apt-get`` accepts what the host has.
- The emulator of an ordinary user makes machines with one user. ``User=``, ``chown``
  and ``setuid`` succeed there without effect, and no port below 1024 can be bound.
- Timers, sockets, and what confines or weighs a service (``ProtectSystem``,
  ``MemoryMax``) are not emulated; a machine's boot.log names what its units ask for.
- Of the metadata service (IMDS) it has scheduled events only, at the address that
  ``AZURE_POD_IDENTITY_AUTHORITY_HOST`` names. It has no kernel of its own.
- SSH is at port 22, or 2222 where 22 cannot be had: see `ssh`. Its scp and sftp are the
  host's (openssh-client, openssh-sftp-server). The only password is the one that the
  administrator was made with, whatever passwd says; no network security group is
  enforced, and only keys and that password keep anybody out.
"""

from release.emulator.machines.admin import Admin
from release.emulator.machines.errors import (
    CommandTimedOut,
    MachineError,
    NoSandbox,
    NotRunning,
    NotStarted,
)
from release.emulator.machines.machines import Machines
from release.emulator.machines.ssh import free_port
from release.emulator.machines.state import Power, ServiceState, State
from release.emulator.machines.vhd import problem as vhd_problem

__all__ = [
    "Admin",
    "CommandTimedOut",
    "MachineError",
    "Machines",
    "NoSandbox",
    "NotRunning",
    "NotStarted",
    "Power",
    "ServiceState",
    "State",
    "free_port",
    "vhd_problem",
]
