"""Microsoft.Network: networks, addresses, interfaces, load balancers."""

from dataclasses import replace

from release.emulator.kinds import Body, Kind, Route, Write
from release.emulator.resources.network import (
    instance_addresses,
    interfaces,
    load_balancers,
    nat_gateways,
    public_addresses,
    route_tables,
    security_groups,
    usages,
    virtual_networks,
)
from release.emulator.resources.network.balancing import restore
from release.emulator.resources.network.referring import refer

_PARTS = (
    virtual_networks,
    security_groups,
    route_tables,
    public_addresses,
    nat_gateways,
    interfaces,
    instance_addresses,
    load_balancers,
)


def _alike(kind: Kind) -> Kind:
    """Return a kind with what is the same of all that this provider has."""

    def prepare(write: Write) -> Body:
        refer(write.body)
        return kind.prepare(write)

    return replace(kind, prepare=prepare, shows_etag=True, created_as="Updating")


KINDS: tuple[Kind, ...] = tuple(_alike(k) for part in _PARTS for k in part.KINDS)
ROUTES: tuple[Route, ...] = usages.ROUTES

__all__ = ["KINDS", "ROUTES", "restore"]
