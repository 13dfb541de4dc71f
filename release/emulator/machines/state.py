"""What a machine is doing, as others see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Power(Enum):
    """Whether a machine runs."""

    RUNNING = "running"
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceState:
    """A service in systemd's words: see org.freedesktop.systemd1(5)."""

    active: str
    """inactive, activating, active, deactivating or failed."""
    sub: str
    result: str
    why: str
    """One sentence about the last failure, or nothing."""
    main_pid: int
    restarts: int
    log: tuple[str, ...]
    """Its last lines, when it does not run as it should."""


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """A machine and its services."""

    power: Power
    services: Mapping[str, ServiceState] = field(default_factory=dict)
    """Services that were started or could not be; empty when stopped."""
    boot_log: tuple[str, ...] = ()
    """The last lines of the init."""
    ended: str = ""
    """Why it stopped, when nobody asked for it."""

    def problems(self) -> tuple[str, ...]:
        """Return what is wrong, a block of lines each; empty when all is well."""
        found = [self.ended] if self.ended else []
        found += [
            "\n".join([f"{name} {service.active}: {service.why}", *service.log])
            for name, service in self.services.items()
            if service.why and service.active != "active"
        ]
        return tuple(found)
