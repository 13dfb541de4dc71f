"""Conditions on request: what a subscription may find itself in on Azure.

A client puts them to ``/emulator/conditions``: how much of something it may have,
sizes that are restricted or not offered, providers that are not registered, names of
storage accounts that somebody else has. They live in memory: a restart lifts all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from release.emulator.errors import ArmError, bad_request, conflict


@dataclass(frozen=True, kw_only=True)
class Restriction:
    """A size that a subscription may not have.

    Attributes:
        size: Name of the size.
        location: Where.
        zones: In these zones only; none: in the whole region.
        offered: False where the region has no such size at all.
    """

    size: str
    location: str
    zones: tuple[str, ...] = ()
    offered: bool = True


@dataclass(kw_only=True)
class Conditions:
    """What was asked for.

    Attributes:
        limits: By name as usages tell it: ``cores``, ``standardBSFamily``,
            ``PublicIPAddresses``.
        restrictions: Of sizes.
        unregistered: Namespaces of resource providers.
        taken_accounts: Names of storage accounts in other subscriptions.
    """

    limits: dict[str, int] = field(default_factory=dict)
    restrictions: tuple[Restriction, ...] = ()
    unregistered: tuple[str, ...] = ()
    taken_accounts: tuple[str, ...] = ()

    def limit(self, name: str, usual: int) -> int:
        """Return how much there may be of something."""
        given = {known.lower(): limit for known, limit in self.limits.items()}
        return given.get(name.lower(), usual)

    def restricted(self, size: str, location: str) -> list[Restriction]:
        """Return the restrictions of a size in a region."""
        return [
            one
            for one in self.restrictions
            if (one.size.lower(), one.location) == (size.lower(), location)
        ]

    def check_size(self, size: str, location: str, zones: list[str]) -> None:
        """Refuse a size that is restricted where it is wanted.

        Raises:
            ArmError: 409 ``SkuNotAvailable``.
        """
        for one in self.restricted(size, location):
            if not one.zones or set(one.zones) & set(zones):
                raise conflict(
                    "SkuNotAvailable",
                    "The requested VM size for resource 'Following SKUs have failed "
                    f"for Capacity Restrictions: {size}' is currently not available "
                    f"in location '{location}'. Please try another size or deploy to "
                    "a different location or different zone. See "
                    "https://aka.ms/azureskunotavailable for details.",
                )

    def registered(self, namespace: str) -> bool:
        """Tell whether a provider is registered."""
        return namespace.lower() not in {one.lower() for one in self.unregistered}

    def register(self, namespace: str) -> None:
        """Register a provider."""
        self.unregistered = tuple(
            one for one in self.unregistered if one.lower() != namespace.lower()
        )

    def unregister(self, namespace: str) -> None:
        """Unregister a provider."""
        self.register(namespace)
        self.unregistered = (*self.unregistered, namespace)

    def check_registered(self, namespace: str) -> None:
        """Refuse to write what belongs to a provider that is not registered.

        Raises:
            ArmError: 409 ``MissingSubscriptionRegistration``.
        """
        if not self.registered(namespace):
            raise conflict(
                "MissingSubscriptionRegistration",
                "The subscription is not registered to use namespace "
                f"'{namespace}'. See https://aka.ms/rps-not-found for how to register "
                "subscriptions.",
                target=namespace,
            )


_READ: TypeAdapter[Conditions] = TypeAdapter(Conditions)


def read(body: Any) -> Conditions:
    """Read what a client puts.

    Raises:
        ArmError: 400 that names what is wrong.
    """
    known = set(Conditions.__dataclass_fields__)
    unknown = set(body) - known if isinstance(body, Mapping) else set()
    if unknown:
        raise bad_request(
            "InvalidConditions",
            f"{', '.join(sorted(unknown))} is not known: expected "
            f"{', '.join(sorted(known))}.",
        )
    try:
        return _READ.validate_python(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise bad_request("InvalidConditions", f"{where}: {first['msg']}.") from None


def answer(conditions: Conditions, method: str, body: Any) -> tuple[Conditions, Any]:
    """Answer a request to ``/emulator/conditions``: those from now on, and as JSON.

    Raises:
        ArmError: 400 for a bad one, 405 for a method that there is not.
    """
    if method not in ("GET", "PUT", "DELETE"):
        raise ArmError(
            405, "MethodNotAllowed", f"{method} is none of GET, PUT and DELETE."
        )
    found = {"PUT": lambda: read(body), "DELETE": Conditions}.get(method)
    now = found() if found else conditions
    return now, asdict(now)
