"""What a scale set must be, to be released to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from release.preflight import Finding, Plan, Severity
from release.preflight.plan import Source
from release.preflight.seen import Promoted, ScaleSet
from release.preflight.standing import image, promotion, scale_set
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


PROMOTES = replace(PLAN, source=Source(environment="stage", env=ENV, subscription="s"))
HELD_UP = Promoted(
    version="1.0.0",
    others=1,
    build="2026.1125.95900",
    passed="2026.1125.101500",
    states={"westeurope": "Replicating"},
)


def test_an_image_that_may_be_baked_is_not_named_ahead() -> None:
    assert image(PLAN, None) == "baked, unless shop/shop has one of the same recipe"


def test_an_image_that_still_replicates_is_said_to() -> None:
    assert image(PROMOTES, HELD_UP) == (
        "1.0.0 of shop/shop, baked by build 2026.1125.95900, passed in stage with its "
        "build 2026.1125.101500; it is on its way to westeurope: Replicating"
    )
    assert list(promotion(PROMOTES, HELD_UP)) == []


def test_an_image_whose_replication_failed_stops_the_release() -> None:
    (found,) = promotion(PROMOTES, replace(HELD_UP, states={"westeurope": "Failed"}))
    assert found == Finding(
        what="image to release",
        where="shop/shop/1.0.0",
        limit="replicated to westeurope",
        actual="its replication there has failed",
        fix="look at the version's replication status in the portal, and have it "
        "replicated there again; or release to stage anew: pytest --env stage",
    )
