"""What Azure says of itself: small values, each read off one answer. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from release.azure import tags

REGISTERED = "Registered"
UNIFORM = "Uniform"
COMPLETED = "Completed"
"""State of an image's replication to a region, once it can be used there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """A VM size as a subscription may have it in a region.

    Attributes:
        restricted: Why it may not be had in the whole region, or "".
        zones: Where it may be had.
        generations: Which it boots: ``V1``, ``V2``.
        architecture: ``x64`` or ``Arm64``.
        trusted_launch: Whether it can launch trusted.
    """

    name: str
    family: str
    cores: int
    restricted: str = ""
    zones: frozenset[str] = frozenset()
    generations: tuple[str, ...] = ("V1",)
    architecture: str = "x64"
    trusted_launch: bool = True

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Size:
        """Read a resource SKU (source: "Resource Skus - List")."""
        told = {one["name"]: one["value"] for one in raw.get("capabilities") or ()}
        offered = {
            zone
            for place in raw.get("locationInfo") or ()
            for zone in place.get("zones") or ()
        }
        restricted, closed = "", set()
        for one in raw.get("restrictions") or ():
            if one.get("type") == "Zone":
                closed |= set((one.get("restrictionInfo") or {}).get("zones") or ())
            else:
                restricted = str(one.get("reasonCode") or "restricted")
        return cls(
            name=raw["name"],
            family=raw.get("family") or "",
            cores=int(told.get("vCPUs") or 0),
            restricted=restricted,
            zones=frozenset(offered - closed),
            generations=tuple((told.get("HyperVGenerations") or "V1").split(",")),
            architecture=told.get("CpuArchitectureType") or "x64",
            trusted_launch=told.get("TrustedLaunchDisabled") != "True",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """How much of something there is, and may be."""

    name: str
    text: str
    used: int
    limit: int

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Usage:
        """Read a usage of compute or network."""
        name = raw["name"]
        return cls(
            name=name["value"],
            text=name.get("localizedValue") or name["value"],
            used=int(raw["currentValue"]),
            limit=int(raw["limit"]),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Subnet:
    """A subnet's addresses: those that machines may have."""

    id: str
    used: int
    limit: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Bootable:
    """What an image needs of a machine: a definition, or a marketplace image.

    Attributes:
        name: As messages call it.
        generation: ``V1`` or ``V2``.
        state: ``Generalized`` or ``Specialized``; "" for a marketplace image.
        security: What a definition says of it: ``TrustedLaunchSupported``, or "".
    """

    name: str
    generation: str = "V1"
    architecture: str = "x64"
    system: str = "Linux"
    state: str = ""
    security: str = ""

    @classmethod
    def of_definition(cls, name: str, properties: Mapping[str, Any]) -> Bootable:
        """Read an image definition's properties."""
        features = {
            one["name"]: one["value"] for one in properties.get("features") or ()
        }
        return cls(
            name=name,
            generation=properties.get("hyperVGeneration") or "V1",
            architecture=properties.get("architecture") or "x64",
            system=properties.get("osType") or "Linux",
            state=properties.get("osState") or "",
            security=features.get("SecurityType", "").removeprefix("None"),
        )

    @classmethod
    def of_marketplace(cls, name: str, properties: Mapping[str, Any]) -> Bootable:
        """Read a marketplace image's properties."""
        disk = properties.get("osDiskImage") or {}
        return cls(
            name=name,
            generation=properties.get("hyperVGeneration") or "V1",
            architecture=properties.get("architecture") or "x64",
            system=disk.get("operatingSystem") or "Linux",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Promoted:
    """The image that passed last in another environment.

    Attributes:
        version: Its name; "" when none passed there.
        others: How many images there are.
        build: The build that baked it.
        passed: The release of that environment in which it passed.
        states: Of its replication, by region in lower case without spaces.
    """

    version: str
    others: int
    build: str = ""
    passed: str = ""
    states: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, raw: Mapping[str, Any], others: int, *, environment: str) -> Promoted:
        """Read an image version with its replication status."""
        labels = raw.get("tags") or {}
        status = raw["properties"].get("replicationStatus") or {}
        return cls(
            version=raw["name"],
            others=others,
            build=labels.get(tags.BUILD, raw["name"]),
            passed=tags.passed_in(labels, environment),
            states={
                str(one["region"]).replace(" ", "").lower(): str(one.get("state"))
                for one in status.get("summary") or ()
            },
        )

    def usable(self, region: str) -> bool:
        """Tell whether machines of a region can be made of it."""
        return self.states.get(region) == COMPLETED


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The storage account's name.

    Attributes:
        ours: Whether the account is there, in its group.
        refused: Why the name cannot be had, or "".
        firewall: Whether its firewall refuses networks that it does not know.
    """

    name: str
    ours: bool
    refused: str = ""
    firewall: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ScaleSet:
    """The scale set as it is.

    Attributes:
        state: Its provisioning state.
        policy: Its upgrade policy's mode.
    """

    name: str
    location: str
    mode: str
    state: str
    policy: str

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> ScaleSet:
        """Read a scale set."""
        properties = raw["properties"]
        return cls(
            name=raw["name"],
            location=str(raw["location"]).replace(" ", "").lower(),
            mode=properties.get("orchestrationMode") or UNIFORM,
            state=properties.get("provisioningState") or "",
            policy=(properties.get("upgradePolicy") or {}).get("mode") or "",
        )
