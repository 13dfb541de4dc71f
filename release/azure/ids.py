"""Resource ids, as the harness reads and writes them. Pure.

An id is ``/subscriptions/S/resourceGroups/G/providers/NAMESPACE/TYPE/NAME...``;
Azure compares its parts without regard to case and returns them in any (source:
Azure Resource Manager, "resource id" in template functions for resources).
"""

from __future__ import annotations


def group_id(subscription: str, group: str) -> str:
    """Return the id of a resource group."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}"


def resource_id(subscription: str, group: str, kind: str, *names: str) -> str:
    """Return the id of a resource.

    Args:
        subscription: Subscription id.
        group: Name of the resource group.
        kind: Full type, such as ``Microsoft.Compute/galleries/images``.
        names: One name for each segment of the type.

    Raises:
        ValueError: There are more or fewer names than the type has segments.
    """
    namespace, *types = kind.split("/")
    pairs = "/".join(
        f"{segment}/{name}" for segment, name in zip(types, names, strict=True)
    )
    return f"{group_id(subscription, group)}/providers/{namespace}/{pairs}"


def part(identifier: str, segment: str) -> str:
    """Return the name that follows a segment of an id, or "" without it.

    ``part(id, "virtualMachines")`` of a scale set's network interface is the
    instance that the interface belongs to. A resource may be named like a segment.
    """
    pieces = identifier.strip("/").split("/")
    wanted = segment.lower()
    pairs = zip(pieces[::2], pieces[1::2], strict=False)
    return next((name for kind, name in pairs if kind.lower() == wanted), "")


def same(first: str, second: str) -> bool:
    """Tell whether two ids name one resource."""
    return first.lower() == second.lower()
