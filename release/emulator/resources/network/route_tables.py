"""Route tables: kept and checked; loopback has one route."""

from __future__ import annotations

import uuid

from release.emulator.cloud import Cloud
from release.emulator.errors import bad_request
from release.emulator.kinds import Body, Call, Kind, Write
from release.emulator.resources.network.checks import one_of
from release.emulator.resources.network.nat_gateways import subnets_of
from release.emulator.resources.network.nested import (
    Element,
    Nested,
    arrange,
    check_name,
    show_arrays,
)
from release.emulator.store import Resource

ROUTE_TABLE = "Microsoft.Network/routeTables"
_HOPS = (
    "VirtualNetworkGateway",
    "VnetLocal",
    "Internet",
    "VirtualAppliance",
    "None",
)


def _check_route(route: Element) -> None:
    one_of(route.properties, "nextHopType", _HOPS, of=route.id)
    if not route.properties.get("addressPrefix"):
        raise bad_request(
            "InvalidRequestFormat",
            f"Cannot parse the request: {route.id} has no addressPrefix.",
            target="addressPrefix",
        )


TABLE_ROUTES = Nested(parent=ROUTE_TABLE, name="routes", check=_check_route)


def prepare(write: Write) -> Body:
    """Check a table and its routes."""
    check_name(write.id.name)
    arrange(write, (TABLE_ROUTES,))
    properties: Body = write.body["properties"]
    properties.setdefault("disableBgpRoutePropagation", False)
    before = write.existing.properties if write.existing else {}
    properties["resourceGuid"] = before.get("resourceGuid") or str(uuid.uuid4())
    return write.body


def view(cloud: Cloud, resource: Resource, _call: Call) -> Body:
    """Show the routes, and the subnets that follow them."""
    body = show_arrays(cloud, resource, (TABLE_ROUTES,))
    body["properties"].pop("subnets", None)
    found = [{"id": i} for i in subnets_of(cloud, "routeTable", resource.id.key)]
    if found:
        body["properties"]["subnets"] = found
    return body


def refuse_removal(cloud: Cloud, resource: Resource) -> None:
    """Raise the error for a table that subnets follow."""
    users = list(subnets_of(cloud, "routeTable", resource.id.key))
    if users:
        raise bad_request(
            "InUseRouteTableCannotBeDeleted",
            f"Route table {resource.id.name} is in use and cannot be deleted: "
            f"{', '.join(users)}.",
        )


KINDS = (
    Kind(
        type=ROUTE_TABLE,
        prepare=prepare,
        view=view,
        refuse_removal=refuse_removal,
        timing="network",
    ),
    TABLE_ROUTES.kind,
)
