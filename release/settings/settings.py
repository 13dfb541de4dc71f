"""Settings of one environment, read from four ranked sources."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from release.errors import SettingsError, UsageError
from release.settings import catalogue, lines, problems, sources
from release.settings.commit import commit_of
from release.settings.model import Account, Document, Environment, Image
from release.settings.problems import Problem
from release.settings.sources import DEFAULT, Override, Source, SourceKind

FILE = "release.toml"
SWITCHES = {"true": True, "1": True, "false": False, "0": False}
"""How variables of other tools say yes and no."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Everything that was set, checked, with where it came from."""

    environment: str
    """The environment's name."""
    env: Environment
    image: Image
    account: Account
    """Who signs in, as far as ARM_* or AZURE_* variables say; nobody locally."""
    root: Path
    """The folder of release.toml."""
    commit: str
    """As `release.settings.commit.commit_of` says."""
    sources: Mapping[str, Source]
    """By path, such as "load.users" or "image.recipe", for each setting."""


def load(
    root: Path,
    environment: str | None,
    *,
    options: Mapping[str, str],
    variables: Mapping[str, str],
) -> Settings:
    """Read the settings of an environment.

    Args:
        root: The folder of release.toml.
        environment: Its name, or None when nobody named one.
        options: What ``--set`` says: texts by path.
        variables: The process environment.

    Raises:
        UsageError: There is no such environment.
        SettingsError: Something is wrong; it lists all that is.
    """
    text = _text(root)
    raw = _parsed(text)
    name = chosen(environment, names_in(raw))
    where = {key.path: f"line {key.line}" for key in reversed(lines.keys(text))}

    set_by_options, wrong_options = sources.from_options(options, name)
    cloud = _cloud(raw, name, options, variables)
    set_by_variables, wrong_variables = sources.from_variables(
        variables, name, cloud=cloud
    )
    overrides = [*set_by_variables, *set_by_options]
    account, wrong_account = _account(variables, cloud=cloud)
    whole = sources.merged(raw, overrides)
    found = [
        *sources.exposed_secrets(raw, where),
        *wrong_variables,
        *wrong_options,
        *wrong_account,
        *_invalid(
            whole, where | {it.path: it.source.where for it in overrides}, chosen=name
        ),
    ]
    if found:
        raise problems.settings_error(found)
    return Settings(
        environment=name,
        env=Environment.model_validate(whole["env"][name]),
        image=Image.model_validate(whole.get("image", {})),
        account=account,
        root=root,
        commit=commit_of(root),
        sources=_sources(name, where, overrides),
    )


def source(
    settings: Settings, environment: str, *, variables: Mapping[str, str]
) -> Settings:
    """Read the settings of the environment that an image comes from.

    The file says what it is: of the variables those count that say who signs in. The
    others are for the environment that is released to.

    Args:
        settings: Of that one; it lends its subscription where the file has none.
        environment: Name of the one that the image comes from.
        variables: The process environment.

    Raises:
        UsageError: There is no such environment, it is the same, or on another Azure.
        SettingsError: Something is wrong with it.
    """
    to = settings.environment
    raw = _parsed(_text(settings.root))
    chosen(environment, names_in(raw))
    if environment == to:
        raise UsageError(
            f"--image-from {environment} is the environment that is released to",
            fix="name another one, or leave it out to bake",
        )
    table = raw["env"][environment]
    has_own = isinstance(table, dict) and bool(table.get("subscription"))
    lent = settings.env.cloud != "local" and not has_own
    signs_in = {name for one in catalogue.account_settings() for name in one.variables}
    found = load(
        settings.root,
        environment,
        options={"subscription": settings.env.subscription} if lent else {},
        variables={name: variables[name] for name in signs_in if name in variables},
    )
    if _azure_of(found.env) != _azure_of(settings.env):
        raise UsageError(
            f"{environment} and {to} are on two Azures: an image cannot pass between",
            fix="bake it: leave --image-from out",
        )
    return found


def _azure_of(env: Environment) -> tuple[str, str, str]:
    return env.cloud, env.azure_cloud, env.arm_url


def environments(root: Path) -> list[str]:
    """Return the names of the environments that a release.toml has.

    Raises:
        SettingsError: There is no release.toml, or it is no TOML.
    """
    return names_in(_parsed(_text(root)))


def cloud_of(
    root: Path,
    environment: str | None,
    *,
    options: Mapping[str, str],
    variables: Mapping[str, str],
) -> object:
    """Return an environment's cloud though other settings may be wrong.

    None when it cannot be told.
    """
    try:
        raw = _parsed(_text(root))
    except SettingsError:
        return None
    return _cloud(raw, chosen(environment, names_in(raw)), options, variables)


def account_of(variables: Mapping[str, str]) -> Account:
    """Return who signs in, as far as well-formed variables say."""
    return _account(variables, cloud="azure")[0]


def variables_of(field: str) -> tuple[str, ...]:
    """Return the variables that set a part of the account, the strongest first."""
    return catalogue.usual_variables(Account.model_fields[field])


def names_in(raw: Mapping[str, Any]) -> list[str]:
    """Return the names of the environments in a parsed file."""
    tables = raw.get("env")
    return list(tables) if isinstance(tables, dict) else []


def chosen(environment: str | None, names: list[str]) -> str:
    """Return the environment's name when there is one.

    Raises:
        UsageError: None is named, or none is called that.
    """
    there = f"release.toml has {', '.join(names)}" if names else ""
    if environment is None:
        raise UsageError(
            "no environment is named",
            fix=f"add --env NAME; {there or 'release.toml has no [env.NAME] table'}",
        )
    if environment in names:
        return environment
    raise UsageError(
        f"there is no environment {environment!r}",
        fix=f"{there}; choose one of them, or add [env.{environment}]"
        if names
        else f"add a table [env.{environment}] to release.toml",
    )


def _text(root: Path) -> str:
    path = root / FILE
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SettingsError(
            f"there is no release.toml in {root}",
            fix="start in the folder that has one, or write one as the README shows",
        ) from None
    except OSError as error:
        raise SettingsError(
            f"release.toml in {root} cannot be read: {error.strerror}",
            fix="make it a file that you may read",
        ) from None
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"release.toml is no UTF-8 text: byte {error.start} cannot be read",
            fix="save it as UTF-8",
        ) from None


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise problems.settings_error([_syntax(text, str(error))]) from None


def _syntax(text: str, message: str) -> Problem:
    """Return what is wrong with a text that is no TOML.

    `tomllib` of Python 3.11 gives the line in its message only.
    """
    found = re.fullmatch(
        r"(.*?) \(at (?:line (\d+), column (\d+)|end of .*)\)", message
    )
    line = int(found[2]) if found and found[2] else text.count("\n") + 1
    seen: dict[lines.Path, int] = {}
    for key in lines.keys(text):
        first = seen.get(key.path)
        seen.setdefault(key.path, key.line)
        if key.line == line and first is not None:
            return Problem(
                where=f"line {line}",
                path=catalogue.quoted(key.path),
                text=f"given twice, first on line {first}; keep one of them",
            )
    column = f" (column {found[3]})" if found and found[3] else ""
    what = found[1] if found else message
    shown = text.split("\n")[line - 1].strip()
    return Problem(
        where=f"line {line}", path="", text=f"no TOML: {what}{column}: {shown}"
    )


def _cloud(
    raw: Mapping[str, Any],
    name: str,
    options: Mapping[str, str],
    variables: Mapping[str, str],
) -> object:
    table = raw["env"][name]
    in_file = table.get("cloud") if isinstance(table, dict) else None
    return options.get("cloud") or variables.get("RELEASE_CLOUD") or in_file


def _account(
    variables: Mapping[str, str], *, cloud: object
) -> tuple[Account, list[Problem]]:
    given: dict[str, str | bool] = {}
    where: dict[str, str] = {}
    for setting in catalogue.account_settings() if cloud != "local" else ():
        name = next((n for n in setting.variables if variables.get(n)), None)
        if name:
            field = setting.path.rpartition(".")[2]
            where[field] = name
            text = variables[name]
            is_switch = setting.kind is bool
            given[field] = SWITCHES.get(text.lower(), text) if is_switch else text
    try:
        return Account.model_validate(given), []
    except ValidationError as error:
        return Account(), [
            Problem(
                where=where[str(one["loc"][0])],
                path="",
                text=str(
                    one.get("ctx", {}).get("error")
                    or problems.KINDS.get(one["type"], one["msg"])
                ),
            )
            for one in error.errors()
        ]


def _invalid(
    whole: Mapping[str, Any], where: Mapping[lines.Path, str], *, chosen: str
) -> list[Problem]:
    found = _without_subscription(whole, where, chosen)
    try:
        Document.model_validate(whole)
    except ValidationError as error:
        # What another environment takes from variables is not there now.
        found += [
            problem
            for problem in problems.explain(error, where)
            if not problem.text.startswith("missing")
            or problem.path.startswith(f"env.{catalogue.quoted((chosen,))}.")
        ]
    return found


def _without_subscription(
    whole: Mapping[str, Any], where: Mapping[lines.Path, str], chosen: str
) -> list[Problem]:
    """Return the problem of a real Azure whose subscription nobody gave, if so."""
    table = whole["env"][chosen]
    is_azure = isinstance(table, dict) and table.get("cloud") == "azure"
    if not is_azure or table.get("subscription"):
        return []
    return [problems.missing(("env", chosen, "subscription"), where)]


def _sources(
    name: str, where: Mapping[lines.Path, str], overrides: list[Override]
) -> dict[str, Source]:
    found: dict[str, Source] = {}
    for setting in (*catalogue.environment_settings(), *catalogue.image_settings()):
        is_image = setting.path.startswith("image.")
        inside = () if is_image else ("env", name)
        line = where.get((*inside, *setting.path.split(".")))
        found[setting.path] = (
            Source(kind=SourceKind.FILE, where=f"{FILE} {line}") if line else DEFAULT
        )
    thresholds = ("env", name, "load", "thresholds")
    for path, line in where.items():
        if path[:4] == thresholds and len(path) == len(thresholds) + 2:
            dotted = catalogue.quoted(path[2:])
            found[dotted] = Source(kind=SourceKind.FILE, where=f"{FILE} {line}")
    for override in overrides:
        is_image = override.path[0] == "image"
        found[catalogue.quoted(override.path[0 if is_image else 2 :])] = override.source
    return found
