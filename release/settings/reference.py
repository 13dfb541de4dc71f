"""Pure: the settings tables of the README, made from the models."""

from __future__ import annotations

from collections.abc import Iterable

from release.settings import catalogue
from release.settings.catalogue import Setting
from release.settings.model import Secret
from release.settings.settings import Settings

ENDPOINT = '[env.NAME.load.thresholds."ENDPOINT"]'
KINDS = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    list: "list of texts",
    dict: "texts by name",
    Secret: "secret",
}

NOTE = (
    "Of several that set the same, the first one wins; an empty one sets nothing. "
    "An environment of the embedded Azure reads `RELEASE_...` ones only."
)


def markdown() -> str:
    """Return all settings, thresholds and variables as Markdown tables."""
    return "\n".join(
        [
            *_section("`[image]`", catalogue.image_settings()),
            *_section("`[env.NAME]`", catalogue.environment_settings()),
            *_section(f"`{ENDPOINT}`", catalogue.threshold_settings()),
            "Any other percentile may be limited too: `p75_ms`, `p99_9_ms`.",
            "",
            "### Process variables",
            "",
            "| variable | sets |",
            "|---|---|",
            *_variables(),
            "",
            NOTE,
            "",
        ]
    )


def values(settings: Settings) -> list[tuple[str, str, str]]:
    """Return path, value and source of each setting."""
    tables = settings.env.model_dump() | {"image": settings.image.model_dump()}
    rows = []
    for setting in (*catalogue.environment_settings(), *catalogue.image_settings()):
        value = tables
        for part in setting.path.split("."):
            value = value[part]
        source = settings.sources[setting.path]
        rows.append((setting.path, catalogue.written(value), str(source)))
    for endpoint, thresholds in settings.env.load.thresholds.items():
        for name, limit in thresholds.limits().items():
            path = catalogue.quoted(("load", "thresholds", endpoint, name))
            rows.append((path, f"{limit:g}", str(settings.sources[path])))
    return rows


def _section(title: str, settings: Iterable[Setting]) -> list[str]:
    settings = list(settings)
    named = any(setting.variables for setting in settings)
    variable = ("| variable ", "|---") if named else ("", "")
    return [
        f"### {title}",
        "",
        f"| setting | values | default {variable[0]}| what |",
        f"|---|---|---{variable[1]}|---|",
        *(_row(setting, named=named) for setting in settings),
        "",
    ]


def _row(setting: Setting, *, named: bool) -> str:
    path = setting.path.removeprefix("image.").rpartition("ENDPOINT.")[2]
    cells = [f"`{path}`", _allowed(setting), _default(setting)]
    if named:
        cells.append(", ".join(f"`{name}`" for name in setting.variables))
    cells.append(setting.description)
    return f"| {' | '.join(cells)} |"


def _allowed(setting: Setting) -> str:
    if setting.choices:
        return " or ".join(f'`"{choice}"`' for choice in setting.choices)
    bounds = str(setting.bounds)
    unit = catalogue.unit(setting.path)
    said = KINDS[setting.kind] + (f", {bounds}" if bounds else "")
    if setting.kind is dict and bounds:
        said = f"numbers by name, {bounds}"
    return said + (f" ({unit})" if unit else "")


def _default(setting: Setting) -> str:
    if setting.required:
        return "required"
    if setting.default is None or setting.kind is Secret:
        return "none"
    return f"`{catalogue.written(setting.default)}`"


def _variables() -> list[str]:
    everything = (
        *catalogue.account_settings(),
        *catalogue.environment_settings(),
        *catalogue.image_settings(),
    )
    return [
        f"| `{name}` | {_sets(setting)} |"
        for setting in everything
        for name in setting.variables
        if not name.startswith("RELEASE_")
    ]


def _sets(setting: Setting) -> str:
    if setting.path.startswith("account."):
        return setting.description
    return f"`{setting.path}`"
