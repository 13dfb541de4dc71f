"""What an environment runs: values only, storable as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from release.azure import tags

SCHEMA = 1
HEALTHY = "healthy"
ACTIONS = "scale-set-actions"
SCALE_IN = "scale-in"


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """One instance of the scale set.

    Attributes:
        id: Instance id within the scale set.
        name: Its host name, with which the service names itself.
        latest_model: Whether the scale set's latest model is applied.
        health: As the Application Health extension reports it: ``healthy``,
            ``unhealthy``, ``unknown``, ``initializing``.
        address: Where this instance alone answers: ``host:port``.
        build: The build id that it answered with; "" when not asked.
        protection: What it is protected from: ``scale-set-actions``, which includes
            upgrades, ``scale-in``, or "".
        image_id: The image that it runs; "" where it is not told.
        size: Its VM size.
        settled: Whether Azure neither makes nor changes it just now.
    """

    id: str
    name: str
    latest_model: bool
    health: str
    address: str
    build: str = ""
    protection: str = ""
    image_id: str = ""
    size: str = ""
    settled: bool = True

    @property
    def to_upgrade(self) -> bool:
        """Whether an upgrade is due and may be: it lacks the latest model."""
        return not self.latest_model and self.protection != ACTIONS

    @property
    def healthy(self) -> bool:
        """Whether Azure counts the instance as healthy."""
        return self.health == HEALTHY


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployed:
    """The scale set as it was seen.

    Attributes:
        image_id: Image of its model.
        build: Build id of its tags; "" when it carries none.
        capacity: Instances that it is to have.
        size: VM size of an instance.
        repairs: Whether automatic repairs are on while no release runs.
        ssh_key: Public key of its administrator, or "".
        site_url: Address of the site on the load balancer.
        policy: Its upgrade policy, as Azure's JSON has it.
        noticed: Whether its model lets instances be told before they are deleted.
    """

    image_id: str
    build: str
    capacity: int
    size: str
    repairs: bool
    ssh_key: str
    site_url: str
    instances: tuple[Instance, ...]
    tags: Mapping[str, str]
    policy: Mapping[str, Any] = field(default_factory=dict)
    noticed: bool = False

    @property
    def mode(self) -> str:
        """Mode of the upgrade policy: Manual, Rolling or Automatic."""
        return str(self.policy.get("mode") or "Manual")

    def with_instances(self, instances: tuple[Instance, ...]) -> Deployed:
        """Return it with other instances, or with the same ones seen later."""
        return replace(self, instances=instances)

    @property
    def last_passed(self) -> str:
        """Build of the last release that passed here: this one or an earlier one."""
        if self.tags.get(tags.VERDICT) == tags.PASSED:
            return self.build
        return self.tags.get(tags.LAST_PASSED, "")

    @property
    def last_image(self) -> str:
        """Image of the build that passed last here, or ""."""
        if self.tags.get(tags.VERDICT) == tags.PASSED:
            return self.image_id
        return self.tags.get(tags.LAST_IMAGE, "")

    def to_go_back_to(self) -> Deployed:
        """Return what a rollback brings back.

        That is what was seen, unless it is known never to have passed: a release that
        was killed leaves such a build behind. Then it is the last one that passed, on
        the image that the tags name, else on that of its name in the same gallery.
        """
        good = self.last_passed
        if good in ("", self.build):
            return self
        gallery = self.image_id.rpartition("/")[0]
        kept = {
            name: value
            for name, value in self.tags.items()
            if name not in (tags.DIGEST, tags.COMMIT, tags.LAST_PASSED, tags.LAST_IMAGE)
        }
        return replace(
            self,
            image_id=self.last_image or f"{gallery}/{good}",
            build=good,
            tags={**kept, tags.BUILD: good, tags.VERDICT: tags.PASSED},
        )

    @property
    def summary(self) -> str:
        """Instances and address, in words."""
        return f"{len(self.instances)} instances at {self.site_url}"

    def to_json(self) -> dict[str, Any]:
        """Return it for a journal."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Deployed:
        """Read what `to_json` returned."""
        values = {name: value for name, value in raw.items() if name != "schema"}
        values["instances"] = tuple(Instance(**item) for item in raw["instances"])
        return cls(**values)
