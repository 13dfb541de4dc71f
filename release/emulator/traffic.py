"""What clients asked for: a bounded list, for tests and for people.

Secrets in bodies are masked as they come in.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from release.emulator.template.errors import TemplateError
from release.emulator.template.parameters import resolved

KEEP = 5000
KEEP_BYTES = 16 * 2**20
"""Of bodies, as JSON."""
_SECRET = re.compile(
    r"password|customdata|sas$|bloburi$|key$|assertion$|token$", re.IGNORECASE
)
"""Names of texts that are secrets."""
_CLOSED = re.compile("protected|secret", re.IGNORECASE)
"""Names of what holds nothing but secrets, however deep."""
_SIGNATURE = re.compile(r"((?:^|[?&])sig=)[^&\s\"']+", re.IGNORECASE)
_SECURE = ("securestring", "secureobject")
"""Types of a template's parameters whose values nobody is shown."""
_VALUES = ("value", "defaultValue")
"""What a parameter of a deployment is in: {"adminPassword": {"value": "..."}}."""
_HIDDEN = "***"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One request."""

    number: int
    at: str
    method: str
    path: str
    query: str
    status: int
    client: str
    """The User-Agent header."""
    body: Any


class Traffic:
    """The last requests, oldest first."""

    def __init__(self) -> None:
        self._asked: deque[Asked] = deque()
        self._sizes: deque[int] = deque()
        """Of their bodies, in bytes."""
        self._bytes = 0
        self._count = 0

    def note(
        self, *, method: str, path: str, query: str, status: int, client: str, body: Any
    ) -> None:
        """Add one."""
        self._count += 1
        shown = masked(body)
        self._asked.append(
            Asked(
                number=self._count,
                at=datetime.now(UTC).isoformat(),
                method=method,
                path=path,
                query=_unsigned(query),
                status=status,
                client=client,
                body=shown,
            )
        )
        self._sizes.append(0 if shown is None else len(json.dumps(shown)))
        self._bytes += self._sizes[-1]
        while len(self._asked) > KEEP or self._bytes > KEEP_BYTES:
            self._asked.popleft()
            self._bytes -= self._sizes.popleft()

    def since(self, number: int = 0) -> list[dict[str, Any]]:
        """Return those after a number, as JSON."""
        return [asdict(asked) for asked in self._asked if asked.number > number]

    @property
    def count(self) -> int:
        """How many there were in all."""
        return self._count


def masked(value: Any, name: str = "", secure: frozenset[str] = frozenset()) -> Any:
    """Return a JSON value with what looks like a secret replaced by ``***``.

    Args:
        value: The value.
        name: Of the property that it is.
        secure: Names of the secure parameters of templates that it is within.
    """
    if _CLOSED.search(name) or name.lower() in secure:
        return _closed(value)
    if isinstance(value, dict):
        secure |= _secure_parameters(value)
        return {
            key: masked(inner, name if key in _VALUES else key, secure)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [masked(inner, name, secure) for inner in value]
    if not isinstance(value, str) or not value:
        return value
    return _HIDDEN if _SECRET.search(name) else _unsigned(value)


def _closed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _closed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_closed(inner) for inner in value]
    return value if value in (None, "") else _HIDDEN


def _secure_parameters(deployment: Mapping[str, Any]) -> frozenset[str]:
    template = deployment.get("template")
    if not isinstance(template, dict):
        return frozenset()
    parameters = template.get("parameters")
    if not isinstance(parameters, dict):
        return frozenset()
    return frozenset(
        name.lower()
        for name, told in parameters.items()
        if isinstance(told, dict) and _is_secure(told, template)
    )


def _is_secure(told: dict[str, Any], template: Mapping[str, Any]) -> bool:
    try:
        declared = resolved(told, template, "").get("type")
    except (TemplateError, RecursionError):
        return True  # Nobody knows: its definition is missing, or refers to itself.
    return str(declared).lower() in _SECURE


def _unsigned(text: str) -> str:
    return _SIGNATURE.sub(rf"\1{_HIDDEN}", text)
