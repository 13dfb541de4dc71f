"""Resources that live in an array of their parent: subnets, rules, pools.

The array in the parent's body is the truth. A PUT of the parent replaces all of it;
a PUT or DELETE of one element changes that element, and the parent with it.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from release.emulator.cloud import Cloud
from release.emulator.errors import bad_request
from release.emulator.ids import ResourceId, parse
from release.emulator.kinds import Action, Body, Call, Kind, Write
from release.emulator.store import Resource

_NAME = re.compile(r"\w([\w.-]{0,78}\w)?", re.ASCII)
_OWN = ("id", "name", "type", "etag", "properties")


@dataclass(frozen=True, kw_only=True, slots=True)
class Element:
    """One element of such an array, while it is checked.

    Args:
        id: Its own id.
        properties: Its properties as sent; a check fills in defaults.
        parent: Properties of the parent as they will be, other arrays included.
        before: Its properties as they are; None for a new one.
    """

    cloud: Cloud
    id: ResourceId
    properties: Body
    parent: Body
    before: Body | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Nested:
    """One such array: where it is, and what is particular to its elements."""

    parent: str
    """The parent's type."""
    name: str
    """The property, which is the last part of the type as well."""
    check: Callable[[Element], None] = lambda _: None
    """Check an element and fill in its defaults; raises ArmError."""
    check_all: Callable[[Cloud, ResourceId, Body], None] = lambda *_: None
    """Check the parent's properties as they will be."""
    show: Callable[[Cloud, Body], Body] = lambda _, element: element
    """Return an element with what is known of it by now; takes a copy."""
    refuse_removal: Callable[[Cloud, Resource], None] | None = None
    changed: Callable[[Cloud, Resource], Awaitable[None]] | None = None
    """Called with each element that was written, or that is being deleted."""
    writable: bool = True
    actions: Mapping[tuple[str, str], Action] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """The full type."""
        return f"{self.parent}/{self.name}"

    def elements(self, parent: Resource) -> list[Body]:
        """Return the stored array."""
        found: list[Body] = parent.properties.get(self.name) or []
        return found

    @property
    def kind(self) -> Kind:
        """The kind by which one element is read and written alone."""
        return Kind(
            type=self.type,
            needs_location=False,
            prepare=self._prepare,
            apply=self._apply,
            refuse_removal=self.refuse_removal,
            remove=self._remove,
            view=self._view,
            find=self._find,
            enumerate=self.all_in,
            keep=self._keep,
            drop=self._drop,
            writable=self.writable,
            part_of_parent=True,
            actions=self.actions,
            timing="network",
        )

    def _find(self, cloud: Cloud, resource_id: ResourceId) -> Resource | None:
        wanted = resource_id.name.lower()
        found = self.all_in(cloud, resource_id.parent)
        return next((one for one in found if one.id.name.lower() == wanted), None)

    def all_in(self, cloud: Cloud, scope: ResourceId) -> list[Resource]:
        """Return the elements of the parent of this id."""
        parent = cloud.store.get(scope)
        if parent is None or scope.type.lower() != self.parent.lower():
            return []
        return [
            Resource(id=parse(element["id"]), body=element, version=parent.version)
            for element in self.elements(parent)
        ]

    def _prepare(self, write: Write) -> Body:
        check_name(write.id.name)
        parent = write.cloud.get(write.id.parent)
        properties = copy.deepcopy(parent.properties)
        body = {**write.body, "properties": dict(write.body.get("properties") or {})}
        element = {**body, "id": str(write.id), "name": write.id.name}
        _put(properties.setdefault(self.name, []), element)
        self.check(
            Element(
                cloud=write.cloud,
                id=write.id,
                properties=body["properties"],
                parent=properties,
                before=write.existing.properties if write.existing else None,
            )
        )
        self.check_all(write.cloud, parent.id, properties)
        return body

    def _keep(self, cloud: Cloud, resource: Resource) -> None:
        parent = cloud.store.get(resource.id.parent)
        if parent is None:
            return
        _put(parent.properties.setdefault(self.name, []), resource.body)
        cloud.store.save(parent)
        resource.version = parent.version

    def _drop(self, cloud: Cloud, resource: Resource) -> None:
        parent = cloud.store.get(resource.id.parent)
        if parent is None:
            return
        name = resource.id.name.lower()
        kept = [e for e in self.elements(parent) if e["name"].lower() != name]
        parent.properties[self.name] = kept
        cloud.store.save(parent)

    def _view(self, cloud: Cloud, resource: Resource, _call: Call) -> Body:
        return self.show(cloud, copy.deepcopy(resource.body))

    async def _apply(
        self, cloud: Cloud, resource: Resource, _before: Body | None
    ) -> None:
        if self.changed:
            await self.changed(cloud, resource)

    async def _remove(self, cloud: Cloud, resource: Resource) -> None:
        if self.changed:
            await self.changed(cloud, resource)


def check_name(name: object) -> str:
    """Return a name that Microsoft.Network would take.

    Raises:
        ArmError: 400 ``InvalidResourceName``.
    """
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    raise bad_request(
        "InvalidResourceName",
        f"Resource name {name} is invalid. The name can be up to 80 characters long. "
        "It must begin with a word character, and it must end with a word character "
        "or with '_'. The name may contain word characters or '.', '-', '_'.",
    )


def arrange(write: Write, arrays: Sequence[Nested]) -> None:
    """Bring the arrays of a parent that is written into their stored form.

    Raises:
        ArmError: An element is wrong, or two are of one name.
    """
    properties = write.body.setdefault("properties", {})
    for nested in arrays:
        given = properties.get(nested.name) or []
        properties[nested.name] = [_stored(write, nested, one) for one in given]
        _check_distinct(nested, properties[nested.name])
    for nested in arrays:
        before = _by_name(nested.elements(write.existing)) if write.existing else {}
        for element in properties[nested.name]:
            nested.check(
                Element(
                    cloud=write.cloud,
                    id=parse(element["id"]),
                    properties=element["properties"],
                    parent=properties,
                    before=before.get(element["name"].lower()),
                )
            )
        nested.check_all(write.cloud, write.id, properties)


def _stored(write: Write, nested: Nested, given: Body) -> Body:
    name = check_name(given.get("name"))
    return {
        "id": str(write.id.child(nested.name, name)),
        "name": name,
        "type": nested.type,
        "properties": {
            **(given.get("properties") or {}),
            "provisioningState": "Succeeded",
        },
        **{key: value for key, value in given.items() if key not in _OWN},
    }


def _check_distinct(nested: Nested, elements: Iterable[Body]) -> None:
    seen: set[str] = set()
    for element in elements:
        name = element["name"].lower()
        if name in seen:
            raise bad_request(
                "InvalidRequestFormat",
                f"Cannot parse the request: {nested.name} has two elements of the "
                f"name '{element['name']}'.",
            )
        seen.add(name)


def _by_name(elements: Iterable[Body]) -> dict[str, Body]:
    return {e["name"].lower(): e["properties"] for e in elements}


def show_arrays(cloud: Cloud, parent: Resource, arrays: Iterable[Nested]) -> Body:
    """Return the parent's body with its arrays as a client sees them."""
    body = copy.deepcopy(parent.body)
    for nested in arrays:
        body["properties"][nested.name] = [
            {**nested.show(cloud, element), "etag": parent.etag}
            for element in body["properties"].get(nested.name) or ()
        ]
    return body


def _put(array: list[Body], element: Body) -> None:
    for index, one in enumerate(array):
        if one["name"].lower() == element["name"].lower():
            array[index] = element
            return
    array.append(element)
