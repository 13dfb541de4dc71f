import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.settings.lines import keys, line_of


def paths(text: str) -> dict[tuple[str | int, ...], int]:
    tomllib.loads(text)
    return {key.path: key.line for key in keys(text)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", {}, id="nothing"),
        pytest.param("a = 1\n\nb = 2", {("a",): 1, ("b",): 3}, id="pairs"),
        pytest.param("[a]\nb.c = 1", {("a",): 1, ("a", "b", "c"): 2}, id="dotted"),
        pytest.param(
            '# one\n[env.qa.load.thresholds."GET /"] # two\np95_ms = 1.5',
            {
                ("env", "qa", "load", "thresholds", "GET /"): 2,
                ("env", "qa", "load", "thresholds", "GET /", "p95_ms"): 3,
            },
            id="quoted-header",
        ),
        pytest.param(
            "a = { b = 1, c = 2 }",
            dict.fromkeys([("a",), ("a", "b"), ("a", "c")], 1),
            id="inline-table",
        ),
        pytest.param(
            "a = [\n  1, # one\n  [2],\n]\nb = 1",
            {("a",): 1, ("a", 0): 2, ("a", 1): 3, ("a", 1, 0): 3, ("b",): 5},
            id="array-over-lines",
        ),
        pytest.param(
            'a = """\nb = 1 "" \\"""\n[c]\n"""\nd = \'\'\'\n=\n\'\'\'\ne = 1',
            {("a",): 1, ("d",): 5, ("e",): 8},
            id="text-over-lines",
        ),
        pytest.param(
            "[[a]]\nb = 1\n[[a]]\nb = 2",
            {("a", 0): 1, ("a", 0, "b"): 2, ("a", 1): 3, ("a", 1, "b"): 4},
            id="array-of-tables",
        ),
        pytest.param(
            "a = 1979-05-27 07:32:00\nb = 3.5e-2\n'c d' = -inf",
            {("a",): 1, ("b",): 2, ("c d",): 3},
            id="numbers-and-times",
        ),
        pytest.param("a = 1\r\nb = 2\r\n", {("a",): 1, ("b",): 2}, id="windows-ends"),
    ],
)
def test_each_key_has_its_line(
    text: str, expected: dict[tuple[str | int, ...], int]
) -> None:
    assert paths(text) == expected


def test_a_key_that_is_missing_stands_where_its_table_does() -> None:
    found = keys("\n[env.qa]\na = 1")

    assert line_of(found, ("env", "qa", "load", "users")) == 2
    assert line_of(found, ("image",)) is None


@given(st.text())
def test_any_text_can_be_scanned(text: str) -> None:
    assert isinstance(keys(text), list)
