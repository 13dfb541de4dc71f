"""Microsoft.Resources: resource groups and what is in them."""

from __future__ import annotations

import re
from typing import Any

from release.emulator import filters
from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError, bad_request, conflict
from release.emulator.ids import GROUP_TYPE, ResourceId, group_id
from release.emulator.kinds import Body, Call, Kind, Reply, Route, Write
from release.emulator.resources.exports import export_template
from release.emulator.store import Resource

_NAME = re.compile(r"[-\w._()]{1,90}(?<!\.)")


def prepare(write: Write) -> Body:
    """Check a resource group's name and keep what it may have."""
    if not _NAME.fullmatch(write.id.group):
        raise bad_request(
            "InvalidResourceGroupName",
            f"The provided resource group name '{write.id.group}' has these invalid "
            "characters or is longer than 90: only letters, digits, '-', '.', '_', "
            "'(' and ')' are allowed, and no '.' at the end.",
        )
    return {
        "location": write.body["location"],
        "tags": write.body.get("tags") or {},
        "properties": {},
    }


async def remove(cloud: Cloud, group: Resource) -> None:
    """Delete all that is in a group: what others use comes last."""
    while left := [r for r in cloud.store.under(group.id) if _top_level(r, group)]:
        removable = [r for r in left if not _refusal(cloud, r)]
        removable = removable or [r for r in _nested(cloud, group) if r not in left]
        if not removable:
            raise conflict(
                "ResourceGroupDeletionBlocked",
                "Deletion of resource group '"
                f"{group.id.name}' failed as resources with identifiers "
                f"'{', '.join(r.id.full_name for r in left)}' could not be deleted.",
                target=str(left[0].id),
            )
        for resource in removable:
            running = cloud.operations.on(resource.id)
            if running:
                cloud.operations.cancel(running)
                await running.done.wait()
            operation = cloud.delete_along(resource.id)
            if operation:
                await cloud.operations.wait(operation)


def _nested(cloud: Cloud, group: Resource) -> list[Resource]:
    """Return nested resources that can go, such as a gallery's images."""
    return [
        resource
        for resource in cloud.store.under(group.id)
        if cloud.kinds.of(resource.id.type).writable and not _refusal(cloud, resource)
    ]


def _top_level(resource: Resource, group: Resource) -> bool:
    return len(resource.id.pairs) == 1 and resource.id.group_id.key == group.id.key


def _refusal(cloud: Cloud, resource: Resource) -> ArmError | None:
    refuse = cloud.kinds.of(resource.id.type).refuse_removal
    if refuse is None:
        return None
    try:
        refuse(cloud, resource)
    except ArmError as error:
        return error
    return None


async def list_groups(call: Call) -> Reply:
    """List the subscription's groups; $filter by one tag."""
    scope = ResourceId(call.names["subscription"])
    found = [
        call.cloud.show(group, call)
        for group in call.cloud.store.of_type(GROUP_TYPE, scope)
    ]
    return _kept(call, found, _OF_GROUPS)


_TRACKED_CHILDREN = (
    "microsoft.compute/galleries/images",
    "microsoft.compute/galleries/images/versions",
    "microsoft.compute/virtualmachines/extensions",
    "microsoft.compute/virtualmachines/runcommands",
)
"""Nested resources that ARM tracks, and so lists beside the top-level ones."""
_LISTED = (
    *("id", "name", "type", "location", "tags", "sku", "kind", "zones"),
    *("identity", "plan"),
)
_PARTS = (
    "identity/principalId",
    *("plan/publisher", "plan/product", "plan/name", "plan/version"),
    "plan/promotionCode",
)
_PROPERTIES = (
    *("subscriptionId", "resourceType", "resourceGroup", "name", "location"),
    *_PARTS,
)
_TAG = ("tagName", "tagValue")
_OF_RESOURCES: filters.Askable = {
    "eq": (*_PROPERTIES, *_TAG),
    "ne": _PROPERTIES,
    "substringof": ("name", "resourceGroup"),
    "startswith": ("tagName",),
}
_OF_GROUPS: filters.Askable = {"eq": _TAG}


def _listed(resource: Resource, expand: str) -> dict[str, Any]:
    """Return a resource as lists show it, with what ``$expand`` asks for."""
    shown = {k: v for k, v in resource.body.items() if k in _LISTED}
    more = {
        "provisioningState": resource.state,
        "createdTime": resource.private.get("created_time"),
        "changedTime": resource.private.get("changed_time"),
    }
    return shown | {k: v for k, v in more.items() if k.lower() in expand and v}


async def list_resources(call: Call) -> Reply:
    """List all top-level resources of a group or subscription; $filter as ARM's."""
    scope = ResourceId(call.names["subscription"])
    if "group" in call.names:
        scope = group_id(call.names["subscription"], call.names["group"])
        call.cloud.get(scope)
    expand = call.query.get("$expand", "").lower()
    found = [
        _listed(resource, expand)
        for resource in call.cloud.store.under(scope)
        if resource.id.type.lower() in _TRACKED_CHILDREN
        or (
            len(resource.id.pairs) == 1
            and resource.id.scope is None
            and resource.id.namespace.lower() != "microsoft.authorization"
            and resource.id.type.lower() != "microsoft.resources/deployments"
        )
    ]
    return _kept(call, found, _OF_RESOURCES)


def _kept(call: Call, bodies: list[Body], askable: filters.Askable) -> Reply:
    """Return a list with what ``$filter`` keeps: tags are asked for one at a time."""
    keeps = filters.read(call.query.get("$filter", ""), askable)
    value = [body for body in bodies if any(map(keeps, _facts(body)))]
    return Reply(body={"value": value})


def _facts(body: Body) -> list[dict[str, str]]:
    """Return what a filter may ask for, once for each tag."""
    within = {part: part.split("/") for part in _PARTS}
    own = {
        part.lower(): str((body.get(outer) or {}).get(inner, ""))
        for part, (outer, inner) in within.items()
    } | {
        "subscriptionid": body["id"].split("/")[2],
        "resourcetype": body["type"],
        "resourcegroup": body["id"].split("/")[4],
        "name": body["name"],
        "location": body.get("location", ""),
    }
    tags = body.get("tags") or {"": ""}
    return [own | {"tagname": n, "tagvalue": str(v)} for n, v in tags.items()]


KINDS = (
    Kind(
        type=GROUP_TYPE,
        prepare=prepare,
        remove=remove,
        actions={("POST", "exporttemplate"): export_template},
    ),
)
ROUTES = (
    Route(
        method="GET",
        pattern="/subscriptions/{subscription}/resourcegroups",
        answer=list_groups,
    ),
    Route(
        method="GET",
        pattern="/subscriptions/{subscription}/resources",
        answer=list_resources,
    ),
    Route(
        method="GET",
        pattern="/subscriptions/{subscription}/resourcegroups/{group}/resources",
        answer=list_resources,
    ),
)
