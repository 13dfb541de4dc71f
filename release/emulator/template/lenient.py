"""A JSON reader as forgiving as the one Azure Resource Manager uses.

Azure's command-line client sends the text of a template file verbatim inside the
body: with its comments, under an unquoted property name. Accepted beyond JSON: a byte
order mark, ``//`` and ``/* */`` comments, unquoted and single-quoted names, strings in
single quotes, raw line breaks in strings, and a trailing comma.
"""

from __future__ import annotations

import json
import re
from typing import Final

from release.emulator.template.values import Json

MOST_LEVELS: Final = 200
"""Of arrays and objects in each other; what walks through a body recurses."""
_SKIPPED: Final = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"' + r"|'((?:[^'\\]|\\.)*)'", re.DOTALL)
_WORD: Final = re.compile(r"[A-Za-z_$][\w$.-]*")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_PLAIN: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS: Final = {"true": True, "false": False, "null": None, "undefined": None}


class UnreadableJson(ValueError):
    """The text is not JSON, however forgivingly it is read.

    Args:
        what: What was met.
        text: The whole text.
        at: Zero-based offset of the place.
        path: Where in the document, such as ``properties.template``.
    """

    def __init__(self, what: str, text: str, at: int, path: str) -> None:
        line = text.count("\n", 0, at) + 1
        column = at - (text.rfind("\n", 0, at) + 1)
        super().__init__(f"{what}. Path '{path}', line {line}, position {column}.")


def loads(text: str | bytes) -> Json:
    """Read JSON, forgiving what Azure forgives.

    Raises:
        UnreadableJson: With the path, line and position of the fault.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig", errors="replace")
    text = text.removeprefix("\ufeff")
    try:
        read = _read(text)
    except RecursionError:
        raise _too_deep(text) from None
    if _levels_exceed(read, MOST_LEVELS):
        raise _too_deep(text)
    return read


def _too_deep(text: str) -> UnreadableJson:
    what = f"The reader's MaxDepth of {MOST_LEVELS} has been exceeded"
    return UnreadableJson(what, text, 0, "")


def _levels_exceed(value: Json, most: int) -> bool:
    level: list[Json] = [[value]]
    for _ in range(most + 1):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
    return bool(level)


def _read(text: str) -> Json:
    try:
        return json.loads(text, strict=False)
    except ValueError:
        return _Reader(text).document()


class _Reader:
    """A recursive-descent reader over one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.path: list[str] = []

    def document(self) -> Json:
        value = self.value()
        if self.peek():
            raise self.fault("Additional text encountered after finished reading JSON")
        return value

    def fault(self, what: str) -> UnreadableJson:
        path = "".join(self.path).removeprefix(".")
        return UnreadableJson(what, self.text, min(self.at, len(self.text)), path)

    def peek(self) -> str:
        skipped = _SKIPPED.match(self.text, self.at)
        self.at = skipped.end() if skipped else self.at
        return self.text[self.at : self.at + 1]

    def value(self) -> Json:
        mark = self.peek()
        if mark == "{":
            return self.mapping()
        if mark == "[":
            return self.sequence()
        if mark in {'"', "'"}:
            return self.string()
        if number := _NUMBER.match(self.text, self.at):
            self.at = number.end()
            whole = number[1] is None and number[2] is None
            return int(number[0]) if whole else float(number[0])
        word = _WORD.match(self.text, self.at)
        if word and word[0] in _WORDS:
            self.at = word.end()
            return _WORDS[word[0]]
        if not mark:
            raise self.fault("Unexpected end when reading JSON")
        raise self.fault(
            f"Unexpected character encountered while parsing value: {mark}"
        )

    def string(self) -> str:
        found = _STRING.match(self.text, self.at)
        if not found:
            raise self.fault("Unterminated string")
        self.at = found.end()
        raw = found[1] if found[1] is not None else found[2]
        if "\\" not in raw:
            return raw
        replaced = _ESCAPE.sub(_unescaped, raw)
        if any("\ud800" <= mark <= "\udfff" for mark in replaced):
            return replaced.encode("utf-16", "surrogatepass").decode(
                "utf-16", "replace"
            )
        return replaced

    def name(self) -> str:
        mark = self.peek()
        if mark in {'"', "'"}:
            return self.string()
        if word := _WORD.match(self.text, self.at):
            self.at = word.end()
            return word[0]
        raise self.fault(
            f"Invalid property identifier character: {mark}"
            if mark
            else "Unexpected end when reading JSON"
        )

    def mapping(self) -> dict[str, Json]:
        self.at += 1
        read: dict[str, Json] = {}
        while self.peek() != "}":
            name = self.name()
            self.path.append(f".{name}")
            if self.peek() != ":":
                raise self.fault(
                    f"Invalid character after parsing property name. "
                    f"Expected ':' but got: {self.peek()}"
                )
            self.at += 1
            read[name] = self.value()
            self.path.pop()
            self.next_or_end("}")
        self.at += 1
        return read

    def sequence(self) -> list[Json]:
        self.at += 1
        read: list[Json] = []
        while self.peek() != "]":
            self.path.append(f"[{len(read)}]")
            read.append(self.value())
            self.path.pop()
            self.next_or_end("]")
        self.at += 1
        return read

    def next_or_end(self, end: str) -> None:
        mark = self.peek()
        if mark == ",":
            self.at += 1
        elif mark != end:
            raise self.fault(
                f"After parsing a value an unexpected character was encountered: {mark}"
                if mark
                else "Unexpected end of content while loading JObject"
            )


def _unescaped(found: re.Match[str]) -> str:
    escape = found[1]
    if escape[0] == "u" and len(escape) > 1:
        return chr(int(escape[1:], 16))
    return _PLAIN.get(escape, escape)
