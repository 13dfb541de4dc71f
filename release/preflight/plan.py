"""What a release is about to do, as far as it is known before it begins. Values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from release.azure.ids import group_id
from release.settings import Environment

STORAGE = "Microsoft.Storage"


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """The marketplace image that the builder starts from."""

    publisher: str
    offer: str
    sku: str
    version: str

    @property
    def name(self) -> str:
        """Publisher, offer and SKU, as people write them."""
        return f"{self.publisher}:{self.offer}:{self.sku}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """The environment that the image comes from, unbaked.

    Attributes:
        environment: Its name.
        env: Its settings: they name the gallery.
        subscription: That the gallery is in.
    """

    environment: str
    env: Environment
    subscription: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a release is about to do.

    Attributes:
        environment: Name of the environment.
        env: Its settings.
        build: Id of the build.
        account: Storage account of payloads.
        source: Where the image comes from; None when it may have to be baked.
        definition: Id of the image definition.
        builder_size: Of the machine that bakes; "" when only Packer knows, when others
            may be tried instead, or when none bakes.
        base: What it starts from; None when only Packer knows, or there is none.
        template: Of the scale set.
        values: Of its parameters.
        image: What stands in for the image that is not known yet: the one that runs,
            or "" when none does.
        others: The further templates that a release may deploy.
        running: Instances that there are.
        wanted: Instances that there are to be.
        surge: Instances that there are besides while it rolls out.
        protected: Names of instances that are protected from upgrades.
        unfinished: Builds that did not finish here before.
        locked: Whether this run itself holds the release lock.
        unproved: The build that the scale set runs without having passed, or "".
    """

    environment: str
    env: Environment
    build: str
    account: str
    source: Source | None = None
    definition: str
    builder_size: str
    base: Base | None
    template: Mapping[str, Any]
    values: Mapping[str, Any] = field(repr=False)
    image: str
    others: Sequence[Mapping[str, Any]]
    running: int = 0
    wanted: int
    surge: int = 0
    protected: Sequence[str] = ()
    unfinished: Sequence[str] = ()
    locked: bool = False
    unproved: str = ""

    @property
    def source_group(self) -> str:
        """Id of the group whose gallery the image comes from; "" where it is baked."""
        source = self.source
        return (
            group_id(source.subscription, source.env.image_resource_group)
            if source
            else ""
        )

    @property
    def bakes(self) -> bool:
        """Whether the image may have to be baked."""
        return self.source is None

    @property
    def new_instances(self) -> int:
        """Instances that are made besides those that run, without a surge."""
        return max(0, self.wanted - self.running)

    @property
    def surges_or_stops(self) -> bool:
        """Whether a release without room for its surge is of no use."""
        return self.env.rollout.surge_fallback == "stop"

    @property
    def zones(self) -> tuple[str, ...]:
        """Zones that the instances are to be in; none: regional."""
        return tuple(self.values.get("zones") or ())

    @property
    def namespaces(self) -> list[str]:
        """Resource providers that the templates use, and that of the account."""
        types = {
            str(resource["type"])
            for body in (self.template, *self.others)
            for resource in body["resources"]
        }
        return sorted({name.partition("/")[0] for name in types} | {STORAGE})

    @property
    def security_type(self) -> str:
        """Security type of the instances: ``Standard``, ``TrustedLaunch``, ..."""
        for resource in self.template["resources"]:
            if resource["type"] == "Microsoft.Compute/virtualMachineScaleSets":
                profile = resource["properties"]["virtualMachineProfile"]
                security = profile.get("securityProfile") or {}
                return str(security.get("securityType") or "Standard")
        return "Standard"
