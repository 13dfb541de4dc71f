"""The load balancer: HAProxy, driven by the network resources.

Pure in the middle (`haproxy`), a process at the rim (`process`). Knows addresses,
ports and probes; nothing of Azure's resources.
"""

from release.emulator.balancer.desired import (
    Distribution,
    Frontend,
    Health,
    Probe,
    Protocol,
    Server,
    ServerState,
)
from release.emulator.balancer.errors import (
    AddressTaken,
    BalancerError,
    HaproxyFailed,
    HaproxyMissing,
)
from release.emulator.balancer.process import Balancer

__all__ = [
    "AddressTaken",
    "Balancer",
    "BalancerError",
    "Distribution",
    "Frontend",
    "HaproxyFailed",
    "HaproxyMissing",
    "Health",
    "Probe",
    "Protocol",
    "Server",
    "ServerState",
]
