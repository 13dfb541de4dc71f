"""The preflight of a release of what passed in another environment."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from release import planning, settings
from release.azure.clients import Azure
from release.azure.ids import group_id
from release.builds import Build
from release.preflight import Finding, Preflight, Severity, examine
from tests.harness.entra import Principal

PROD = "22222222-2222-2222-2222-222222222223"
COUNT = itertools.count(1)
TOML = """
[env.{name}]
cloud = "local"
subscription = "{subscription}"
location = "{location}"
resource_group = "{name}-site"
image_resource_group = "{name}-images"
scale_set = "shop"
gallery = "shop"
image_definition = "web"
"""


@dataclass
class Promotion:
    """A release to prod, in a subscription of its own, of what passed in qa."""

    azure: Azure
    plan: Any

    @property
    def group(self) -> str:
        """The group of qa's images."""
        return group_id(
            self.azure.subscription, self.plan.source.env.image_resource_group
        )

    def make(self, path: str, body: dict[str, Any]) -> None:
        """Make something in qa's gallery."""
        self.azure.resources.resources.begin_create_or_update_by_id(
            f"{self.group}/providers/Microsoft.Compute/{path}",
            {"location": "westeurope", **body},
            api_version="2024-03-03",
        ).result()

    def define(self, **properties: Any) -> None:
        """Make qa's gallery and image definition."""
        self.azure.resources.resource_groups.create_or_update(
            self.group.rpartition("/")[2], {"location": "westeurope"}
        )
        told = {
            "osType": "Linux",
            "osState": "Generalized",
            "hyperVGeneration": "V2",
            "identifier": {"publisher": "p", "offer": "o", "sku": "s"},
            **properties,
        }
        self.make("galleries/shop", {"properties": {}})
        self.make("galleries/shop/images/web", {"properties": told})

    def publish(self, *regions: str, **labels: str) -> None:
        """Publish an empty disk as version 1.0.0 of it, in these regions too."""
        self.make(
            "disks/empty",
            {
                "properties": {
                    "creationData": {"createOption": "Empty"},
                    "diskSizeGB": 4,
                }
            },
        )
        disk = {
            "source": {"id": f"{self.group}/providers/Microsoft.Compute/disks/empty"}
        }
        places = [{"name": name} for name in ("westeurope", *regions)]
        self.make(
            "galleries/shop/images/web/versions/1.0.0",
            {
                "tags": labels,
                "properties": {
                    "storageProfile": {"osDiskImage": disk},
                    "publishingProfile": {"targetRegions": places},
                },
            },
        )

    @property
    def passed(self) -> dict[str, str]:
        """The tags of an image that passed in qa."""
        return {
            "release-owner": "pytest-release",
            "release-build": "2026.1125.95900",
            "release-passed-in": f"{self.plan.source.environment}=2026.1125.101500",
        }

    def examine(self) -> Preflight:
        """Look ahead, as prod's own principal does."""
        return examine(self.azure.of(PROD), self.plan)


@pytest.fixture
def promotion(azure: Azure, tmp_path: Path) -> Promotion:
    number = next(COUNT)
    (tmp_path / "release.toml").write_text(
        TOML.format(
            name=f"qa{number}", subscription=azure.subscription, location="westeurope"
        )
        + TOML.format(name=f"prod{number}", subscription=PROD, location="northeurope")
    )
    prod = settings.load(tmp_path, f"prod{number}", options={}, variables={})
    qa = settings.source(prod, f"qa{number}", variables={})
    build = Build(id=f"2026.1125.{number}", environment=f"prod{number}", root=tmp_path)
    return Promotion(azure, planning.plan(prod, build, azure.of(PROD), None, source=qa))


def test_the_definition_that_is_looked_at_is_the_one_of_the_image(
    promotion: Promotion,
) -> None:
    promotion.define(
        features=[{"name": "SecurityType", "value": "TrustedLaunch"}],
    )
    env = promotion.plan.env.model_copy(update={"instance_size": "Standard_A2_v2"})
    nothing, security, generation, *_ = _findings(promotion, env=env)
    name = promotion.plan.source.environment
    assert security == Finding(
        what="security type",
        where="definition web",
        limit="TrustedLaunch",
        actual="the scale set's instances are Standard",
        fix=f"name another image_definition for {name}, where the image comes from, "
        "and release there; what a definition says of itself cannot be changed, or set "
        "securityProfile in the template",
    )
    assert (generation.what, generation.actual) == (
        "generation",
        "definition web is V2",
    )
    assert nothing.what == "image to release"


def test_an_environment_where_no_image_passed_is_named(promotion: Promotion) -> None:
    name = promotion.plan.source.environment
    missing = Finding(
        what="image to release",
        where="shop/web",
        limit=f"one that passed in {name}",
        actual="no images are there, none with a tag release-passed-in that says so",
        fix=f"release to {name} until it passes: pytest --env {name}",
    )
    assert promotion.examine().findings == (missing,)
    promotion.define()
    assert promotion.examine().findings == (missing,)


@pytest.mark.parametrize(
    ("regions", "arrival"),
    [
        pytest.param((), "is to be replicated to northeurope first", id="elsewhere"),
        pytest.param(("northeurope",), "is in northeurope already", id="there"),
    ],
)
def test_the_image_that_passed_is_named_with_its_build_and_its_way(
    promotion: Promotion, regions: tuple[str, ...], arrival: str
) -> None:
    promotion.define()
    promotion.publish(*regions, **promotion.passed)
    found = promotion.examine()
    assert found.findings == ()
    assert found.image == (
        "1.0.0 of shop/web, baked by build 2026.1125.95900, passed in "
        f"{promotion.plan.source.environment} with its build 2026.1125.101500; it "
        f"{arrival}"
    )
    assert Preflight.from_json(found.to_json()).image == found.image


def test_no_two_threads_of_a_preflight_read_models_of_one_package(
    promotion: Promotion,
) -> None:
    """Their first use at once is not safe; see `release.preflight.read`."""
    promotion.define()
    promotion.publish(**promotion.passed)
    threads: dict[str, set[int]] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_qualname == "Model.__new__":
            threads.setdefault(code.co_filename, set()).add(threading.get_ident())

    threading.setprofile(note)
    try:
        found = promotion.examine()
    finally:
        threading.setprofile(None)
    assert found.image
    assert sorted(len(each) for each in threads.values()) == [1, 1]


def test_an_image_whose_tags_say_nothing_is_none_that_passed(
    promotion: Promotion,
) -> None:
    promotion.define()
    promotion.publish()
    found = promotion.examine()
    assert [(one.what, one.actual) for one in found.findings] == [
        (
            "image to release",
            "1 image is there, none with a tag release-passed-in that says so",
        )
    ]
    assert found.image == ""


def test_who_may_not_use_the_gallery_is_told_where(
    promotion: Promotion, azure: Azure
) -> None:
    promotion.define()
    principal = Principal(azure)
    subscription = f"/subscriptions/{PROD}"
    principal.has(
        ("Contributor", subscription), ("Storage Blob Data Contributor", subscription)
    )
    try:
        found = promotion.examine().findings
    finally:
        principal.put(owner=True)
    role = next(one for one in found if one.what == "missing role")
    assert role.where == f"group of the image's own gallery {promotion.group}"
    assert role.severity is Severity.STOPS
    assert role.fix.endswith(f'--role "Contributor" --scope {promotion.group}')


def _findings(promotion: Promotion, **changed: Any) -> tuple[Finding, ...]:
    plan = replace(promotion.plan, **changed)
    return examine(promotion.azure.of(PROD), plan).findings
