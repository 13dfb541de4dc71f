"""What shall be balanced, and what is seen of it: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Protocol(Enum):
    """How a probe asks an instance for its health."""

    TCP = "Tcp"
    HTTP = "Http"
    HTTPS = "Https"


class Distribution(Enum):
    """What keeps a client on an instance."""

    FLOW = "Default"
    SOURCE = "SourceIP"


class Health(Enum):
    """What the probe of a server last said."""

    UP = "Up"
    DOWN = "Down"
    UNPROBED = "Unprobed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """How the health of each server of a frontend is found out.

    Args:
        port: Port of the instance that is asked.
        path: Path asked for with HTTP and HTTPS, from "/" on.
        interval_s: Seconds between two probes.
        eager_interval_s: The same for a server that is down; None: the same too.
        timeout_s: Seconds after which an answer counts as none.
        threshold: Good or bad answers in a row that change the verdict.
    """

    protocol: Protocol
    port: int
    path: str = "/"
    interval_s: float
    timeout_s: float
    threshold: int = 1
    eager_interval_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """One instance behind a frontend.

    Args:
        name: What tells it from every other instance, also from a later one
            that gets the same address.
        draining: Takes no new connection and keeps those that it has.
    """

    name: str
    address: str
    port: int
    draining: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Frontend:
    """One address and port that is listened on, and the servers behind it.

    Args:
        name: Unique among all frontends; the same over time.
        probe: Without one every server is taken for healthy.
        idle_timeout_s: Seconds after which a silent connection is closed.
    """

    name: str
    address: str
    port: int
    servers: tuple[Server, ...]
    probe: Probe | None = None
    distribution: Distribution = Distribution.FLOW
    idle_timeout_s: float = 240.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerState:
    """What the balancer knows of one server of one frontend.

    Args:
        frontend: The frontend's name.
        server: The server's name.
        last_probe: What the last probe met, such as "Connection refused".
        connections: Connections that are open now.
        connections_total: Connections since the last change of what is balanced.
    """

    frontend: str
    server: str
    health: Health
    last_probe: str
    connections: int
    connections_total: int
