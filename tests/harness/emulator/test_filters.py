"""What a list's $filter keeps, and what is no filter."""

from __future__ import annotations

import pytest

from release.emulator import filters
from release.emulator.errors import ArmError

ASKABLE = {
    "eq": ("name", "location", "tagName", "tagValue"),
    "ne": ("name", "location"),
    "substringof": ("name",),
    "startswith": ("tagName",),
}
ENTRIES = {
    "web": {"name": "Web", "location": "westus2", "tagname": "team", "tagvalue": "a"},
    "db": {"name": "db's", "location": "westus2", "tagname": "tier", "tagvalue": "b"},
    "far": {"name": "far", "location": "eastus", "tagname": "", "tagvalue": ""},
}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param("", ["web", "db", "far"], id="none"),
        pytest.param("NAME EQ 'web'", ["web"], id="case"),
        pytest.param("name eq 'db''s'", ["db"], id="quote"),
        pytest.param("location ne 'westus2'", ["far"], id="ne"),
        pytest.param("name eq 'web' or name eq 'far'", ["web", "far"], id="or"),
        pytest.param(
            "name eq 'web' and location eq 'eastus' or tagName eq 'tier'",
            ["db"],
            id="and-before-or",
        ),
        pytest.param("substringof('A', name)", ["far"], id="substringof"),
        pytest.param("startswith(tagname, 't')", ["web", "db"], id="startswith"),
        pytest.param("tagName eq 'team' and tagValue eq 'b'", [], id="both"),
        pytest.param(
            "(name EQ 'web') AND (location EQ 'westus2')", ["web"], id="parentheses"
        ),
        pytest.param(
            "( name eq 'web' or name eq 'far' ) and location eq 'eastus'",
            ["far"],
            id="or-within-and",
        ),
    ],
)
def test_a_filter_keeps_what_it_says(text: str, kept: list[str]) -> None:
    keeps = filters.read(text, ASKABLE)
    assert [name for name, facts in ENTRIES.items() if keeps(facts)] == kept


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("nonsense", id="no-clause"),
        pytest.param("kind eq 'x'", id="unknown-property"),
        pytest.param("tagName ne 'x'", id="not-of-this-property"),
        pytest.param("name eq 'x' and", id="nothing-joined"),
        pytest.param("name eq 'x' location eq 'y'", id="not-joined"),
        pytest.param("name gt 'x'", id="unknown-comparison"),
        pytest.param("(name eq 'x'", id="not-closed"),
        pytest.param("name eq 'x')", id="not-opened"),
        pytest.param("(" * 4000, id="too-deep"),
    ],
)
def test_what_is_no_filter_is_refused_and_never_everything(text: str) -> None:
    with pytest.raises(ArmError) as caught:
        filters.read(text, ASKABLE)
    assert caught.value.code == "InvalidFilterInQueryString"
    assert caught.value.message == (
        f"Invalid $filter '{text}' specified in the query string. This embedded Azure "
        "reads eq (name, location, tagName, tagValue), ne (name, location), "
        "substringof (name), startswith (tagName), joined by 'and' and 'or'."
    )
