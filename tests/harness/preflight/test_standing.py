"""What a scale set must be, to be released to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from release.preflight import Finding, Plan, Severity
from release.preflight.seen import ScaleSet
from release.preflight.standing import scale_set
from release.settings import Environment

ENV = Environment.model_validate(
    {
        "cloud": "azure",
        "resource_group": "shop",
        "image_resource_group": "shop",
        "scale_set": "web",
        "gallery": "shop",
        "image_definition": "shop",
    }
)
PLAN = Plan(
    environment="qa",
    env=ENV,
    build="2026.1125.1",
    account="shop",
    definition="",
    builder_size="Standard_B2s",
    base=None,
    template={"resources": []},
    values={},
    image="",
    others=[],
    wanted=2,
)
GOOD = ScaleSet(
    name="web",
    location="westeurope",
    mode="Uniform",
    state="Succeeded",
    policy="Manual",
)
WARNS, STOPS = Severity.WARNS, Severity.STOPS


def amiss(what: str, limit: str, actual: str, fix: str, severity: Severity) -> Finding:
    return Finding(
        what=what,
        where="scale set web",
        limit=limit,
        actual=actual,
        fix=fix,
        severity=severity,
    )


def test_one_that_is_at_rest_is_good() -> None:
    assert list(scale_set(PLAN, GOOD)) == []


def test_none_yet_is_good() -> None:
    assert list(scale_set(PLAN, None)) == []


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        pytest.param(
            {"mode": "Flexible"},
            amiss(
                "orchestration mode",
                "Uniform",
                "Flexible",
                "name another scale_set in release.toml: the mode of one that exists "
                "cannot be changed",
                STOPS,
            ),
            id="flexible",
        ),
        pytest.param(
            {"location": "eastus"},
            amiss(
                "location",
                "westeurope",
                "eastus",
                'set location = "eastus" in release.toml',
                STOPS,
            ),
            id="elsewhere",
        ),
        pytest.param(
            {"state": "Deleting"},
            amiss(
                "state",
                "there to stay",
                "it is being deleted",
                "wait until it is gone: the next release makes it again",
                STOPS,
            ),
            id="going",
        ),
        pytest.param(
            {"state": "Updating"},
            amiss(
                "state",
                "Succeeded",
                "Updating",
                "look at its activity log: another operation is at work, or the last "
                "one failed; requests that collide are sent again for a while",
                WARNS,
            ),
            id="busy",
        ),
        pytest.param(
            {"policy": "Automatic"},
            amiss(
                "upgrade policy",
                "Manual or Rolling",
                "Automatic: a change of the model takes down all instances",
                "nothing: this release sets it to Manual",
                WARNS,
            ),
            id="automatic",
        ),
    ],
)
def test_what_is_amiss_is_named(changed: dict[str, str], found: Finding) -> None:
    assert list(scale_set(PLAN, replace(GOOD, **changed))) == [found]  # type: ignore[arg-type]


def test_protected_instances_are_named() -> None:
    (found,) = scale_set(replace(PLAN, protected=["web_1", "web_3"]), GOOD)
    assert found == Finding(
        what="protected instances",
        where="scale set web: web_1, web_3",
        limit="none",
        actual="protected from upgrades, as from all that a scale set does",
        fix="lift it, with the instance's ID: az vmss update -g shop -n web "
        "--instance-id ID --protect-from-scale-set-actions false",
    )
