"""Pure: every setting there is, read off the models.

A setting's path is what ``--set`` takes: ``load.users`` is a setting of the
chosen environment, ``image.recipe`` one of the image.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from release.settings.model import (
    Account,
    Document,
    Environment,
    Image,
    Load,
    Packer,
    Preflight,
    Retention,
    Rollout,
    Secret,
    Smoke,
    Thresholds,
    Workers,
)
from release.settings.model.load import PERCENTILE
from release.settings.model.values import Milliseconds

UNITS = {"ms": "milliseconds", "s": "seconds", "rate": "a second"}
"""By the last word of a name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One value that a person may set."""

    path: str
    """As for ``--set``."""
    kind: type
    """bool, int, float, str, list, dict or Secret."""
    choices: tuple[str, ...]
    """The words allowed, or none when it is no choice."""
    bounds: Bounds
    required: bool
    default: Any
    """None when it is required or has none."""
    description: str
    variables: tuple[str, ...]
    """Process variables that set it, the strongest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """Between what a number must be; None is no bound."""

    above: float | None = None
    least: float | None = None
    most: float | None = None
    below: float | None = None

    def __str__(self) -> str:
        if self.least is not None and self.most is not None:
            return f"from {self.least:g} to {self.most:g}"
        words = {
            "above": self.above,
            "at least": self.least,
            "at most": self.most,
            "below": self.below,
        }
        said = [f"{word} {it:g}" for word, it in words.items() if it is not None]
        return " and ".join(said)


def environment_settings() -> tuple[Setting, ...]:
    """Return the settings of an environment, thresholds left out."""
    return tuple(_settings(Environment, (), own_variable=True))


def image_settings() -> tuple[Setting, ...]:
    """Return the settings of the image."""
    return tuple(_settings(Image, ("image",), own_variable=True))


def account_settings() -> tuple[Setting, ...]:
    """Return what variables say about who signs in."""
    return tuple(_settings(Account, ("account",), own_variable=False))


def threshold_settings() -> tuple[Setting, ...]:
    """Return the thresholds that an endpoint may have."""
    inside = ("load", "thresholds", "ENDPOINT")
    return tuple(_settings(Thresholds, inside, own_variable=False))


def unit(name: str) -> str:
    """Return the unit that a setting's name ends in, or ""."""
    return UNITS.get(name.rpartition(".")[2].rpartition("_")[2], "")


def field_at(model: type[BaseModel], path: tuple[str | int, ...]) -> FieldInfo | None:
    """Return the field that a path inside a model leads to, or None.

    A name in a table of texts leads to a text; one in a table of names, or a place in
    a list, to that of the table or list.
    """
    if not path:
        return None
    parent = table_at(model, path[:-1])
    if parent is None:
        around = field_at(model, path[:-1])
        return around and _value_in(around)
    if parent is Thresholds and PERCENTILE.fullmatch(str(path[-1])):
        return FieldInfo.from_annotation(Milliseconds)
    return parent.model_fields.get(str(path[-1]))


def _value_in(field: FieldInfo) -> FieldInfo:
    if kind(field) is not dict or table_in(field) is not None:
        return field
    return FieldInfo.from_annotation(get_args(field.annotation)[1])


def table_at(
    model: type[BaseModel], path: tuple[str | int, ...]
) -> type[BaseModel] | None:
    """Return the table that a path inside a model leads to, or None."""
    rest = list(path)
    while rest:
        field = model.model_fields.get(str(rest.pop(0)))
        inner = table_in(field) if field else None
        if inner is None or field is None:
            return None
        if kind(field) is dict:
            if not rest:
                return None
            rest.pop(0)
        model = inner
    return model


def table_in(field: FieldInfo) -> type[BaseModel] | None:
    """Return the table that a field holds, or holds many of by name."""
    for inner in (field.annotation, *get_args(field.annotation)):
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            return inner
    return None


def is_secret(field: FieldInfo) -> bool:
    """Return whether a field must never be shown."""
    return _plain(field.annotation) is Secret


def kind(field: FieldInfo) -> type:
    """Return the type of a field's value; a choice is a str."""
    plain: Any = _plain(field.annotation)
    return str if plain is Literal else plain


def choices(field: FieldInfo) -> tuple[str, ...]:
    """Return the words that a field may hold, or none when it is no choice."""
    return get_args(field.annotation) if _plain(field.annotation) is Literal else ()


def names_in(path: tuple[str | int, ...]) -> list[str]:
    """Return what a table of release.toml may hold."""
    table = table_at(Document, path)
    return [] if table is None else list(table.model_fields)


def tables_with(name: str) -> list[str]:
    """Return the tables that have a setting of that name, as paths."""
    tables: dict[str, type[BaseModel]] = {
        "image": Image,
        "image.packer": Packer,
        "env.NAME": Environment,
        "env.NAME.rollout": Rollout,
        "env.NAME.retention": Retention,
        "env.NAME.preflight": Preflight,
        "env.NAME.smoke": Smoke,
        "env.NAME.load": Load,
        "env.NAME.load.workers": Workers,
        'env.NAME.load.thresholds."ENDPOINT"': Thresholds,
    }
    return [path for path, table in tables.items() if name in table.model_fields]


def bounds(field: FieldInfo) -> Bounds:
    """Return between what a field's number must be."""
    found: dict[str, Any] = {}
    for mark in _marks(field):
        if isinstance(mark, Gt):
            found["above"] = mark.gt
        elif isinstance(mark, Ge):
            found["least"] = mark.ge
        elif isinstance(mark, Le):
            found["most"] = mark.le
        elif isinstance(mark, Lt):
            found["below"] = mark.lt
    return Bounds(**found)


def written(value: object) -> str:
    """Return a value as it stands in TOML, cut at 60 characters."""
    if isinstance(value, Secret):
        return "***" if value.get_secret_value() else "none"
    if isinstance(value, dict):
        return "a table" if value else "{}"
    if isinstance(value, (bool, str, list, int, float)):
        text = json.dumps(value, ensure_ascii=False)
    else:
        text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004 - as said


def quoted(path: tuple[str | int, ...]) -> str:
    """Return a path as TOML writes it: ``env.qa.load.thresholds."GET /"``."""
    return ".".join(
        part
        if isinstance(part, str) and part.replace("-", "").replace("_", "").isalnum()
        else json.dumps(part, ensure_ascii=False)
        for part in path
    )


def _settings(
    model: type[BaseModel], inside: tuple[str, ...], *, own_variable: bool
) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        path = (*inside, name)
        inner = table_in(field)
        if inner is None:
            yield _setting(path, field, own_variable=own_variable)
        elif _plain(field.annotation) is not dict:
            yield from _settings(inner, path, own_variable=own_variable)


def _setting(path: tuple[str, ...], field: FieldInfo, *, own_variable: bool) -> Setting:
    own = ("RELEASE_" + "_".join(path).upper(),) if own_variable else ()
    required = field.is_required()
    return Setting(
        path=".".join(path),
        kind=kind(field),
        choices=choices(field),
        bounds=bounds(field),
        required=required,
        default=None if required else field.get_default(call_default_factory=True),
        description=field.description or "",
        variables=(*own, *usual_variables(field)),
    )


def usual_variables(field: FieldInfo) -> tuple[str, ...]:
    """Return the variables that teams have for a field today."""
    extra = field.json_schema_extra
    named = extra.get("variables") if isinstance(extra, dict) else None
    return tuple(str(name) for name in named) if isinstance(named, list) else ()


def _plain(annotation: Any) -> Any:
    """Return an annotation's type without Annotated, None and parameters."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _plain(get_args(annotation)[0])
    if origin in {Union, UnionType}:
        inner = [one for one in get_args(annotation) if one is not NoneType]
        return _plain(inner[0])
    return origin or annotation


def _marks(field: FieldInfo) -> Iterator[object]:
    yield from field.metadata
    for inner in get_args(field.annotation):
        if get_origin(inner) is Annotated:
            for mark in inner.__metadata__:
                yield from mark.metadata if isinstance(mark, FieldInfo) else (mark,)
