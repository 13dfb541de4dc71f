"""Which instances a scale-in takes away, and how large a batch is."""

from __future__ import annotations

from typing import Any

import pytest

from release.emulator.errors import ArmError
from release.emulator.ids import resource_id
from release.emulator.resources.compute.model import seconds
from release.emulator.resources.compute.rolling_policy import batch_size
from release.emulator.resources.compute.scaling import to_take_away
from release.emulator.store import Resource

SCALE_SET = resource_id("s", "g", "Microsoft.Compute/virtualMachineScaleSets", "web")


def scale_set(rule: str = "Default") -> Resource:
    properties = {"scaleInPolicy": {"rules": [rule]}}
    return Resource(id=SCALE_SET, body={"properties": properties})


def instances(*zones: str, protected: tuple[int, ...] = ()) -> list[Resource]:
    found = []
    for number, zone in enumerate(zones):
        body: dict[str, Any] = {"properties": {}, "zones": [zone] if zone else []}
        if number in protected:
            body["properties"]["protectionPolicy"] = {"protectFromScaleIn": True}
        made = SCALE_SET.child("virtualMachines", str(number))
        found.append(Resource(id=made, body=body))
    return found


def taken(rule: str, there: list[Resource], count: int) -> list[str]:
    return [i.id.name for i in to_take_away(scale_set(rule), there, count)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param("Default", ["2", "1"], id="default-takes-the-newest"),
        pytest.param("NewestVM", ["2", "1"], id="newest"),
        pytest.param("OldestVM", ["0", "1"], id="oldest"),
    ],
)
def test_the_policy_orders_a_scale_in(rule: str, expected: list[str]) -> None:
    assert taken(rule, instances("", "", ""), 2) == expected


def test_zones_stay_balanced() -> None:
    assert taken("OldestVM", instances("1", "2", "2", "2"), 2) == ["1", "2"]


def test_a_protected_instance_stays() -> None:
    assert taken("Default", instances("", "", "", protected=(2,)), 1) == ["1"]


def test_a_scale_in_beyond_the_protected_is_refused() -> None:
    with pytest.raises(ArmError) as raised:
        taken("Default", instances("", "", protected=(0, 1)), 1)
    assert raised.value.message == (
        "The scale set 'web' cannot be scaled in by 1: only 0 of its 2 instances are "
        "not protected from scale-in."
    )


@pytest.mark.parametrize(
    ("instances", "percent", "expected"),
    [(2, 20, 1), (5, 20, 1), (10, 20, 2), (11, 20, 3), (3, 100, 3), (0, 20, 1)],
)
def test_a_batch_is_rounded_up(instances: int, percent: int, expected: int) -> None:
    assert batch_size(instances, percent) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("PT0S", 0), ("PT10M", 600), ("PT1H30M", 5400), ("P1DT1S", 86401)],
)
def test_durations_are_iso_8601(text: str, expected: float) -> None:
    assert seconds(text, "pause") == expected


def test_another_duration_is_refused_by_name() -> None:
    with pytest.raises(ArmError) as raised:
        seconds("10 minutes", "gracePeriod")
    assert raised.value.message == (
        "The value '10 minutes' of parameter 'gracePeriod' is invalid: expected an "
        "ISO 8601 duration such as PT30S."
    )
