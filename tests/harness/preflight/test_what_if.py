"""What a deployment would change, in short; what of it deletes; what is masked."""

from __future__ import annotations

from typing import Any

import pytest

from release.preflight.what_if import WhatIf

GROUP = "/subscriptions/s/resourceGroups/g"
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/web-vnet"


def change(kind: str, *delta: dict[str, Any], of: str = NETWORK) -> dict[str, Any]:
    return {
        "resourceId": of,
        "changeType": kind,
        "before": None,
        "after": None,
        "delta": list(delta) or None,
    }


def prop(
    path: str,
    kind: str,
    *children: dict[str, Any],
    before: Any = None,
    after: Any = None,
) -> dict[str, Any]:
    return {
        "path": path,
        "propertyChangeType": kind,
        "before": before,
        "after": after,
        "children": list(children) or None,
    }


def what_if(*changes: dict[str, Any]) -> WhatIf:
    return WhatIf.of(changes, note="")


def test_changes_are_counted_by_what_they_do() -> None:
    kinds = ("NoChange", "Create", "Modify", "NoEffect", "Create", "Ignore", "Delete")
    assert what_if(*map(change, kinds)).summary == (
        "2 to create, 1 to delete, 1 to modify, 2 unchanged, 1 left alone"
    )


def test_a_deployment_of_nothing_says_so() -> None:
    assert what_if().summary == "no resource"


def test_a_line_names_the_resource_and_its_first_properties() -> None:
    modified = change("Modify", *(prop(f"tags.{n}", "Create") for n in range(6)))
    assert what_if(
        change("NoChange"), modified, change("Create", of=GROUP)
    ).lines() == [
        "~ virtualNetworks/web-vnet: tags.0, tags.1, tags.2, tags.3 and 2 more",
        "+ resourceGroups/g",
    ]


SUBNETS = prop(
    "properties.subnets",
    "Array",
    prop("0", "Modify", prop("properties.tag", "Delete", before={"name": "noise"})),
    prop("1", "Delete", before={"name": "database", "properties": {}}),
    prop("2", "Delete", before={"properties": "without a name"}),
)


@pytest.mark.parametrize(
    ("changes", "deleted"),
    [
        pytest.param(
            [change("Delete")], ["virtualNetworks/web-vnet"], id="whole-resource"
        ),
        pytest.param(
            [change("Modify", SUBNETS)],
            ["virtualNetworks/web-vnet/subnets/database"],
            id="named-element-of-a-list",
        ),
        pytest.param(
            [change("Modify", prop("properties.dns", "Delete", before={"name": "a"}))],
            [],
            id="property-that-the-template-leaves-out",
        ),
        pytest.param([change("Create"), change("NoChange")], [], id="nothing"),
    ],
)
def test_deletions_are_resources_and_named_parts_of_them(
    changes: list[dict[str, Any]], deleted: list[str]
) -> None:
    assert what_if(*changes).deletions([]) == deleted


def test_an_element_of_an_element_is_found() -> None:
    rules = prop("properties.rules", "Array", prop("0", "Delete", before={"name": "r"}))
    nested = prop("properties.pools", "Array", prop("0", "Modify", rules))
    assert what_if(change("Modify", nested)).deletions([]) == [
        "virtualNetworks/web-vnet/rules/r"
    ]


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        ("*", True),
        ("virtualnetworks/*/SUBNETS/database", True),
        ("*/subnets/data", False),
        ("database", False),
    ],
)
def test_a_pattern_allows_a_deletion_by_its_whole_name(
    pattern: str, *, allowed: bool
) -> None:
    found = what_if(change("Modify", SUBNETS)).deletions([pattern])
    assert (found == []) is allowed


def test_secrets_are_masked_wherever_they_stand() -> None:
    secret = "s3cret!"
    kept = what_if(
        {
            **change(
                "Create",
                prop("properties.osProfile.adminPassword", "Modify", before=secret),
            ),
            "after": {
                "osProfile": {"adminPassword": secret, "customData": secret},
                "protectedSettings": {"key": secret},
                "disablePasswordAuthentication": True,
            },
        }
    )
    assert secret not in str(kept.to_json())
    assert kept.changes[0]["after"]["disablePasswordAuthentication"] is True


def test_it_round_trips() -> None:
    kept = WhatIf.of([change("Modify", SUBNETS)], note="a note")
    assert WhatIf.from_json(kept.to_json()) == kept
