"""Machines that may be had, and images that go together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from release.preflight import Finding, Plan, Severity
from release.preflight.machines import fits, offered, quotas
from release.preflight.seen import Bootable, Size, Usage
from release.settings import Environment

ENV = Environment.model_validate(
    {
        "cloud": "azure",
        "resource_group": "shop",
        "image_resource_group": "shop",
        "scale_set": "web",
        "gallery": "shop",
        "image_definition": "shop",
        "instance_size": "Standard_D2s_v5",
    }
)
TEMPLATE = {
    "resources": [
        {
            "type": "Microsoft.Compute/virtualMachineScaleSets",
            "properties": {"virtualMachineProfile": {}},
        }
    ]
}
PLAN = Plan(
    environment="qa",
    env=ENV,
    build="2026.1125.1",
    account="shop",
    definition="",
    builder_size="Standard_B2s",
    base=None,
    template=TEMPLATE,
    values={},
    image="",
    others=[],
    running=3,
    wanted=3,
)
SIZES = {
    name.lower(): Size(
        name=name, family=family, cores=2, zones=frozenset("12"), generations=("V2",)
    )
    for name, family in (("Standard_B2s", "bs"), ("Standard_D2s_v5", "dsv5"))
}
DEFINITION = Bootable(name="definition shop", generation="V2", state="Generalized")


def usages(**left: int) -> dict[str, Usage]:
    """So many cores are left of each quota."""
    return {
        name: Usage(name=name, text=name, used=10, limit=10 + count)
        for name, count in left.items()
    }


@pytest.mark.parametrize(
    ("left", "short"),
    [
        pytest.param({"cores": 2, "bs": 2, "dsv5": 0}, [], id="just-enough"),
        pytest.param({"cores": 1, "bs": 2}, ["cores"], id="region"),
        pytest.param({"cores": 9, "bs": 1}, ["bs"], id="family"),
        pytest.param({}, [], id="a-region-that-tells-none"),
    ],
)
def test_an_upgrade_in_place_needs_the_builder_s_cores_only(
    left: dict[str, int], short: list[str]
) -> None:
    found = quotas(PLAN, SIZES, usages(**left))
    assert [one.where for one in found] == [f"{name} in westeurope" for name in short]


@pytest.mark.parametrize(
    ("fallback", "severity"), [("stop", Severity.STOPS), ("warn", Severity.WARNS)]
)
def test_a_surge_without_room_stops_unless_it_may_go_on_in_place(
    fallback: str, severity: Severity
) -> None:
    rollout = ENV.rollout.model_copy(update={"surge_fallback": fallback})
    env = ENV.model_copy(update={"rollout": rollout})
    plan = replace(PLAN, env=env, surge=2)
    (found,) = quotas(plan, SIZES, usages(cores=9, bs=2, dsv5=3))
    assert found == Finding(
        what="core quota",
        where="dsv5 in westeurope",
        limit="13",
        actual="10 used, 4 more needed (surge 4)",
        fix="ask for more quota (portal: Quotas), remove machines that are not "
        "needed, or choose a smaller size in release.toml",
        severity=severity,
    )


def test_only_the_zones_that_are_wanted_count() -> None:
    plan = replace(PLAN, values={"zones": ["1", "2"]})
    assert list(offered(plan, SIZES)) == []
    (found,) = offered(replace(PLAN, values={"zones": ["2", "3"]}), SIZES)
    assert found.actual == "not to be had in zone 3"


def test_what_only_packer_knows_is_not_judged() -> None:
    plan = replace(PLAN, builder_size="")
    assert list(offered(plan, {"standard_d2s_v5": SIZES["standard_d2s_v5"]})) == []
    assert list(quotas(plan, SIZES, usages(cores=0))) == []


@pytest.mark.parametrize(
    ("security", "model", "good"),
    [
        ("", "Standard", True),
        ("", "TrustedLaunch", False),
        ("TrustedLaunch", "Standard", False),
        ("TrustedLaunch", "TrustedLaunch", True),
        ("TrustedLaunchSupported", "Standard", True),
        ("TrustedLaunchSupported", "TrustedLaunch", True),
        ("TrustedLaunchSupported", "ConfidentialVM", False),
        ("TrustedLaunchAndConfidentialVmSupported", "ConfidentialVM", True),
        ("ConfidentialVM", "TrustedLaunch", False),
    ],
)
def test_a_definition_says_which_security_its_instances_may_have(
    security: str, model: str, *, good: bool
) -> None:
    profile = {"securityProfile": {"securityType": model}}
    resource = {
        "type": "Microsoft.Compute/virtualMachineScaleSets",
        "properties": {"virtualMachineProfile": profile},
    }
    plan = replace(PLAN, template={"resources": [resource]})
    found = fits(plan, SIZES, replace(DEFINITION, security=security), None)
    assert ([one.what for one in found] == []) is good


def test_a_sku_is_read_with_its_restrictions() -> None:
    read = Size.of(
        {
            "name": "Standard_B2s",
            "family": "standardBSFamily",
            "locationInfo": [{"location": "westeurope", "zones": ["1", "2", "3"]}],
            "capabilities": [
                {"name": "vCPUs", "value": "2"},
                {"name": "HyperVGenerations", "value": "V1,V2"},
                {"name": "TrustedLaunchDisabled", "value": "True"},
            ],
            "restrictions": [
                {
                    "type": "Zone",
                    "values": ["westeurope"],
                    "restrictionInfo": {"locations": ["westeurope"], "zones": ["2"]},
                    "reasonCode": "NotAvailableForSubscription",
                }
            ],
        }
    )
    assert read == Size(
        name="Standard_B2s",
        family="standardBSFamily",
        cores=2,
        zones=frozenset("13"),
        generations=("V1", "V2"),
        architecture="x64",
        trusted_launch=False,
    )
