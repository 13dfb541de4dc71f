"""What a deployment would change, told without changing anything.

The state after a write is worked out by the resource's own kind, with its defaults
and what it keeps; so what is told is what a deployment does, without the noise of
properties that a template leaves out.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Final

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError
from release.emulator.ids import parse
from release.emulator.kinds import Body, Kind, Write
from release.emulator.merging import merge, merged
from release.emulator.regions import check_location
from release.emulator.resources.deployments.diff import differences
from release.emulator.resources.deployments.references import References
from release.emulator.resources.deployments.request import TYPE, Deployment
from release.emulator.resources.deployments.run import managed, rest_of
from release.emulator.shapes import shaped
from release.emulator.store import Resource
from release.emulator.template.planned import Planned

_HIDDEN: Final = ("etag", "provisioningState")
_NEVER_SHOWN: Final = ("adminPassword", "customData", "protectedSettings")
_STARS: Final = "*******"
_TELLING: Final = 6
"""From this length on a secret is also looked for inside other texts."""


async def changes(cloud: Cloud, deployment: Deployment) -> list[dict[str, Any]]:
    """Return the change of every resource, those of nested deployments as well.

    Raises:
        ArmError: An expression is wrong.
    """
    planned = list(_all_planned(deployment))
    references = References(cloud)
    found = [await _change(cloud, one, references) for one in planned]
    if deployment.id.group:
        kept = {one.id.lower() for one in planned}
        found.extend(_rest(cloud, deployment, kept))
    secrets = frozenset([*_secrets(deployment), *_secret_outputs(cloud, references)])
    return [_quiet(change, secrets) for change in found]


def _rest(
    cloud: Cloud, deployment: Deployment, kept: set[str]
) -> Iterator[dict[str, Any]]:
    """Yield what becomes of the group's resources that are not in the template."""
    for resource in rest_of(cloud, deployment.id, kept):
        state = _clean(resource.body)
        deleted = deployment.mode == "Complete" and not managed(resource)
        yield _told(
            str(resource.id),
            "Delete" if deleted else "Ignore",
            state,
            None if deleted else state,
            None,
        )


def _secrets(deployment: Deployment) -> Iterator[str]:
    """Yield all texts in the secure parameters, those of nested deployments too."""
    for parameter in deployment.parameters.values():
        if parameter.secure:
            yield from _texts(parameter.value)
    for inner in deployment.nested:
        yield from _secrets(inner)


def _secret_outputs(cloud: Cloud, references: References) -> Iterator[str]:
    """Yield all texts in the secure outputs of the deployments that were asked."""
    for name in references.listed:
        asked = cloud.find(parse(name))
        if asked:
            yield from _texts(asked.private.get("secure_outputs"))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value:
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _quiet(change: Body, secrets: frozenset[str]) -> Body:
    """Return a change, or one within it, with stars for what must not be shown."""
    quiet = dict(change)
    name = change.get("path", "").rpartition(".")[2]
    for side in ("before", "after"):
        quiet[side] = _masked({name: change[side]}, secrets)[name]
    for inside in ("delta", "children"):
        if change.get(inside):
            quiet[inside] = [_quiet(inner, secrets) for inner in change[inside]]
    return quiet


def _masked(value: Any, secrets: frozenset[str]) -> Any:
    """Return a value with stars for what must not be shown."""
    if isinstance(value, dict):
        return {
            name: _STARS if name in _NEVER_SHOWN and inner else _masked(inner, secrets)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_masked(inner, secrets) for inner in value]
    if not isinstance(value, str):
        return value
    told = any(
        value == secret or (len(secret) >= _TELLING and secret in value)
        for secret in secrets
    )
    return _STARS if told else value


def _all_planned(deployment: Deployment) -> Iterator[Planned]:
    inner = {one.id.key: one for one in deployment.nested}
    for planned in deployment.expansion.resources:
        if planned.type.lower() != TYPE.lower():
            yield planned
        elif planned.id.lower() in inner:
            yield from _all_planned(inner[planned.id.lower()])


async def _change(
    cloud: Cloud, planned: Planned, references: References
) -> dict[str, Any]:
    resource_id = parse(planned.id)
    kind = cloud.kinds.of(resource_id.type)
    existing = cloud.find(resource_id)
    body, readable = await _body(planned, references)
    head = {
        "id": str(existing.id if existing else resource_id),
        "name": resource_id.name,
        "type": kind.type,
        "apiVersion": planned.api_version,
    }
    if existing is None:
        after = {**head, **body}
        return _told(head["id"], "Create", None, after, None)
    before = {**head, **_clean(existing.body)}
    written = (
        _after(cloud, kind, existing, body, planned)
        if readable
        else merge(existing.body, body)
    )
    after = {**head, **_clean(written)}
    delta = differences(before, after)
    if not delta:
        return _told(head["id"], "NoChange", before, after, None)
    return _told(head["id"], "Modify", before, after, delta)


def _told(resource_id: Any, what: str, before: Any, after: Any, delta: Any) -> Body:
    return {
        "resourceId": resource_id,
        "changeType": what,
        "before": before,
        "after": after,
        "delta": delta,
    }


async def _body(planned: Planned, references: References) -> tuple[Body, bool]:
    """Evaluate a body; what refers to what is not there yet stays a text.

    Returns:
        The body, and whether a provider could read it, such texts and all.

    Raises:
        ArmError: An expression is wrong, or no provider could read the body.
    """
    try:
        body = await references.settle(planned.resolve)
    except ArmError as error:
        if error.status == 400:  # noqa: PLR2004
            raise
        try:
            return shaped(dict(planned.body)), True
        except ArmError:
            return dict(planned.body), False
    try:
        return shaped(body), True
    except ArmError as error:
        error.message += f"\n  in the resource '{planned.id}'"
        raise


def _after(
    cloud: Cloud, kind: Kind, existing: Resource, body: Body, planned: Planned
) -> Body:
    given = merged(kind, existing, body)
    write = Write(
        cloud=cloud,
        id=existing.id,
        body=given,
        existing=copy.deepcopy(existing),
        api_version=planned.api_version or "",
        private=copy.deepcopy(existing.private),
    )
    try:
        check_location(kind, write)
        prepared: Body = kind.prepare(write)
    except ArmError:
        # It refers to something that the deployment makes first.
        prepared = merge(existing.body, given)
    # What lives inside something else shows more than its own kind knows.
    return merge(existing.body, prepared) if kind.find else prepared


def _clean(body: Body) -> Body:
    """Leave out what nobody writes."""
    shown = {k: v for k, v in body.items() if k not in _HIDDEN}
    properties = shown.get("properties")
    if isinstance(properties, dict):
        shown["properties"] = {k: v for k, v in properties.items() if k not in _HIDDEN}
    return shown
