"""Resource ids: parse, compare, take apart.

``/subscriptions/{s}/resourceGroups/{g}/providers/{namespace}/{type}/{name}/...``;
comparison ignores case, spelling is kept. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from release.emulator.errors import bad_request

GROUP_TYPE = "Microsoft.Resources/resourceGroups"
SUBSCRIPTION_TYPE = "Microsoft.Resources/subscriptions"


@dataclass(frozen=True, slots=True)
class ResourceId:
    """One resource: where it is, and the chain of types and names down to it.

    A resource group has no pairs; neither has a subscription, whose `group` is "".
    `scope` is set for an extension resource: the resource that it extends.
    """

    subscription: str
    group: str = ""
    namespace: str = ""
    pairs: tuple[tuple[str, str], ...] = ()
    scope: ResourceId | None = None

    @property
    def type(self) -> str:
        """Full type, such as ``Microsoft.Network/virtualNetworks/subnets``."""
        if self.pairs:
            return "/".join((self.namespace, *(kind for kind, _ in self.pairs)))
        return GROUP_TYPE if self.group else SUBSCRIPTION_TYPE

    @property
    def name(self) -> str:
        """The last name."""
        if self.pairs:
            return self.pairs[-1][1]
        return self.group or self.subscription

    @property
    def full_name(self) -> str:
        """All names from the top, such as ``web-vnet/instances``."""
        return "/".join(name for _, name in self.pairs) or self.name

    @property
    def key(self) -> str:
        """The id in lower case, by which the store finds it."""
        return str(self).lower()

    @property
    def parent(self) -> ResourceId:
        """The resource, group or subscription that it lives in."""
        if len(self.pairs) > 1:
            return ResourceId(
                self.subscription,
                self.group,
                self.namespace,
                self.pairs[:-1],
                self.scope,
            )
        if self.pairs and self.scope:
            return self.scope
        if self.pairs and self.group:
            return self.group_id
        return ResourceId(self.subscription)

    @property
    def group_id(self) -> ResourceId:
        """Its resource group."""
        return ResourceId(self.subscription, self.group)

    def child(self, kind: str, name: str) -> ResourceId:
        """Return the id of a resource nested in this one."""
        return ResourceId(
            self.subscription,
            self.group,
            self.namespace,
            (*self.pairs, (kind, name)),
            self.scope,
        )

    def under(self, other: ResourceId) -> bool:
        """Tell whether it lives in `other`, at any depth."""
        return self.key.startswith(other.key + "/")

    def __str__(self) -> str:
        head = str(self.scope) if self.scope else f"/subscriptions/{self.subscription}"
        if self.group and not self.scope:
            head += f"/resourceGroups/{self.group}"
        if not self.pairs:
            return head
        tail = "/".join(f"{kind}/{name}" for kind, name in self.pairs)
        return f"{head}/providers/{self.namespace}/{tail}"


def group_id(subscription: str, group: str) -> ResourceId:
    """Return the id of a resource group."""
    return ResourceId(subscription, group)


def resource_id(
    subscription: str, group: str, full_type: str, *names: str
) -> ResourceId:
    """Return the id of a resource from its type and names."""
    namespace, *kinds = full_type.split("/")
    return ResourceId(
        subscription, group, namespace, tuple(zip(kinds, names, strict=True))
    )


def parse(text: str) -> ResourceId:
    """Parse a resource id.

    Raises:
        ArmError: 400 ``LinkedInvalidPropertyId`` when it is none.
    """
    found = split(text)
    if found is None or found[1]:
        raise bad_request(
            "LinkedInvalidPropertyId",
            f"Property id '{text}' is invalid. Expect fully qualified resource Id "
            "that start with '/subscriptions/{subscriptionId}' or "
            "'/providers/{resourceProviderNamespace}/'.",
        )
    return found[0]


def split(path: str) -> tuple[ResourceId, tuple[str, ...]] | None:
    """Split a path into the longest id that it starts with, and what follows.

    What follows is () for an id, a child type for a list of children, or the words
    of an action. Returns None for a path outside of /subscriptions.
    """
    words = [word for word in path.split("/") if word]
    if len(words) < 2 or words[0].lower() != "subscriptions":  # noqa: PLR2004
        return None
    subscription, words = words[1], words[2:]
    group = ""
    if len(words) >= 2 and words[0].lower() == "resourcegroups":  # noqa: PLR2004
        group, words = words[1], words[2:]
    found = ResourceId(subscription, group)
    while len(words) >= 2 and words[0].lower() == "providers":  # noqa: PLR2004
        namespace, words = words[1], words[2:]
        count = 0
        while 2 * count + 1 < len(words) and words[2 * count].lower() != "providers":
            count += 1
        if count == 0:
            return found, ("providers", namespace, *words)
        pairs = tuple((words[2 * i], words[2 * i + 1]) for i in range(count))
        scope = found if found.pairs else None
        found = ResourceId(subscription, group, namespace, pairs, scope)
        words = words[2 * count :]
    return found, tuple(words)
