"""Extensions of a scale-set model, one by one.

They are kept in the model, and written with it or alone; the scale set is held
meanwhile. Instances take a change as the upgrade policy says.
"""

from __future__ import annotations

import copy

from release.emulator.cloud import Cloud
from release.emulator.ids import ResourceId
from release.emulator.kinds import Body, Kind, Write
from release.emulator.resources.compute.model import check_extensions, digest
from release.emulator.resources.compute.profiles import required
from release.emulator.resources.compute.scale_sets import bring_up_to_date
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


def _prepare(write: Write) -> Body:
    scale_set = write.cloud.get(write.id.parent)
    properties = write.body.setdefault("properties", {})
    for name in ("publisher", "type", "typeHandlerVersion"):
        required(properties, name)
    write.private["protected"] = properties.pop("protectedSettings", None)
    others = [e for e in _extensions(scale_set) if not _named(e, write.id.name)]
    changed = copy.deepcopy(scale_set.properties)
    _put(changed, [*others, {"name": write.id.name, "properties": properties}])
    check_extensions(changed)
    return write.body


def _named(extension: Body, name: str) -> bool:
    return str(extension["name"]).lower() == name.lower()


def _put(properties: Body, extensions: list[Body]) -> None:
    profile = properties["virtualMachineProfile"]
    profile.setdefault("extensionProfile", {})["extensions"] = extensions


def _keep(cloud: Cloud, resource: Resource) -> None:
    """Write one into the model.

    One that instances could not give up stays out of it all the same.
    """
    scale_set = cloud.get(resource.id.parent)
    name = resource.id.name
    body = {k: v for k, v in resource.properties.items() if k != "provisioningState"}
    own = {"name": name, "properties": body}
    extensions = _extensions(scale_set)
    places = [at for at, e in enumerate(extensions) if _named(e, name)]
    if places:
        extensions[places[0]] = own
    elif resource.private.get("dropped"):
        return
    else:
        extensions.append(own)
    protected = scale_set.private.setdefault("protected", {})
    if resource.private.get("protected") is not None:
        protected[name] = resource.private["protected"]
    _store(cloud, scale_set, extensions)
    resource.version = scale_set.version


def _drop(cloud: Cloud, resource: Resource) -> None:
    """Take one out of the model."""
    scale_set = cloud.get(resource.id.parent)
    name = resource.id.name
    scale_set.private.setdefault("protected", {}).pop(name, None)
    _store(cloud, scale_set, [e for e in _extensions(scale_set) if not _named(e, name)])


def _store(cloud: Cloud, scale_set: Resource, extensions: list[Body]) -> None:
    _put(scale_set.properties, extensions)
    scale_set.private["model"] = digest(scale_set.body, scale_set.private)
    cloud.store.save(scale_set)


async def _remove(cloud: Cloud, resource: Resource) -> None:
    _drop(cloud, resource)
    resource.private["dropped"] = True
    await bring_up_to_date(cloud, cloud.get(resource.id.parent))


async def _apply(cloud: Cloud, resource: Resource, _before: Body | None) -> None:
    await bring_up_to_date(cloud, cloud.get(resource.id.parent))


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
        part_of_parent=True,
        prepare=_prepare,
        apply=_apply,
        remove=_remove,
        find=_find,
        enumerate=_enumerate,
        keep=_keep,
        drop=_drop,
    ),
)
