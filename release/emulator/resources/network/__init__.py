"""Microsoft.Network: networks, addresses, interfaces, load balancers."""

from dataclasses import replace

from release.emulator.kinds import Kind, Route
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

KINDS: tuple[Kind, ...] = tuple(
    replace(kind, shows_etag=True) for part in _PARTS for kind in part.KINDS
)
ROUTES: tuple[Route, ...] = usages.ROUTES

__all__ = ["KINDS", "ROUTES", "restore"]
