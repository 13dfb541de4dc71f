"""What differs between two bodies: values in, property changes out."""

from __future__ import annotations

from typing import Any

import pytest

from release.emulator.resources.deployments.diff import differences


def change(path: str, what: str, **values: Any) -> dict[str, Any]:
    named = {"before": None, "after": None, "children": None, **values}
    return {"path": path, "propertyChangeType": what, **named}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param({}, {}, [], id="nothing"),
        pytest.param({"a": {"b": [1, None]}}, {"a": {"b": [1, None]}}, [], id="same"),
        pytest.param(
            {"sku": {"capacity": 4}},
            {"sku": {"capacity": 2}},
            [change("sku.capacity", "Modify", before=4, after=2)],
            id="a-number",
        ),
        pytest.param(
            {"tags": {"a": "1", "b": "2"}},
            {"tags": {"A": "1", "c": "3"}},
            [
                change("tags.c", "Create", after="3"),
                change("tags.b", "Delete", before="2"),
            ],
            id="names-in-any-case",
        ),
        pytest.param(
            {"id": "/subscriptions/S/resourceGroups/Web"},
            {"id": "/subscriptions/s/resourcegroups/web"},
            [],
            id="ids-in-any-case",
        ),
        pytest.param(
            {"a": True},
            {"a": 1},
            [change("a", "Modify", before=True, after=1)],
            id="kinds-count",
        ),
        pytest.param({"a": None}, {"b": None}, [], id="null-is-absent"),
        pytest.param({"a": {}, "b": 0}, {"c": [], "b": 0}, [], id="so-is-empty"),
        pytest.param(
            {"zones": ["1", "2"]},
            {"zones": ["2", "3"]},
            [
                change(
                    "zones",
                    "Array",
                    children=[
                        change("1", "Create", after="3"),
                        change("0", "Delete", before="1"),
                    ],
                )
            ],
            id="plain-elements",
        ),
        pytest.param(
            {"rules": [{"name": "http", "port": 80}, {"name": "old", "port": 1}]},
            {"rules": [{"name": "new", "port": 2}, {"name": "http", "port": 8080}]},
            [
                change(
                    "rules",
                    "Array",
                    children=[
                        change("0", "Create", after={"name": "new", "port": 2}),
                        change(
                            "1",
                            "Modify",
                            children=[change("port", "Modify", before=80, after=8080)],
                        ),
                        change("1", "Delete", before={"name": "old", "port": 1}),
                    ],
                )
            ],
            id="elements-with-names",
        ),
    ],
)
def test_every_difference_is_told_once_with_its_path(
    before: Any, after: Any, told: Any
) -> None:
    assert differences(before, after) == told
