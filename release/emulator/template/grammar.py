"""The grammar of template expressions, and the tree that parsing gives.

An expression is what stands between ``[`` and ``]`` in a string of a template:
https://learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final, TypeAlias

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from release.emulator.template.errors import Refused


@dataclass(frozen=True, slots=True)
class Literal:
    """A string or a number."""

    value: str | int | float
    offset: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; ``name`` has a dot for a user's function."""

    name: str
    arguments: tuple[Node, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Index:
    """``base.name`` or ``base[key]``; the first is the second with a literal."""

    base: Node
    key: Node
    offset: int


Node: TypeAlias = Literal | Call | Index

_GRAMMAR: Final = r"""
    ?start: expression
    ?expression: call
        | STRING -> string
        | NUMBER -> number
        | expression "." NAME -> property
        | expression "[" expression "]" -> index
    call: NAME "(" [expression ("," expression)*] ")"
        | NAME "." NAME "(" [expression ("," expression)*] ")" -> user_call
    STRING: /'(?:[^']|'')*'/
    NUMBER: /-?\d+(?:\.\d+)?/
    NAME: /[A-Za-z_$][A-Za-z0-9_$]*/
    %ignore /\s+/
"""

_TOKENS: Final = {
    "RPAR": "RightParenthesis",
    "RSQB": "RightSquareBracket",
    "$END": "EndOfData",
    "LPAR": "LeftParenthesis",
    "LSQB": "LeftSquareBracket",
    "COMMA": "Comma",
    "DOT": "Dot",
    "STRING": "LiteralString",
    "NUMBER": "LiteralInteger",
    "NAME": "Identifier",
}
"""Terminals of the grammar by the names that Azure's messages give them.

Ordered: where several could follow, the first one is the one named."""


class _Tree(Transformer[Token, Node]):
    """Turns what lark found into nodes."""

    @v_args(inline=True)
    def string(self, token: Token) -> Node:
        return Literal(token[1:-1].replace("''", "'"), token.start_pos or 0)

    @v_args(inline=True)
    def number(self, token: Token) -> Node:
        value = float(token) if "." in token else int(token)
        return Literal(value, token.start_pos or 0)

    @v_args(inline=True)
    def property(self, base: Node, name: Token) -> Node:
        at = name.start_pos or 0
        return Index(base, Literal(str(name), at), at)

    @v_args(inline=True)
    def index(self, base: Node, key: Node) -> Node:
        return Index(base, key, key.offset)

    @v_args(inline=True)
    def call(self, name: Token, *arguments: Node | None) -> Node:
        given = tuple(node for node in arguments if node is not None)
        return Call(str(name), given, name.start_pos or 0)

    @v_args(inline=True)
    def user_call(self, space: Token, name: Token, *arguments: Node | None) -> Node:
        given = tuple(node for node in arguments if node is not None)
        return Call(f"{space}.{name}", given, space.start_pos or 0)


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", transformer=_Tree(), maybe_placeholders=False)


@lru_cache(maxsize=4096)
def parse(expression: str) -> Node:
    """Parse what stands between the brackets.

    Raises:
        Refused: With what was expected, what stands there, and the place.
    """
    try:
        tree: Node = _parser().parse(expression)  # type: ignore[assignment]
    except UnexpectedInput as error:
        raise _unparsable(expression, error) from None
    return tree


def _unparsable(expression: str, error: UnexpectedInput) -> Refused:
    offset: int = error.pos_in_stream or 0  # type: ignore[redundant-expr]
    expected: set[str] = set()
    actual = "EndOfData"
    if isinstance(error, UnexpectedToken):
        expected = set(error.accepts)
        if error.token.type == "$END":
            offset = len(expression)
        else:
            actual = _TOKENS.get(error.token.type, error.token.type)
    elif isinstance(error, UnexpectedCharacters):
        expected = set(error.allowed or ())
        actual = expression[offset]
    wanted = next((name for key, name in _TOKENS.items() if key in expected), "")
    return Refused(
        f"Unable to parse language expression '{expression}': expected token "
        f"'{wanted}' and actual '{actual}'.",
        offset=offset,
    )
