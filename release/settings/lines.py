"""Pure: TOML text in, the line of each key out.

The reader of the standard library knows no positions. This scanner reads only
as much of TOML as it takes to tell keys from values, and stops at the first
thing that is none of its business: `tomllib` says what is wrong with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

Path = tuple[str | int, ...]

_TOKEN = re.compile(
    r"""(?P<skip>[ \t\r]+|\#[^\n]*)
    |(?P<newline>\n)
    |(?P<string>\"{3}(?:\\.|[^\\])*?\"{3,5}|'{3}.*?'{3,5}
        |"(?:\\.|[^"\\\n])*"|'[^'\n]*')
    |(?P<mark>[\[\]{}=,.])
    |(?P<bare>[^\s\[\]{}=,.\#"']+)""",
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A key or table header of the text."""

    path: Path
    line: int


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


class _Stopped(Exception):
    """The text does not go on as TOML does."""


def keys(text: str) -> list[Key]:
    """Return every key of the text in order, those of inline tables too."""
    return list(_Scanner(text).keys())


def line_of(found: list[Key], path: Path) -> int | None:
    """Return the line of a path, or of the nearest table around it."""
    lines = {key.path: key.line for key in reversed(found)}
    for end in range(len(path), 0, -1):
        if path[:end] in lines:
            return lines[path[:end]]
    return None


class _Scanner:
    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._arrays: dict[Path, int] = {}

    def keys(self) -> Iterator[Key]:
        """Yield keys until the end, or until something is no TOML."""
        table: Path = ()
        try:
            while self._peek().kind != "end":
                if self._peek().kind == "newline":
                    self._next()
                elif self._peek().text == "[":
                    table = self._header()
                    yield Key(path=table, line=self._tokens[self._at - 1].line)
                else:
                    yield from self._pair(table)
        except _Stopped:
            return

    def _peek(self) -> _Token:
        return self._tokens[self._at]

    def _next(self) -> _Token:
        token = self._tokens[self._at]
        self._at += token.kind != "end"
        return token

    def _expect(self, mark: str) -> None:
        if self._next().text != mark:
            raise _Stopped

    def _header(self) -> Path:
        self._expect("[")
        of_array = self._peek().text == "["
        if of_array:
            self._next()
        path = self._inside(self._dotted())
        self._expect("]")
        if of_array:
            self._expect("]")
            self._arrays[path] = self._arrays.get(path, -1) + 1
            path = (*path, self._arrays[path])
        return path

    def _inside(self, path: Path) -> Path:
        """Step into the last element of each array of tables on the way."""
        whole: Path = ()
        for part in path:
            if whole in self._arrays:
                whole = (*whole, self._arrays[whole])
            whole = (*whole, part)
        return whole

    def _dotted(self) -> Path:
        parts = [self._name()]
        while self._peek().text == ".":
            self._next()
            parts.append(self._name())
        return tuple(parts)

    def _name(self) -> str:
        token = self._next()
        if token.kind == "bare":
            return token.text
        if token.kind != "string":
            raise _Stopped
        if token.text.startswith("'"):
            return token.text[1:-1]
        try:
            return str(json.loads(token.text))
        except ValueError as error:
            raise _Stopped from error

    def _pair(self, table: Path) -> Iterator[Key]:
        line = self._peek().line
        path = (*table, *self._dotted())
        self._expect("=")
        yield Key(path=path, line=line)
        yield from self._value(path)

    def _value(self, path: Path) -> Iterator[Key]:
        opening = self._peek().text
        if opening == "[":
            yield from self._array(path)
        elif opening == "{":
            yield from self._inline_table(path)
        else:
            self._scalar()

    def _scalar(self) -> None:
        if self._next().kind not in {"string", "bare"}:
            raise _Stopped
        # Numbers and times hold dots, and a time may hold a space.
        while self._peek().kind == "bare" or self._peek().text == ".":
            self._next()

    def _array(self, path: Path) -> Iterator[Key]:
        self._expect("[")
        index = 0
        while True:
            while self._peek().kind == "newline" or self._peek().text == ",":
                self._next()
            if self._peek().text == "]":
                self._next()
                return
            yield Key(path=(*path, index), line=self._peek().line)
            yield from self._value((*path, index))
            index += 1

    def _inline_table(self, path: Path) -> Iterator[Key]:
        self._expect("{")
        while True:
            while self._peek().kind == "newline" or self._peek().text == ",":
                self._next()
            if self._peek().text == "}":
                self._next()
                return
            yield from self._pair(path)


def _tokens(text: str) -> Iterator[_Token]:
    at, line = 0, 1
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            break
        kind = found.lastgroup or ""
        if kind != "skip":
            yield _Token(kind, found[0], line)
        line += found[0].count("\n")
        at = found.end()
    yield _Token("end", "", line)
