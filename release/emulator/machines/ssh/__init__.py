"""The SSH server of a machine.

It runs in the emulator's process, by asyncssh, and does nothing there but the protocol:
who may come in is read in the machine, and every command, shell and file transfer is a
process of the user's in the sandbox. Forwarding of ports and agents is refused.
"""

from release.emulator.machines.ssh.listener import ORDINARY_PORT, Listener, free_port

__all__ = ["ORDINARY_PORT", "Listener", "free_port"]
