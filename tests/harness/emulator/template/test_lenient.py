"""The forgiving JSON reader."""

from __future__ import annotations

import json
from typing import Any

import pytest

from release.emulator.template.lenient import UnreadableJson, loads


@pytest.mark.parametrize(
    ("text", "result"),
    [
        pytest.param('{"a": [1, 2.5, null]}', {"a": [1, 2.5, None]}, id="plain"),
        pytest.param('\ufeff{"a": 1}', {"a": 1}, id="byte-order-mark"),
        pytest.param(b'\xef\xbb\xbf{"a": 1}', {"a": 1}, id="byte-order-mark-in-bytes"),
        pytest.param(
            '{"properties": {"mode": "Incremental", template:{ // why\n "a": 1 }}}',
            {"properties": {"mode": "Incremental", "template": {"a": 1}}},
            id="as-the-command-line-client-sends-it",
        ),
        pytest.param('/* a */ {"a" /* b */ : /**/ 1}', {"a": 1}, id="block-comments"),
        pytest.param(
            '{"a": "http://x/*y*/"} // end', {"a": "http://x/*y*/"}, id="not-a-comment"
        ),
        pytest.param("{'a': 'it\"s'}", {"a": 'it"s'}, id="single-quotes"),
        pytest.param('{"a": "one\ntwo"}', {"a": "one\ntwo"}, id="raw-line-break"),
        pytest.param('{a: "one\n\\ttwo"}', {"a": "one\n\ttwo"}, id="both"),
        pytest.param(
            "[1, -2.5e3, true, false, null,]",
            [1, -2500, True, False, None],
            id="trailing-comma",
        ),
        pytest.param('{x: "\\u00e9\\ud83d\\ude00"}', {"x": "é😀"}, id="escapes"),
        pytest.param("{}", {}, id="empty"),
    ],
)
def test_what_the_resource_manager_forgives_is_read(text: Any, result: Any) -> None:
    assert loads(text) == result


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "",
            "Unexpected end when reading JSON. Path '', line 1, position 0.",
            id="nothing",
        ),
        pytest.param(
            '{\n "a": {"b": [1,\n  x]}}',
            "Unexpected character encountered while parsing value: x. "
            "Path 'a.b[1]', line 3, position 2.",
            id="a-word",
        ),
        pytest.param(
            '{"a": 1 "b": 2}',
            'After parsing a value an unexpected character was encountered: ". '
            "Path '', line 1, position 8.",
            id="no-comma",
        ),
        pytest.param(
            '{"a" 1}',
            "Invalid character after parsing property name. Expected ':' but got: 1. "
            "Path 'a', line 1, position 5.",
            id="no-colon",
        ),
        pytest.param(
            '{"a": 1} 2',
            "Additional text encountered after finished reading JSON. "
            "Path '', line 1, position 9.",
            id="more",
        ),
        pytest.param(
            '{"a": "b',
            "Unterminated string. Path 'a', line 1, position 6.",
            id="open-string",
        ),
        pytest.param(
            "{a:" * 5000,
            "The reader's MaxDepth of 200 has been exceeded. Path '', line 1, position "
            "0.",
            id="too-deep-to-read",
        ),
        pytest.param(
            '{"a": ' + "[" * 200 + "]" * 200 + "}",
            "The reader's MaxDepth of 200 has been exceeded. Path '', line 1, position "
            "0.",
            id="too-deep",
        ),
    ],
)
def test_a_fault_is_named_with_path_line_and_position(text: str, message: str) -> None:
    with pytest.raises(UnreadableJson) as caught:
        loads(text)
    assert str(caught.value) == message


def test_what_is_as_deep_as_may_be_is_read() -> None:
    text = '{"a": ' + "[" * 199 + "]" * 199 + "}"
    assert loads(text) == json.loads(text)
