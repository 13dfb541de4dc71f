"""A resource group as a template that would make it again.

Names become parameters and ids inside the group expressions, as Azure writes them;
what only Azure can say is left out, secrets with it.
https://learn.microsoft.com/rest/api/resources/resource-groups/export-template
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from release.emulator.errors import ArmError, bad_request
from release.emulator.ids import ResourceId, split
from release.emulator.kinds import API_VERSION, Body, Call, Reply
from release.emulator.store import Resource

_SCHEMA: Final = (
    "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
)
_TAKEN: Final = ("location", "tags", "sku", "kind", "zones", "identity", "plan")
_ANSWERED: Final = frozenset(
    [
        "provisioningState",
        "resourceGuid",
        "uniqueId",
        "timeCreated",
        "vmId",
        "instanceView",
        "etag",
        "creationTime",
        "primaryEndpoints",
        "primaryLocation",
        "statusOfPrimary",
        "diskState",
        "diskSizeBytes",
        "requireGuestProvisionSignal",
        "exactVersion",
        "principalId",
        "tenantId",
        "clientId",
        "fqdn",
        "macAddress",
        "defaultSecurityRules",
        "createdOn",
        "updatedOn",
        "publishedDate",
    ]
)
"""Properties that Azure answers and nobody writes."""
_LEFT_OUT: Final = (
    "microsoft.resources/deployments",
    "microsoft.authorization/roleassignments",
    "microsoft.authorization/locks",
    "microsoft.compute/virtualmachinescalesets/virtualmachines",
)


async def export_template(call: Call) -> Reply:
    """Answer ``exportTemplate`` of a group."""
    body = call.body if isinstance(call.body, dict) else {}
    everything = [
        resource
        for resource in call.cloud.store.under(call.target.id)
        if resource.id.type.lower() not in _LEFT_OUT
    ]
    wanted = _wanted(body.get("resources") or ["*"], everything)
    options = str(body.get("options") or "").lower()
    named = not ("skipallparam" in options or "skipresourcename" in options)
    defaults = "includeparameterdefaultvalue" in options
    return Reply(body={"template": _Export(wanted, named=named).template(defaults)})


def _wanted(asked: Any, everything: list[Resource]) -> list[Resource]:
    if not isinstance(asked, list):
        raise bad_request("ExportTemplateBadRequest", "'resources' must be an array.")
    if "*" in asked:
        return everything
    found = {resource.id.key: resource for resource in everything}
    missing = [text for text in asked if str(text).lower() not in found]
    if missing:
        raise ArmError(
            404,
            "ResourceNotFound",
            f"The resource '{missing[0]}' is not in this group, or cannot be exported.",
        )
    return [found[str(text).lower()] for text in asked]


class _Export:
    """One export.

    Args:
        resources: What goes in.
        named: Whether names become parameters.
    """

    def __init__(self, resources: list[Resource], *, named: bool) -> None:
        self._resources = {resource.id.key: resource for resource in resources}
        self._parameters: dict[str, str] = {}
        """Name of the parameter by the key of the top-level resource."""
        if named:
            for resource in resources:
                if len(resource.id.pairs) == 1:
                    self._parameters[resource.id.key] = _parameter(resource.id)

    def template(self, defaults: bool) -> Body:  # noqa: FBT001 - one of the request's options
        return {
            "$schema": _SCHEMA,
            "contentVersion": "1.0.0.0",
            "parameters": {
                name: {"type": "String"}
                | ({"defaultValue": self._resources[key].id.name} if defaults else {})
                for key, name in self._parameters.items()
            },
            "variables": {},
            "resources": [self._written(one) for one in self._resources.values()],
        }

    def _written(self, resource: Resource) -> Body:
        taken = {
            name: resource.body[name] for name in _TAKEN if resource.body.get(name)
        }
        written: Body = {
            "type": resource.id.type,
            "apiVersion": API_VERSION,
            "name": self._name(resource.id),
            **self._values(taken, resource.id),
            "properties": self._values(resource.properties, resource.id),
        }
        needs = sorted(self._needs(resource.properties, resource.id))
        if needs:
            written["dependsOn"] = needs
        return written

    def _name(self, own: ResourceId) -> str:
        top = self._parameters.get(_top(own).key)
        if top is None:
            return own.full_name
        rest = "".join(f"/{name}" for _, name in own.pairs[1:])
        if not rest:
            return f"[parameters('{top}')]"
        return f"[concat(parameters('{top}'), '{rest}')]"

    def _values(self, value: Any, own: ResourceId) -> Any:
        if isinstance(value, Mapping):
            return {
                name: self._values(inner, own)
                for name, inner in value.items()
                if name not in _told(value)
            }
        if isinstance(value, list):
            return [self._values(inner, own) for inner in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        found = self._referred(text)
        if found is None:
            return f"[{text}" if text.startswith("[") else text
        top, rest = found
        name = self._parameters.get(top.key)
        if name is None:
            return text
        expression = f"resourceId('{top.type}', parameters('{name}'))"
        return f"[concat({expression}, '{rest}')]" if rest else f"[{expression}]"

    def _referred(self, text: str) -> tuple[ResourceId, str] | None:
        """Take an id apart: the resource of this export that it leads to, the rest."""
        if not text.lower().startswith("/subscriptions/"):
            return None
        found = split(text)
        if found is None or not found[0].pairs:
            return None
        top = _top(found[0])
        if top.key not in self._resources:
            return None
        return self._resources[top.key].id, text[len(str(top)) :]

    def _needs(self, properties: Body, own: ResourceId) -> set[str]:
        found = {
            self._text(str(top))
            for text in _texts(properties)
            for top, _ in [self._referred(text) or (None, "")]
            if top is not None and top.key != _top(own).key
        }
        parent = own.parent
        if len(own.pairs) > 1 and parent.key in self._resources:
            found.add(self._text(str(parent)))
        return found


def _top(resource_id: ResourceId) -> ResourceId:
    return ResourceId(
        resource_id.subscription,
        resource_id.group,
        resource_id.namespace,
        resource_id.pairs[:1],
    )


def _parameter(resource_id: ResourceId) -> str:
    kind, name = resource_id.pairs[0]
    plain = re.sub(r"\W", "_", name)
    return f"{kind}_{plain}_name"


def _told(value: Mapping[str, Any]) -> frozenset[str]:
    """Return the names in an object that Azure answers and nobody writes.

    The ``id`` beside a ``name`` is an element's own; one alone is a reference.
    """
    return _ANSWERED | {"id", "type"} if {"id", "name"} <= set(value) else _ANSWERED


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value
