"""Extensions of a scale-set model, one by one.

They are kept in the model, and written with it.
"""

from __future__ import annotations

import copy

from release.emulator.cloud import Cloud
from release.emulator.ids import ResourceId
from release.emulator.kinds import Body, Kind
from release.emulator.store import Resource

EXTENSION = "Microsoft.Compute/virtualMachineScaleSets/extensions"


def _extensions(scale_set: Resource) -> list[Body]:
    profile = scale_set.properties["virtualMachineProfile"]
    found = (profile.get("extensionProfile") or {}).get("extensions")
    return copy.deepcopy(found or [])


def _as_resource(scale_set: Resource, extension: Body) -> Resource:
    made = scale_set.id.child("extensions", extension["name"])
    properties = {**extension.get("properties", {}), "provisioningState": "Succeeded"}
    body = {"id": str(made), "name": made.name, "type": EXTENSION}
    return Resource(
        id=made, body={**body, "properties": properties}, version=scale_set.version
    )


def _find(cloud: Cloud, resource_id: ResourceId) -> Resource | None:
    return next(
        (
            found
            for found in _enumerate(cloud, resource_id.parent)
            if found.id.key == resource_id.key
        ),
        None,
    )


def _enumerate(cloud: Cloud, scope: ResourceId) -> list[Resource]:
    scale_set = cloud.find(scope)
    if scale_set is None:
        return []
    return [_as_resource(scale_set, extension) for extension in _extensions(scale_set)]


KINDS = (
    Kind(
        type=EXTENSION,
        needs_location=False,
        writable=False,
        find=_find,
        enumerate=_enumerate,
    ),
)
