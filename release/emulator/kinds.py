"""Kinds of resources, and the registry of them.

A kind is a value: functions for what it does differently, defaults for the rest.
A provider module exports `KINDS` (and `ROUTES` for paths that are no resources);
`resources/__init__` lists the providers.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from release.emulator.errors import ArmError
from release.emulator.ids import ResourceId
from release.emulator.operations import Operation
from release.emulator.store import Resource

if TYPE_CHECKING:
    from release.emulator.cloud import Cloud

Body = dict[str, Any]

API_VERSION = "2024-11-01"
"""The version that providers are said to have; any well-formed one is served."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Write:
    """A PUT or PATCH, before it is carried out."""

    cloud: Cloud
    id: ResourceId
    body: Body
    """As sent; for a PATCH already merged into what is there."""
    existing: Resource | None
    api_version: str
    private: dict[str, Any]
    """Goes into the resource's private part; starts as the existing one's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A request for an action, a view or a route."""

    cloud: Cloud
    method: str
    query: Mapping[str, str]
    """Names in lower case."""
    body: Any
    api_version: str
    origin: str
    """scheme://host:port as the client wrote it: for absolute URLs."""
    id: ResourceId = field(default_factory=lambda: ResourceId(""))
    names: Mapping[str, str] = field(default_factory=dict)
    """What a route's pattern caught."""
    resource: Resource | None = None
    """The resource that an action is asked of."""

    @property
    def target(self) -> Resource:
        """The resource that an action is asked of, which is there."""
        assert self.resource is not None  # noqa: S101 - actions run on what exists
        return self.resource


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """A plain answer."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    whole: bool = False
    """A list that comes on one page, however long: some have no nextLink."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """An answer that comes later: 202 with the URLs to poll."""

    operation: Operation
    location_only: bool = False
    """Leave Azure-AsyncOperation out, as ARM's own deletes do."""


Action = Callable[[Call], Awaitable["Reply | Accepted"]]


def as_sent(write: Write) -> Body:
    """Take a body as it came."""
    return write.body


def as_stored(_cloud: Cloud, resource: Resource, _call: Call) -> Body:
    """Show a body as it is stored."""
    return resource.body


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """What is particular to one resource type."""

    type: str
    """In Azure's own spelling."""
    needs_location: bool = True
    read_only: tuple[str, ...] = ()
    """Dotted paths of what a body may hold, as it was read, but nobody may write;
    through a list they lead into each of its elements."""
    prepare: Callable[[Write], Body] = as_sent
    """Check a write and return the body to store (properties with defaults filled
    in, read-only ones kept from `existing`); raises ArmError for a bad one. The
    kernel adds id, name, type and provisioningState. Must not wait."""
    apply: Callable[[Cloud, Resource, Body | None], Awaitable[None]] | None = None
    """Carry out a write in the background; the last argument is the body before it,
    None for a new resource. Without it a write is done at once (200 or 201). Changes
    of the resource are saved by the kernel at the end."""
    refuse_removal: Callable[[Cloud, Resource], None] | None = None
    """Raise the ArmError when the resource is in use."""
    remove: Callable[[Cloud, Resource], Awaitable[None]] | None = None
    """Undo what `apply` made, in the background; the kernel forgets the resource."""
    removes_at_once: bool = False
    """Answer a DELETE with 200 instead of 202."""
    shows_removed: bool = False
    """Whether that 200 shows what there was."""
    view: Callable[[Cloud, Resource, Call], Body] = as_stored
    """The body to show for a GET, a list, and a finished write. Copy before adding."""
    find: Callable[[Cloud, ResourceId], Resource | None] | None = None
    """Find a resource that is kept inside another (an inline subnet, say)."""
    enumerate: Callable[[Cloud, ResourceId], Iterable[Resource]] | None = None
    """List such resources below a parent id."""
    keep: Callable[[Cloud, Resource], None] | None = None
    """Store such a resource inside the other one, instead of by itself."""
    drop: Callable[[Cloud, Resource], None] | None = None
    """Take such a resource out of the other one."""
    actions: Mapping[tuple[str, str], Action] = field(default_factory=dict)
    """By method and tail in lower case: ("POST", "deallocate"),
    ("GET", "rollingupgrades/latest")."""
    busy: Callable[[Cloud, Operation], ArmError] | None = None
    """The 409 for a write while another one runs; None for the usual one."""
    creates_with: int = 201
    """The status of a write that creates: some providers answer 202."""
    created_as: str = "Creating"
    """The state of one that is being made: some providers call it Updating."""
    part_of_parent: bool = False
    """Whether a write of it is one of its parent: neither goes on beside the other."""
    changes_at_once: bool = False
    """Whether a write of what is there has ended when it is answered."""
    puts_merge: bool = False
    """Whether a PUT keeps property bags that it leaves out, as scale sets do."""
    keeps_nulls: bool = False
    """Whether a null in a body means something, as in a template."""
    shows_etag: bool = False
    """Whether the body has the etag in it, beside the header."""
    writable: bool = True
    """False for what exists only through its parent: PUT and DELETE are 405."""
    timing: str = ""
    """The pace's name for how long a write takes, such as ``vm.create``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """A path that is no resource, such as a location's usages."""

    method: str
    pattern: str
    """``/subscriptions/{subscription}/locations``; {name} catches one segment,
    {name*} one or more."""
    answer: Action
    takes_template: bool = False
    """Whether the body is a template: not of Azure's classes, so taken as it came."""

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return what the pattern catches, or None; case does not matter."""
        if method != self.method:
            return None
        expression = re.sub(r"\{(\w+)\*\}", r"(?P<\1>.+)", self.pattern)
        expression = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", expression)
        found = re.fullmatch(expression, path.rstrip("/"), re.IGNORECASE)
        return None if found is None else found.groupdict()


class Kinds:
    """The registry: types and routes that this emulator knows."""

    def __init__(self, kinds: Iterable[Kind], routes: Iterable[Route] = ()) -> None:
        self._kinds = {kind.type.lower(): kind for kind in kinds}
        self.routes = tuple(routes)

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def knows(self, full_type: str) -> bool:
        """Tell whether there is such a type."""
        return full_type.lower() in self._kinds

    def of(self, full_type: str) -> Kind:
        """Return the kind.

        Raises:
            ArmError: 404 for a namespace or a type that is not known; both
                name what is.
        """
        kind = self._kinds.get(full_type.lower())
        if kind:
            return kind
        namespace = full_type.partition("/")[0]
        self.check_namespace(namespace)
        known = sorted(
            k.type
            for k in self._kinds.values()
            if k.type.lower().startswith(namespace.lower() + "/")
        )
        near = difflib.get_close_matches(full_type, known, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise ArmError(
            404,
            "InvalidResourceType",
            f"The resource type '{full_type.partition('/')[2]}' could not be found in "
            f"the namespace '{namespace}'.{hint} This embedded Azure has "
            f"{', '.join(known)}.",
        )

    @property
    def namespaces(self) -> list[str]:
        """The resource providers that there are, sorted."""
        return sorted({kind.type.partition("/")[0] for kind in self})

    def check_namespace(self, namespace: str) -> None:
        """Raise the 404 for a resource provider that is not known."""
        if namespace.lower() not in {known.lower() for known in self.namespaces}:
            raise ArmError(
                404,
                "InvalidResourceNamespace",
                f"The resource namespace '{namespace}' is invalid. This embedded "
                f"Azure has {', '.join(self.namespaces)}.",
            )

    def spelled(self, resource_id: ResourceId) -> ResourceId:
        """Return the id with namespace and types as Azure spells them."""
        if not resource_id.pairs:
            return resource_id
        kind = self._kinds.get(resource_id.type.lower())
        if kind is None:
            return resource_id
        namespace, *types = kind.type.split("/")
        names = [name for _, name in resource_id.pairs]
        return ResourceId(
            resource_id.subscription,
            resource_id.group,
            namespace,
            tuple(zip(types, names, strict=True)),
            self.spelled(resource_id.scope) if resource_id.scope else None,
        )
