"""What keeps the balancer from doing its work.

BalancerError
├── HaproxyMissing   the program is not installed
├── AddressTaken     another program listens there, or the right to listen is missing
└── HaproxyFailed    HAProxy ended or does not answer; carries its last lines
"""

from __future__ import annotations

from release.emulator.errors import HostFault


class BalancerError(HostFault):
    """Say what happened, and what to do about it."""


class HaproxyMissing(BalancerError):
    """The program haproxy or setpriv is not installed."""


class AddressTaken(BalancerError):
    """A frontend's address and port cannot be listened on.

    Args:
        reason: The system's own words, such as "Address already in use".
    """

    def __init__(self, *, address: str, port: int, reason: str) -> None:
        super().__init__(
            f"The load balancer cannot listen on {address}:{port}: {reason}.",
            fix=(
                f"end what listens there (ss -ltnp 'sport = :{port}' shows it), or "
                "choose another frontend port; ports below 1024 may need root"
            ),
        )
        self.address = address
        self.port = port


class HaproxyFailed(BalancerError):
    """HAProxy ended, or does not answer."""
