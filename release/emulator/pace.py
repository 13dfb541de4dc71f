"""How long things take: at once for tests, or about as on Azure.

Durations are what a person sees on Azure, in seconds, rounded; a scale of 0.1 makes
an hour six minutes. They are for rehearsal, not a measurement of Azure.
"""

from __future__ import annotations

import asyncio

REALISTIC_S = {
    "group.delete": 60,
    "deployment": 3,
    "vm.create": 40,
    "vm.create.delete": 30,
    "vm.deallocate": 35,
    "vm.generalize": 1,
    "vm.start": 30,
    "runcommand": 20,
    "image.create": 30,
    "gallery.version": 240,
    "vmss.create": 60,
    "vmss.create.delete": 60,
    "vmss.upgrade": 60,
    "network": 4,
    "network.delete": 6,
    "storage": 20,
}


EAGER_S = 0.1
POLL_S = 10


class Pace:
    """The emulator's clock.

    Args:
        scale: 0 does everything at once; 1 takes Azure-like times.
    """

    def __init__(self, scale: float = 0) -> None:
        self.scale = scale

    @property
    def poll_s(self) -> int:
        """Return how many seconds a client is asked to wait between two polls.

        Ten, as the compute provider asks for; never less than one.
        """
        return max(1, round(POLL_S * self.scale))

    @property
    def instant(self) -> bool:
        """Whether things take no longer than they must."""
        return self.scale == 0

    def seconds(self, name: str) -> float:
        """Return how long the named act takes here, in seconds."""
        return REALISTIC_S.get(name, 0) * self.scale

    async def lasts(self, name: str) -> None:
        """Let the named act take its time."""
        await asyncio.sleep(self.seconds(name))

    def eager_interval(self, azure_s: float) -> float:
        """Return the same for what is not well: at once-pace, 0.1 s at most."""
        usual_s = self.interval(azure_s)
        return min(usual_s, EAGER_S) if self.instant else usual_s

    def interval(self, azure_s: float) -> float:
        """Return the seconds between two probes that Azure makes `azure_s` apart.

        At once means a tenth of Azure's, at least 0.2 s: probes of 5 s every 0.5 s.
        """
        return (
            azure_s * (self.scale or 0.1) if self.scale != 0 else max(azure_s / 10, 0.2)
        )
