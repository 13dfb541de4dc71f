"""Microsoft.Resources/tags: the tags of whatever has an id, read and written alone.

They live in what has them: a client and a template both write them there.
https://learn.microsoft.com/rest/api/resources/tags
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from release.emulator.cloud import Cloud
from release.emulator.errors import bad_request
from release.emulator.ids import ResourceId
from release.emulator.kinds import Body, Call, Kind, Reply, Route, Write
from release.emulator.resources.scopes import scope_of
from release.emulator.store import Resource
from release.emulator.tags import check_tags

TYPE: Final = "Microsoft.Resources/tags"


def _fact(subscription: str) -> str:
    return f"tags.subscription.{subscription.lower()}"


def subscription_tags(cloud: Cloud, subscription: str) -> dict[str, str]:
    """Return the tags of a subscription itself."""
    found: dict[str, str] = cloud.store.fact(_fact(subscription)) or {}
    return found


# --- as a resource ----------------------------------------------------------------


def tags_id(scope: ResourceId) -> ResourceId:
    """Return the id of the tags of something."""
    return ResourceId(
        scope.subscription,
        scope.group,
        "Microsoft.Resources",
        (("tags", "default"),),
        scope if scope.pairs else None,
    )


def find_tags(cloud: Cloud, wanted: ResourceId) -> Resource | None:
    """Find the tags of something that is there."""
    scope = wanted.parent
    tags = subscription_tags(cloud, scope.subscription)
    if scope.pairs or scope.group:
        owner = cloud.find(scope)
        if owner is None:
            return None
        scope, tags = owner.id, dict(owner.body.get("tags") or {})
    found = tags_id(scope)
    body = {"id": str(found), "name": "default", "type": TYPE}
    return Resource(id=found, body=body | {"properties": {"tags": tags}})


def list_tags(cloud: Cloud, scope: ResourceId) -> Iterable[Resource]:
    """List the one set of tags that something has."""
    found = find_tags(cloud, tags_id(scope))
    return [found] if found else []


def prepare_tags(write: Write) -> Body:
    """Check tags, and that what is to have them can."""
    if write.id.name.lower() != "default":
        raise bad_request(
            "InvalidTagsResourceName",
            f"Tags have the name 'default', and not '{write.id.name}'.",
        )
    scope = write.id.parent
    if scope.pairs or scope.group:
        write.cloud.get(scope)
        if write.cloud.store.get(scope) is None:
            raise bad_request(
                "ResourceNotTaggable", f"The resource '{scope}' cannot have tags."
            )
    tags = (write.body.get("properties") or {}).get("tags") or {}
    check_tags(tags)
    return {"properties": {"tags": tags}}


def keep_tags(cloud: Cloud, resource: Resource) -> None:
    """Write tags into what has them."""
    scope, tags = resource.id.parent, resource.properties["tags"]
    owner = cloud.store.get(scope)
    if owner is None:
        cloud.store.remember(_fact(scope.subscription), tags)
    else:
        owner.body["tags"] = tags
        cloud.store.save(owner)


def view_tags(_cloud: Cloud, resource: Resource, _call: Call) -> Body:
    """Show tags, which have no state of their own."""
    return resource.body | {"properties": {"tags": resource.properties["tags"]}}


# --- as a client asks for them ----------------------------------------------------


class _Tagged:
    """What carries the tags that a request is about."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._id = tags_id(scope_of(call.cloud, call.names["scope"]))

    @property
    def tags(self) -> dict[str, str]:
        found: dict[str, str] = self._call.cloud.get(self._id).properties["tags"]
        return found

    @tags.setter
    def tags(self, tags: dict[str, str]) -> None:
        body = {"properties": {"tags": tags}}
        self._call.cloud.put(self._id, body, api_version=self._call.api_version)

    def shown(self) -> Reply:
        cloud = self._call.cloud
        return Reply(body=cloud.show(cloud.get(self._id), self._call))


def _given(call: Call) -> dict[str, Any]:
    body = call.body if isinstance(call.body, dict) else {}
    tags = (body.get("properties") or {}).get("tags")
    return tags if tags is not None else {}


async def show(call: Call) -> Reply:
    """Show the tags."""
    return _Tagged(call).shown()


async def replace(call: Call) -> Reply:
    """Put these tags in the place of those that there are."""
    tagged = _Tagged(call)
    tagged.tags = _given(call)
    return tagged.shown()


async def change(call: Call) -> Reply:
    """Merge tags, replace them, or delete those of these names.

    A name that is given no value is deleted whatever its value is.
    """
    tagged, given = _Tagged(call), _given(call)
    operation = str((call.body or {}).get("operation", ""))
    names = {name.lower(): name for name in tagged.tags}
    left = tagged.tags
    if operation.lower() == "replace":
        left = given
    elif operation.lower() == "merge":
        left |= {names.get(name.lower(), name): value for name, value in given.items()}
    elif operation.lower() == "delete":
        for name, value in given.items():
            there = names.get(name.lower(), "")
            if there in left and value in (None, "", left[there]):
                del left[there]
    else:
        raise bad_request(
            "InvalidTagPatchOperation",
            f"The operation '{operation}' is none of 'Merge', 'Replace', 'Delete'.",
        )
    tagged.tags = left
    return tagged.shown()


async def clear(call: Call) -> Reply:
    """Delete all tags."""
    _Tagged(call).tags = {}
    return Reply()


_PATH = "{scope*}/providers/Microsoft.Resources/tags/default"

KINDS = (
    Kind(
        type=TYPE,
        needs_location=False,
        part_of_parent=True,
        prepare=prepare_tags,
        find=find_tags,
        enumerate=list_tags,
        keep=keep_tags,
        view=view_tags,
    ),
)
ROUTES = (
    Route(method="GET", pattern=_PATH, answer=show),
    Route(method="PUT", pattern=_PATH, answer=replace),
    Route(method="PATCH", pattern=_PATH, answer=change),
    Route(method="DELETE", pattern=_PATH, answer=clear),
)
