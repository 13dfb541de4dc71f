"""What the principal may do here: roles, their assignments, and the check of them.

The one principal is the owner of everything, until a client says otherwise at
``/emulator/principal``; then only what role assignments grant it is allowed, inside
template deployments as well. What Azure also asks for where one resource is joined
to another (``subnets/join/action`` and the like), and the data of blobs, are left
out: those roles are told, but their want is not refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from release.emulator.errors import ArmError
from release.emulator.ids import GROUP_TYPE, ResourceId
from release.emulator.store import Store

ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
DEFINITION = "Microsoft.Authorization/roleDefinitions"
Permission = Mapping[str, list[str]]

_READ = "Microsoft.Authorization/*/read"
_DEPLOY = "Microsoft.Resources/deployments/*"
_GROUPS = "Microsoft.Resources/subscriptions/resourceGroups/read"
_BLOBS = "Microsoft.Storage/storageAccounts/blobServices"


def _permission(*actions: str, without: tuple[str, ...] = (), data: str = "") -> Any:
    return {
        "actions": list(actions),
        "notActions": list(without),
        "dataActions": data.split(),
        "notDataActions": [],
    }


# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles; of the
# longer ones what belongs to the types that are here.
BUILT_IN: Mapping[str, tuple[str, Permission]] = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": ("Owner", _permission("*")),
    "b24988ac-6180-42a0-ab88-20f7382dd24c": (
        "Contributor",
        _permission(
            "*",
            without=(
                "Microsoft.Authorization/*/Delete",
                "Microsoft.Authorization/*/Write",
                "Microsoft.Authorization/elevateAccess/Action",
                "Microsoft.Compute/galleries/share/action",
            ),
        ),
    ),
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": ("Reader", _permission("*/read")),
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": (
        "User Access Administrator",
        _permission("*/read", "Microsoft.Authorization/*"),
    ),
    "9980e02c-c2be-4d73-94e8-173b1dc7cf3c": (
        "Virtual Machine Contributor",
        _permission(
            _READ,
            "Microsoft.Compute/disks/*",
            "Microsoft.Compute/virtualMachines/*",
            "Microsoft.Compute/virtualMachineScaleSets/*",
            "Microsoft.Network/networkInterfaces/*",
            "Microsoft.Network/virtualNetworks/read",
            _DEPLOY,
            _GROUPS,
        ),
    ),
    "4d97b98b-1d4f-4787-a291-c67834d212e7": (
        "Network Contributor",
        _permission(_READ, "Microsoft.Network/*", _DEPLOY, _GROUPS),
    ),
    "17d1049b-9a84-46fb-8f53-869881c3d3ab": (
        "Storage Account Contributor",
        _permission(_READ, "Microsoft.Storage/storageAccounts/*", _DEPLOY, _GROUPS),
    ),
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": (
        "Storage Blob Data Owner",
        _permission(
            f"{_BLOBS}/containers/*",
            f"{_BLOBS}/generateUserDelegationKey/action",
            data=f"{_BLOBS}/containers/blobs/*",
        ),
    ),
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": (
        "Storage Blob Data Contributor",
        _permission(
            f"{_BLOBS}/containers/delete",
            f"{_BLOBS}/containers/read",
            f"{_BLOBS}/containers/write",
            f"{_BLOBS}/generateUserDelegationKey/action",
            data=" ".join(
                f"{_BLOBS}/containers/blobs/{word}"
                for word in ("delete", "read", "write", "move/action", "add/action")
            ),
        ),
    ),
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": (
        "Storage Blob Data Reader",
        _permission(
            f"{_BLOBS}/containers/read",
            f"{_BLOBS}/generateUserDelegationKey/action",
            data=f"{_BLOBS}/containers/blobs/read",
        ),
    ),
    "f1a07417-d97a-45cb-824c-7a7467783830": (
        "Managed Identity Operator",
        _permission(
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/read",
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action",
            _READ,
            _DEPLOY,
            _GROUPS,
        ),
    ),
    "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59": (
        "Managed Identity Contributor",
        _permission(
            "Microsoft.ManagedIdentity/userAssignedIdentities/*",
            _READ,
            _DEPLOY,
            _GROUPS,
        ),
    ),
}
EVERYTHING: Permission = _permission("*", data="*")


@dataclass(kw_only=True)
class Roles:
    """The principal's rights.

    Attributes:
        store: Holds assignments and definitions.
        client_id: Of the principal, as refusals name it.
        object_id: Of the principal, as assignments name it.
        owner: Whether it may do everything, whatever is assigned.
    """

    store: Store
    client_id: str
    object_id: str
    owner: bool = True

    def permissions(self, scope: ResourceId) -> list[Permission]:
        """Return what it has at a scope: granted there, or above."""
        if self.owner:
            return [EVERYTHING]
        return [
            permission
            for assigned, definition in self._assigned()
            if covers(assigned, scope)
            for permission in self._granted(definition)
        ]

    def sees(self, subscription: ResourceId) -> bool:
        """Tell whether it has a role at a subscription, above it or anywhere below.

        Others are not listed to it.
        https://learn.microsoft.com/rest/api/resources/subscriptions/list
        """
        below = f"{subscription.key}/"
        return self.owner or any(
            covers(assigned, subscription) or assigned.lower().startswith(below)
            for assigned, _ in self._assigned()
        )

    def _assigned(self) -> Iterator[tuple[str, str]]:
        """Yield scope and definition of each role that it has."""
        for assignment in self.store.of_type(ASSIGNMENT):
            told = assignment.properties
            if told["principalId"].lower() == self.object_id:
                yield told["scope"], told["roleDefinitionId"]

    def _granted(self, definition: str) -> Iterator[Permission]:
        name = definition.rpartition("/")[2].lower()
        if name in BUILT_IN:
            yield BUILT_IN[name][1]
        for own in self.store.of_type(DEFINITION):
            if own.id.name.lower() == name:
                yield from own.properties["permissions"]

    def check(self, action: str, scope: ResourceId) -> None:
        """Refuse what no role grants.

        Raises:
            ArmError: 403 ``AuthorizationFailed``.
        """
        # Azure names groups below subscriptions here, and only here.
        action = action.replace(
            GROUP_TYPE, "Microsoft.Resources/subscriptions/resourceGroups"
        )
        if not allowed(self.permissions(scope), action):
            raise ArmError(
                403,
                "AuthorizationFailed",
                f"The client '{self.client_id}' with object id '{self.object_id}' does "
                f"not have authorization to perform action '{action}' over scope "
                f"'{scope}' or the scope is invalid. If access was recently granted, "
                "please refresh your credentials.",
            )


def allowed(permissions: list[Permission], action: str) -> bool:
    """Tell whether one of some permissions grants an action."""
    return any(
        _matches(permission["actions"], action)
        and not _matches(permission.get("notActions") or [], action)
        for permission in permissions
    )


def _matches(patterns: list[str], action: str) -> bool:
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE)
        for pattern in patterns
    )


def covers(assigned: str, scope: ResourceId) -> bool:
    """Tell whether what is assigned at one scope holds at another."""
    return f"{scope.key}/".startswith(f"{assigned.lower().rstrip('/')}/")
