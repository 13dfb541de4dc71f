"""Tenants, subscriptions, locations."""

from __future__ import annotations

from typing import Any

from release.emulator.cloud import Cloud
from release.emulator.ids import ResourceId
from release.emulator.kinds import Call, Reply, Route
from release.emulator.regions import DISPLAYED
from release.emulator.resources.tags import subscription_tags


def subscription(cloud: Cloud, identifier: str) -> dict[str, Any]:
    """Return a subscription's body."""
    number = cloud.identity.subscriptions.index(identifier.lower()) + 1
    return {
        "id": f"/subscriptions/{identifier.lower()}",
        "subscriptionId": identifier.lower(),
        "tenantId": cloud.identity.tenant,
        "displayName": "Embedded Azure" if number == 1 else f"Embedded Azure {number}",
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "tags": subscription_tags(cloud, identifier),
    }


async def list_subscriptions(call: Call) -> Reply:
    """List the subscriptions that the principal has a role in."""
    cloud = call.cloud
    value = [
        subscription(cloud, each)
        for each in cloud.identity.subscriptions
        if cloud.roles.sees(ResourceId(each))
    ]
    return Reply(body={"value": value})


async def show_subscription(call: Call) -> Reply:
    """Show one."""
    return Reply(body=subscription(call.cloud, call.names["subscription"]))


async def list_tenants(call: Call) -> Reply:
    """List the one tenant."""
    tenant = call.cloud.identity.tenant
    body = {"id": f"/tenants/{tenant}", "tenantId": tenant, "displayName": "Embedded"}
    return Reply(body={"value": [body]})


async def list_locations(call: Call) -> Reply:
    """List the regions that resources may be in."""
    base = f"/subscriptions/{call.names['subscription']}/locations"
    value = [
        {
            "id": f"{base}/{name}",
            "name": name,
            "displayName": displayed,
            "regionalDisplayName": displayed,
            "type": "Region",
            "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
        }
        for name, displayed in DISPLAYED.items()
    ]
    return Reply(body={"value": value}, whole=True)


_SUBSCRIPTION = "/subscriptions/{subscription}"

KINDS = ()
ROUTES = (
    Route(method="GET", pattern="/subscriptions", answer=list_subscriptions),
    Route(method="GET", pattern="/tenants", answer=list_tenants),
    Route(method="GET", pattern=_SUBSCRIPTION, answer=show_subscription),
    Route(method="GET", pattern=f"{_SUBSCRIPTION}/locations", answer=list_locations),
)
