"""What must not be read by others, taken out of any text before it is written.

One door: errors pass it when they are made, the journal with each event, test reports
when a test ends, and every file of a build before it is archived. Known are the values
of those process variables whose names say that they are secret, and what secrets look
like: signatures of shared access, account keys, tokens, passwords in addresses, private
keys. Pure, but for the process environment that `redact` reads.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
import sys
import threading
import traceback
import urllib.parse
import warnings
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

from release.files import write_whole

HIDDEN = "***"
LEAST = 6
"""Shorter values are no secrets: hiding them would make texts unreadable."""
NAMES = re.compile(
    r"(SECRET|PASSWORD|PASSWD|PASSPHRASE|_PASS|_PWD|TOKEN|CREDENTIALS?|SAS"
    r"|CONNECTION_?STRING|NOTIFY_URL"
    r"|(?<!PUBLIC)_KEY|(PRIVATE|ACCESS|ACCOUNT|API|STORAGE)KEY)$",
    re.IGNORECASE,
)
"""How the name of a variable ends that holds a secret."""
KEPT = ("!'()*", "!'()*;,/?:@&=+$#", "!()*;,/?:@&=+$[]")
"""What JavaScript keeps in a part of an address and in a whole one, and a browser in a
query (source: ECMA-262, "URI Handling Functions"; URL Standard, "query percent-encode
set")."""
LOOK_BYTES = 8192
"""What is looked at to tell a text from anything else: pictures have a zero there."""
_START = r"(?:(?<![\w+/-])|(?<=%[\dA-F]{2})|(?<=\\[nrt]))"
"""Where a word begins, in an address and in JSON too: ``%20eyJ``, ``\\neyJ``."""
_VALUE = r"[^&;\s\"'<>\\]+"
_NAMED = (
    "AccountKey|SharedAccessKey|SharedAccessSignature|client_secret|client_assertion"
    "|access_token|refresh_token|password"
)
_SIGNS = ("=", "%3d")
SHAPES = (
    # A key may be cut off, or stand in JSON with \n for its line ends.
    (
        ("private key",),
        r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----.*?(?:-----END \1-----|\Z)",
        HIDDEN,
    ),
    # Base64, with or without %; the fields of a CSV and of a histogram log go on.
    (
        tuple("sig" + sign for sign in _SIGNS),
        rf"{_START}(sig)(=|%3D)[\w%+/=~.-]+",
        rf"\1\2{HIDDEN}",
    ),
    (
        tuple(name.lower() + sign for name in _NAMED.split("|") for sign in _SIGNS),
        rf"{_START}({_NAMED})(=|%3D){_VALUE}",
        rf"\1\2{HIDDEN}",
    ),
    (('"',), rf'("(?:{_NAMED})"\s*:\s*")[^"]+', rf"\1{HIDDEN}"),
    (
        ("bearer",),
        rf"{_START}(bearer)(\s+|%20|\+)[\w.~+/=-]{{16,}}",
        rf"\1\2{HIDDEN}",
    ),
    (("eyj",), rf"{_START}eyJ[\w-]{{8,}}\.[\w-]{{8,}}\.[\w-]*", HIDDEN),
    # A storage account's key is 64 bytes; a checksum of that size says so before it.
    (
        ("==", "%3d%3d"),
        rf"(?=[\w+/%]{{86}}){_START}(?:[A-Za-z0-9+/]|%2B|%2F){{86}}(?:==|%3D%3D)",
        HIDDEN,
    ),
    (("://",), r"(://[^/\s:@\"'<>]+:)[^/\s@\"'<>]+(@)", rf"\1{HIDDEN}\2"),
)
"""What secrets look like: marks, of which each has one, in small letters; the shape;
what stands instead. To look for a mark is quick, and most texts have none."""
_SHAPES = [
    (marks, re.compile(shape, re.IGNORECASE | re.DOTALL), instead)
    for marks, shape, instead in SHAPES
]


def redact(text: str, variables: Mapping[str, str] = os.environ) -> str:
    """Return a text without secrets.

    Args:
        text: Any.
        variables: The process environment, which holds the known ones.
    """
    known = frozenset(
        value
        for name, value in variables.items()
        if len(value) >= LEAST and _is_secret(name)
    )
    if known:
        text = _pattern(known).sub(HIDDEN, text)
    small = text.lower()
    for marks, shape, instead in _SHAPES:
        if any(mark in small for mark in marks):
            text = shape.sub(instead, text)
    return text


def redact_all(value: Any, variables: Mapping[str, str] = os.environ) -> Any:
    """Return JSON without secrets in its texts."""
    if isinstance(value, str):
        return redact(value, variables)
    if isinstance(value, Mapping):
        return {name: redact_all(inner, variables) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [redact_all(inner, variables) for inner in value]
    return value


def redact_files(folder: Path, variables: Mapping[str, str] = os.environ) -> list[Path]:
    """Take secrets out of the text files below a folder; return those that had some."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        before = path.read_bytes()
        if b"\0" in before[:LOOK_BYTES]:
            continue
        # Bytes that are no characters, and the ends of lines, go through unchanged.
        text = before.decode(errors="surrogateescape")
        after = redact(text, variables).encode(errors="surrogateescape")
        if after != before:
            write_whole(path, after)
            found.append(path)
    return found


def conceal_python() -> None:
    """Let what Python itself prints pass the door too: uncaught errors, warnings."""

    def tell(error: BaseException | None) -> None:
        if error is not None:
            sys.stderr.write(redact("".join(traceback.format_exception(error))))

    def warn(  # noqa: PLR0917 - as warnings.showwarning has it
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        text = warnings.formatwarning(message, category, filename, lineno, line)
        (file or sys.stderr).write(redact(text))

    sys.excepthook = lambda _, error, __: tell(error)
    threading.excepthook = lambda told: tell(told.exc_value)
    warnings.showwarning = warn


class Lines:
    """Lines that come one by one, such as a command's output.

    A private key is printed over many lines: those of it are hidden too.

    Args:
        variables: The environment of whoever prints them.
    """

    def __init__(self, variables: Mapping[str, str] = os.environ) -> None:
        self._variables = variables
        self._end = ""

    def redact(self, line: str) -> str:
        """Return the next line without secrets."""
        if self._end:
            if self._end in line:
                self._end = ""
            return HIDDEN
        begun = re.search(r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----", line)
        if begun and f"-----END {begun[1]}-----" not in line:
            self._end = f"-----END {begun[1]}-----"
        return redact(line, self._variables)


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    """Tell whether a variable of a name holds a secret."""
    return NAMES.search(name) is not None


@lru_cache(maxsize=8)
def _pattern(known: frozenset[str]) -> re.Pattern[str]:
    """Return what matches any known secret, as it is or as it is often written."""
    forms = {form for value in known for form in _forms(value)}
    longest_first = sorted(forms, key=len, reverse=True)
    return re.compile("|".join(re.escape(form) for form in longest_first))


def _forms(value: str) -> set[str]:
    return {
        value,
        json.dumps(value)[1:-1],
        repr(value)[1:-1],
        html.escape(value),
        html.escape(value, quote=False),
        urllib.parse.quote(value, safe=""),
        urllib.parse.quote_plus(value),
        *(urllib.parse.quote(value, safe=kept) for kept in KEPT),
        base64.b64encode(value.encode()).decode(),
        *(line for line in value.splitlines() if len(line) >= LEAST),
    }
