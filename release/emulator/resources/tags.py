"""Microsoft.Resources/tags: the tags of whatever has an id, read and written alone.

https://learn.microsoft.com/rest/api/resources/tags
"""

from __future__ import annotations

from typing import Any, Final

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError, bad_request
from release.emulator.ids import ResourceId, split
from release.emulator.kinds import Call, Reply, Route
from release.emulator.store import Resource
from release.emulator.tags import check_tags

_SUBSCRIPTION_TAGS: Final = "tags.subscription"


def subscription_tags(cloud: Cloud) -> dict[str, str]:
    """Return the tags of the subscription itself."""
    found: dict[str, str] = cloud.store.fact(_SUBSCRIPTION_TAGS) or {}
    return found


class _Tagged:
    """What carries the tags that a request is about."""

    def __init__(self, call: Call) -> None:
        found = split(call.names["scope"])
        if found is None or found[1]:
            raise ArmError(
                404, "NotFound", f"'{call.names['scope']}' is no id of a resource."
            )
        self.cloud = call.cloud
        self.id = found[0]
        whole = bool(self.id.pairs or self.id.group)
        self.resource: Resource | None = self.cloud.get(self.id) if whole else None

    @property
    def tags(self) -> dict[str, str]:
        if self.resource is None:
            return subscription_tags(self.cloud)
        return dict(self.resource.body.get("tags") or {})

    @tags.setter
    def tags(self, tags: dict[str, str]) -> None:
        check_tags(tags)
        self.cloud.roles.check("Microsoft.Resources/tags/write", self.id)
        if self.resource is None:
            self.cloud.store.remember(_SUBSCRIPTION_TAGS, tags)
            return
        if self.cloud.store.get(self.id) is None:
            raise bad_request(
                "ResourceNotTaggable", f"The resource '{self.id}' cannot have tags."
            )
        self.cloud.operations.check_free(self.id)
        self.resource.body["tags"] = tags
        self.cloud.store.save(self.resource)

    def shown(self) -> Reply:
        scope: ResourceId = self.resource.id if self.resource else self.id
        body = {
            "id": f"{scope}/providers/Microsoft.Resources/tags/default",
            "name": "default",
            "type": "Microsoft.Resources/tags",
            "properties": {"tags": self.tags},
        }
        return Reply(body=body)


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
    """Merge tags, replace them, or delete those of these names."""
    tagged, given = _Tagged(call), _given(call)
    check_tags(given)
    operation = str((call.body or {}).get("operation", ""))
    names = {name.lower(): name for name in tagged.tags}
    left = tagged.tags
    if operation.lower() == "replace":
        left = given
    elif operation.lower() == "merge":
        left |= {names.get(name.lower(), name): value for name, value in given.items()}
    elif operation.lower() == "delete":
        for name, value in given.items():
            if left.get(names.get(name.lower(), "")) == value:
                del left[names[name.lower()]]
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

KINDS = ()
ROUTES = (
    Route(method="GET", pattern=_PATH, answer=show),
    Route(method="PUT", pattern=_PATH, answer=replace),
    Route(method="PATCH", pattern=_PATH, answer=change),
    Route(method="DELETE", pattern=_PATH, answer=clear),
)
