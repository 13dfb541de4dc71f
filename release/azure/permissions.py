"""What the principal must be allowed to do, and what of it it is not.

Azure tells every caller its own permissions at a subscription, a group or a resource
(source: REST reference, "Permissions - List For Resource Group"), so a missing role
is found before a release has begun. The lists below are what a release asks for;
docs/azure.md shows them as roles.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from azure.core.exceptions import ResourceNotFoundError

from release.azure.clients import Azure
from release.azure.ids import group_id, resource_id
from release.azure.operations import call
from release.azure.storage import account_name
from release.settings import Environment

API_VERSION = "2022-04-01"
WRITE_VERSION = "Microsoft.Compute/galleries/images/versions/write"
"""To replicate an image, and to mark it as passed."""
BLOBS = "Microsoft.Storage/storageAccounts/blobServices"


class Place(StrEnum):
    """Where a release needs rights."""

    BUILDER = "subscription"
    IMAGES = "group of images"
    SITE = "group of the scale set"
    ACCOUNT = "storage account"
    SOURCE = "group of the image's own gallery"


ROLES: Mapping[Place, str] = {
    Place.BUILDER: "Contributor",
    Place.IMAGES: "Contributor",
    Place.SITE: "Contributor",
    Place.ACCOUNT: "Storage Blob Data Contributor",
    Place.SOURCE: "Contributor",
}
"""The built-in role that holds what a place needs."""

_DEPLOYMENTS = (
    "Microsoft.Resources/deployments/delete",
    "Microsoft.Resources/deployments/read",
    "Microsoft.Resources/deployments/write",
    "Microsoft.Resources/deployments/cancel/action",
    "Microsoft.Resources/deployments/validate/action",
    "Microsoft.Resources/deployments/whatIf/action",
    "Microsoft.Resources/deployments/operations/read",
    "Microsoft.Resources/deployments/operationStatuses/read",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
)
_NETWORK = (
    "Microsoft.Network/natGateways/join/action",
    "Microsoft.Network/natGateways/read",
    "Microsoft.Network/natGateways/write",
    "Microsoft.Network/networkSecurityGroups/join/action",
    "Microsoft.Network/networkSecurityGroups/read",
    "Microsoft.Network/networkSecurityGroups/write",
    "Microsoft.Network/publicIPAddresses/join/action",
    "Microsoft.Network/publicIPAddresses/read",
    "Microsoft.Network/publicIPAddresses/write",
    "Microsoft.Network/virtualNetworks/read",
    "Microsoft.Network/virtualNetworks/subnets/join/action",
    "Microsoft.Network/virtualNetworks/write",
)
ACTIONS: Mapping[Place, tuple[str, ...]] = {
    Place.BUILDER: (
        *_DEPLOYMENTS,
        *_NETWORK,
        "Microsoft.Compute/disks/read",
        "Microsoft.Compute/disks/write",
        "Microsoft.Compute/locations/usages/read",
        "Microsoft.Compute/skus/read",
        "Microsoft.Compute/locations/publishers/artifacttypes/offers/skus/versions/read",
        "Microsoft.Compute/virtualMachines/deallocate/action",
        "Microsoft.Compute/virtualMachines/generalize/action",
        "Microsoft.Compute/virtualMachines/read",
        "Microsoft.Compute/virtualMachines/runCommands/read",
        "Microsoft.Compute/virtualMachines/runCommands/write",
        "Microsoft.Compute/virtualMachines/write",
        # Old images stay where it is not known what still refers to them.
        "Microsoft.Compute/virtualMachineScaleSets/read",
        "Microsoft.Network/locations/usages/read",
        "Microsoft.Network/networkInterfaces/join/action",
        "Microsoft.Network/networkInterfaces/read",
        "Microsoft.Network/networkInterfaces/write",
        "Microsoft.Resources/subscriptions/providers/read",
        "Microsoft.Resources/subscriptions/resourceGroups/delete",
        "Microsoft.Resources/subscriptions/resourceGroups/write",
    ),
    Place.IMAGES: (
        *_DEPLOYMENTS,
        "Microsoft.Compute/galleries/images/read",
        "Microsoft.Compute/galleries/images/versions/delete",
        "Microsoft.Compute/galleries/images/versions/read",
        WRITE_VERSION,
        "Microsoft.Compute/galleries/images/write",
        "Microsoft.Compute/galleries/read",
        "Microsoft.Compute/galleries/write",
        f"{BLOBS}/containers/read",
        f"{BLOBS}/containers/write",
        "Microsoft.Storage/storageAccounts/read",
        "Microsoft.Storage/storageAccounts/write",
    ),
    Place.SITE: (
        *_DEPLOYMENTS,
        *_NETWORK,
        "Microsoft.Compute/virtualMachineScaleSets/delete",
        "Microsoft.Compute/virtualMachineScaleSets/manualUpgrade/action",
        "Microsoft.Compute/virtualMachineScaleSets/read",
        "Microsoft.Compute/virtualMachineScaleSets/reimage/action",
        "Microsoft.Compute/virtualMachineScaleSets/rollingUpgrades/cancel/action",
        "Microsoft.Compute/virtualMachineScaleSets/rollingUpgrades/read",
        "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/instanceView/read",
        "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/read",
        "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/runCommand/action",
        "Microsoft.Compute/virtualMachineScaleSets/write",
        "Microsoft.Network/loadBalancers/backendAddressPools/join/action",
        "Microsoft.Network/loadBalancers/backendAddressPools/read",
        "Microsoft.Network/loadBalancers/read",
        "Microsoft.Network/loadBalancers/write",
        "Microsoft.Network/virtualNetworks/usages/read",
    ),
    Place.ACCOUNT: (f"{BLOBS}/generateUserDelegationKey/action",),
    Place.SOURCE: (
        "Microsoft.Compute/galleries/images/read",
        "Microsoft.Compute/galleries/images/versions/read",
        WRITE_VERSION,
    ),
}
DATA_ACTIONS: Mapping[Place, tuple[str, ...]] = {
    Place.ACCOUNT: tuple(
        f"{BLOBS}/containers/blobs/{word}"
        for word in ("add/action", "delete", "read", "write")
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """Rights that a release needs at one scope and the principal has not."""

    place: Place
    scope: str
    """Resource id of the subscription, group or account."""
    actions: tuple[str, ...]
    """Data actions included."""
    role: str
    """The built-in role that would grant them."""

    def __str__(self) -> str:
        first, *rest = self.actions
        more = f" and {len(rest)} more" if rest else ""
        return f"{self.place} {self.scope}: {first}{more} not allowed"

    @property
    def fix(self) -> str:
        """What to do about it."""
        return (
            f"grant {self.role}, or a role of your own as docs/azure.md lists it: "
            f'az role assignment create --assignee CLIENT --role "{self.role}" '
            f"--scope {self.scope}"
        )


def missing(azure: Azure, env: Environment, *, source: str = "") -> list[Missing]:
    """Return what the principal lacks for a release to an environment.

    Args:
        azure: Who asks, and where.
        env: Names the groups and the account.
        source: Id of the group whose gallery the image comes from, unbaked: then no
            builder is needed. "" where it may have to be baked.

    Raises:
        AzureError: The permissions cannot be read.
    """
    needless = Place.BUILDER if source else Place.SOURCE
    found = []
    for place in Place:
        if place is needless:
            continue
        scope = source if place is Place.SOURCE else _scope(azure, env, place)
        lacking = lacks(place, _permissions(azure, scope))
        if lacking:
            found.append(
                Missing(place=place, scope=scope, actions=lacking, role=ROLES[place])
            )
    return found


def lacks(place: Place, permissions: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the actions of a place that no permission grants. Pure."""
    held = list(permissions)
    return (
        *(
            action
            for action in ACTIONS[place]
            if not _granted(action, held, "actions", "notActions")
        ),
        *(
            action
            for action in DATA_ACTIONS.get(place, ())
            if not _granted(action, held, "dataActions", "notDataActions")
        ),
    )


def _granted(
    action: str, permissions: list[Mapping[str, Any]], granting: str, denying: str
) -> bool:
    return any(
        _matches(permission.get(granting), action)
        and not _matches(permission.get(denying), action)
        for permission in permissions
    )


def _matches(patterns: Iterable[str] | None, action: str) -> bool:
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE)
        for pattern in patterns or ()
    )


def _scope(azure: Azure, env: Environment, place: Place) -> str:
    subscription, images = azure.subscription, env.image_resource_group
    if place is Place.SITE:
        return group_id(subscription, env.resource_group)
    if place is Place.IMAGES:
        return group_id(subscription, images)
    if place is Place.ACCOUNT:
        name = env.storage_account or account_name(subscription, images)
        return resource_id(
            subscription, images, "Microsoft.Storage/storageAccounts", name
        )
    return f"/subscriptions/{subscription}"


def _permissions(azure: Azure, scope: str) -> list[dict[str, Any]]:
    """Return what is granted at a scope; of one that is missing, what it will have."""

    def request() -> list[dict[str, Any]] | None:
        try:
            return azure.listed(
                f"{scope}/providers/Microsoft.Authorization/permissions",
                api_version=API_VERSION,
            )
        except ResourceNotFoundError:
            return None

    found = call(azure, f"reading the permissions at {scope}", request)
    if found is not None:
        return found
    # A release makes the group or the account: roles come down from what is above.
    return _permissions(azure, _above(scope))


def _above(scope: str) -> str:
    """Return the group that a resource is in, or the subscription of a group."""
    kept = 5 if "/providers/" in scope else 3
    return "/".join(scope.split("/")[:kept])
