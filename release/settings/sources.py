"""Where a value comes from: default < file < process variable < option."""

from __future__ import annotations

import copy
import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from release.errors import UsageError
from release.settings import catalogue
from release.settings.lines import Path
from release.settings.model import Document, Secret
from release.settings.problems import Problem, unknown

_PART = r'(?:[\w-]+|"[^"]*")'
_ASSIGNMENT = re.compile(rf"\s*({_PART}(?:\.{_PART})*)\s*=(.*)", re.DOTALL)
_NEAR = 0.9
"""How alike a RELEASE_ variable must be to a known one to count as a typing
error: Azure Pipelines has many RELEASE_ variables of its own."""


class SourceKind(StrEnum):
    """The ranked sources, the weakest first."""

    DEFAULT = "default"
    FILE = "file"
    VARIABLE = "variable"
    OPTION = "option"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where one value comes from."""

    kind: SourceKind
    where: str
    """ "release.toml line 12", "ARM_SUBSCRIPTION_ID" or "--set load.users"."""

    def __str__(self) -> str:
        return self.where


DEFAULT = Source(kind=SourceKind.DEFAULT, where="default")


@dataclass(frozen=True, kw_only=True, slots=True)
class Override:
    """A value that replaces one of the file."""

    path: Path
    """In the document."""
    value: Any
    source: Source


def assignments(options: list[str]) -> dict[str, str]:
    """Return what ``--set PATH=VALUE`` options say, by path.

    Raises:
        UsageError: One has no path, or no value.
    """
    found: dict[str, str] = {}
    for option in options:
        matched = _ASSIGNMENT.fullmatch(option)
        if not matched:
            raise UsageError(
                f"--set {option}: expected PATH=VALUE",
                fix="such as --set load.users=5, or "
                "--set 'load.thresholds.\"GET /\".p95_ms=300'",
            )
        found[matched[1]] = matched[2]
    return found


def from_options(
    options: Mapping[str, str], environment: str
) -> tuple[list[Override], list[Problem]]:
    """Return what options set, and what is wrong with them."""
    overrides, problems = [], []
    for dotted, text in options.items():
        relative = tuple(part.strip('"') for part in re.findall(_PART, dotted))
        if relative[:2] == ("env", environment):
            relative = relative[2:]
        is_image = relative[:1] == ("image",)
        path = relative if is_image else ("env", environment, *relative)
        where = f"--set {dotted}"
        field = catalogue.field_at(Document, path)
        if field is None:
            problems.append(unknown(path, text, where=where))
        elif catalogue.table_in(field):
            problems.append(_table(path, where=where))
        elif catalogue.is_secret(field):
            own = "RELEASE_" + "_".join(relative).upper()
            variables = (own, *catalogue.usual_variables(field))
            problems.append(_exposed(path, variables, where=where))
        else:
            value = read(text, kind=catalogue.kind(field))
            source = Source(kind=SourceKind.OPTION, where=where)
            overrides.append(Override(path=path, value=value, source=source))
    return overrides, problems


def from_variables(
    variables: Mapping[str, str], environment: str, *, cloud: object
) -> tuple[list[Override], list[Problem]]:
    """Return what process variables set; an empty one says nothing.

    The embedded Azure has its own subscription and groups: what a shell holds
    for the real one is not for it. ``RELEASE_...`` variables are for both.
    """
    overrides = []
    for setting in (*catalogue.environment_settings(), *catalogue.image_settings()):
        for name in setting.variables:
            usable = name.startswith("RELEASE_") or cloud != "local"
            if not usable or not variables.get(name):
                continue
            is_image = setting.path.startswith("image.")
            inside = () if is_image else ("env", environment)
            overrides.append(
                Override(
                    path=(*inside, *setting.path.split(".")),
                    value=read(variables[name], kind=setting.kind),
                    source=Source(kind=SourceKind.VARIABLE, where=name),
                )
            )
            break
    return overrides, list(_mistyped(variables))


def exposed_secrets(raw: Mapping[str, Any], where: Mapping[Path, str]) -> list[Problem]:
    """Return a problem for each secret that stands in the file."""
    problems = []
    environments = raw.get("env", {})
    for name, table in environments.items() if isinstance(environments, dict) else ():
        for setting in catalogue.environment_settings():
            if setting.kind is Secret and isinstance(table, dict):
                path = ("env", name, setting.path)
                if setting.path in table:
                    problems.append(
                        _exposed(path, setting.variables, where=where[path])
                    )
    return problems


def merged(raw: Mapping[str, Any], overrides: list[Override]) -> dict[str, Any]:
    """Return the file's tables with the overrides in them, the later the stronger."""
    whole = copy.deepcopy(dict(raw))
    for override in overrides:
        table: Any = whole
        for part in override.path[:-1]:
            inner = table.get(part)
            if not isinstance(inner, dict):
                inner = table[part] = {}
            table = inner
        table[override.path[-1]] = override.value
    return whole


def read(text: str, *, kind: type) -> Any:
    """Return the value that a text means for a setting; the text if none."""
    if kind in {str, Secret}:
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _exposed(path: Path, variables: tuple[str, ...], *, where: str) -> Problem:
    return Problem(
        where=where,
        path=catalogue.quoted(path),
        value="***",
        text=f"a secret must not stand here; give it in {variables[-1]}",
    )


def _table(path: Path, *, where: str) -> Problem:
    return Problem(
        where=where,
        path=catalogue.quoted(path),
        text="is a table; set one of the settings in it",
    )


def _mistyped(variables: Mapping[str, str]) -> Iterator[Problem]:
    settings = (*catalogue.environment_settings(), *catalogue.image_settings())
    known = [name for setting in settings for name in setting.variables]
    for name in variables:
        if not name.startswith("RELEASE_") or name in known:
            continue
        near = difflib.get_close_matches(name, known, n=1, cutoff=_NEAR)
        if near:
            yield Problem(
                where=name, path="", text=f"no such variable; did you mean {near[0]}?"
            )
