"""Where a template is deployed to, and what its functions say about that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from release.emulator.template.errors import Refused
from release.emulator.template.values import Json

_ZONED: Final = frozenset(
    [
        "australiaeast",
        "brazilsouth",
        "canadacentral",
        "centralindia",
        "centralus",
        "eastasia",
        "eastus",
        "eastus2",
        "francecentral",
        "germanywestcentral",
        "israelcentral",
        "italynorth",
        "japaneast",
        "koreacentral",
        "mexicocentral",
        "newzealandnorth",
        "northeurope",
        "norwayeast",
        "polandcentral",
        "qatarcentral",
        "southafricanorth",
        "southcentralus",
        "southeastasia",
        "spaincentral",
        "swedencentral",
        "switzerlandnorth",
        "uaenorth",
        "uksouth",
        "westeurope",
        "westus2",
        "westus3",
    ]
)
"""Regions with availability zones, as Azure's list of regions had them in 2026."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """The target of a deployment and the moment of it.

    Args:
        subscription_id: The subscription deployed to.
        tenant_id: Its tenant.
        resource_group: ``name``, ``location``, ``id`` and ``tags``; None for a
            deployment at subscription scope.
        deployment_name: The name of the deployment.
        deployment_location: Where a deployment at subscription scope is kept.
        utc_now: The time that ``utcNow()`` gives.
        cloud: What ``environment()`` gives.
        new_guid: What ``newGuid()`` calls.
        deployer: What ``deployer()`` gives.
        subscription_name: The display name of the subscription.
    """

    subscription_id: str
    tenant_id: str
    resource_group: Mapping[str, Json] | None = None
    deployment_name: str = "deployment"
    deployment_location: str | None = None
    utc_now: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    cloud: Mapping[str, Json] = field(default_factory=dict)
    new_guid: Callable[[], str] = lambda: "00000000-0000-0000-0000-000000000000"
    deployer: Mapping[str, Json] = field(default_factory=dict)
    subscription_name: str = "Subscription"

    @property
    def subscription_path(self) -> str:
        """The id of the subscription."""
        return f"/subscriptions/{self.subscription_id}"

    @property
    def path(self) -> str:
        """The id of what is deployed to."""
        if self.resource_group is None:
            return self.subscription_path
        return f"{self.subscription_path}/resourceGroups/{self.resource_group['name']}"

    def group(self) -> dict[str, Json]:
        """Return what ``resourceGroup()`` gives."""
        group = self.resource_group
        if group is None:
            raise Refused(
                "The template function 'RESOURCEGROUP' is not expected at this "
                "location. The function is not available at subscription scope. "
                "Please see https://aka.ms/arm-functions for usage details."
            )
        return {
            "id": group.get("id") or self.path,
            "name": group["name"],
            "type": "Microsoft.Resources/resourceGroups",
            "location": group.get("location"),
            "tags": dict(group.get("tags") or {}),
            "properties": {"provisioningState": "Succeeded"},
        }

    def subscription(self) -> dict[str, Json]:
        """Return what ``subscription()`` gives."""
        return {
            "id": self.subscription_path,
            "subscriptionId": self.subscription_id,
            "tenantId": self.tenant_id,
            "displayName": self.subscription_name,
        }

    def tenant(self) -> dict[str, Json]:
        """Return what ``tenant()`` gives."""
        return {
            "countryCode": "US",
            "displayName": "Tenant",
            "id": f"/tenants/{self.tenant_id}",
            "tenantId": self.tenant_id,
        }

    def deployment(self, template: Json, parameters: Json) -> dict[str, Json]:
        """Return what ``deployment()`` gives."""
        described: dict[str, Json] = {
            "name": self.deployment_name,
            "properties": {
                "template": {
                    key: value
                    for key, value in template.items()
                    if key in {"$schema", "contentVersion", "metadata"}
                },
                "templateHash": "",
                "parameters": parameters,
                "mode": "Incremental",
                "provisioningState": "Accepted",
            },
        }
        if self.resource_group is None:
            described["location"] = self.deployment_location
        return described


def zones(location: str) -> list[str]:
    """Return the availability zones of a region; none where it has none."""
    normal = location.replace(" ", "").lower()
    return ["1", "2", "3"] if normal in _ZONED else []
