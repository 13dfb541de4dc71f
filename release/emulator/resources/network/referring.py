"""What a body of Microsoft.Network refers to, by id alone. Pure.

A client may send a whole object where it refers to one, as it got it from a GET; the
provider takes its id, and shows no more. What becomes of a public address when its
interface is deleted belongs to the reference, and stays.
"""

from __future__ import annotations

from typing import Any, Final

from release.emulator.kinds import Body

_ONE: Final = frozenset(
    [
        "backendAddressPool",
        "frontendIPConfiguration",
        "natGateway",
        "networkSecurityGroup",
        "probe",
        "publicIPAddress",
        "routeTable",
        "subnet",
    ]
)
_MANY: Final = frozenset(
    [
        "applicationSecurityGroups",
        "destinationApplicationSecurityGroups",
        "loadBalancerBackendAddressPools",
        "loadBalancerInboundNatRules",
        "publicIpAddresses",
        "serviceEndpointPolicies",
        "sourceApplicationSecurityGroups",
    ]
)


def refer(body: Body) -> None:
    """Cut what a body refers to down to ids."""
    for name, value in body.items():
        if name in _ONE and _refers(value):
            body[name] = _reference(value)
        elif name in _MANY and isinstance(value, list):
            body[name] = [{"id": o["id"]} if _refers(o) else o for o in value]
        else:
            _within(value)


def _reference(value: Body) -> Body:
    option = (value.get("properties") or {}).get("deleteOption")
    kept = {"properties": {"deleteOption": option}} if option else {}
    return {"id": value["id"], **kept}


def _within(value: Any) -> None:
    for inner in value if isinstance(value, list) else (value,):
        if isinstance(inner, dict):
            refer(inner)


def _refers(value: Any) -> bool:
    return isinstance(value, dict) and bool(value.get("id"))
