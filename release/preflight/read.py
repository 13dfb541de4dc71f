"""Ask Azure, a function a question; nothing is changed by any of them.

They are asked in threads, and the SDK's models are not safe at their first use in two
of them: `Model.__new__` of each package's ``_utils/model_base.py`` reads the class's
dictionary while another thread adds to it, and an answer then stays a plain dict. So
of each package of the SDK one question at most reads models; the others ask with
`Azure.asked` and `Azure.listed`, which have none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from azure.core.exceptions import ResourceNotFoundError

from release.azure import gallery, lease, promotion, storage
from release.azure.clients import Azure
from release.azure.ids import group_id, part, resource_id
from release.azure.operations import call
from release.azure.rehearsal import Draft, rehearse
from release.preflight.plan import Plan
from release.preflight.seen import (
    Account,
    Bootable,
    Promoted,
    ScaleSet,
    Size,
    Subnet,
    Usage,
)
from release.preflight.what_if import WhatIf

COMPUTE_API = "2024-07-01"
GALLERY_API = "2024-03-03"
NETWORK_API = "2024-05-01"
PROVIDERS_API = "2021-04-01"
SKUS_API = "2021-07-01"
DEPLOYMENTS_API = "2022-09-01"
SCALE_SET = "Microsoft.Compute/virtualMachineScaleSets"
SUBNET = "instances"
"""Of azuredeploy.json."""

T = TypeVar("T")


def providers(azure: Azure, plan: Plan) -> dict[str, str]:
    """Return the registration state of each provider that the templates use."""
    return {name: _provider(azure, name) for name in plan.namespaces}


def _provider(azure: Azure, namespace: str) -> str:
    path = f"/subscriptions/{azure.subscription}/providers/{namespace}"
    found = call(
        azure,
        f"reading provider {namespace}",
        lambda: azure.asked(path, api_version=PROVIDERS_API),
    )
    return str(found["registrationState"])


def sizes(azure: Azure, plan: Plan) -> dict[str, Size]:
    """Return the sizes that are wanted, as far as the region has them, by name."""
    env = plan.env
    wanted = {plan.builder_size.lower(), env.instance_size.lower()}
    path = (
        f"/subscriptions/{azure.subscription}/providers/Microsoft.Compute/skus"
        f"?$filter=location%20eq%20'{env.location}'"
    )
    found = _list(azure, f"listing sizes in {env.location}", path, SKUS_API)
    return {
        raw["name"].lower(): Size.of(raw)
        for raw in found
        if raw["resourceType"] == "virtualMachines" and raw["name"].lower() in wanted
    }


def cores(azure: Azure, plan: Plan) -> dict[str, Usage]:
    """Return how many cores are used, by the quota's name in lower case."""
    return _usages(azure, plan, "Microsoft.Compute", COMPUTE_API)


def addresses(azure: Azure, plan: Plan) -> dict[str, Usage]:
    """Return what is used of the network, by the quota's name in lower case."""
    return _usages(azure, plan, "Microsoft.Network", NETWORK_API)


def _usages(azure: Azure, plan: Plan, provider: str, version: str) -> dict[str, Usage]:
    place = plan.env.location
    path = (
        f"/subscriptions/{azure.subscription}/providers/{provider}/locations/{place}"
        "/usages"
    )
    found = _list(azure, f"reading quotas of {provider} in {place}", path, version)
    usages = [Usage.of(raw) for raw in found]
    return {usage.name.lower(): usage for usage in usages}


def subnet(azure: Azure, plan: Plan) -> Subnet | None:
    """Return the subnet of the instances; None when there is none yet."""
    name = f"{plan.env.scale_set}-vnet"
    network = _id(azure, plan, "Microsoft.Network/virtualNetworks", name)
    found = _found(
        azure,
        f"reading what {name} uses",
        lambda: azure.listed(f"{network}/usages", api_version=NETWORK_API),
    )
    for raw in found or ():
        if part(raw["id"], "subnets").lower() == SUBNET:
            return Subnet(
                id=raw["id"], used=int(raw["currentValue"]), limit=int(raw["limit"])
            )
    return None


def definition(azure: Azure, plan: Plan) -> Bootable | None:
    """Return the image definition; None when the bake makes it."""
    name = part(plan.definition, "images")
    found = _get(azure, f"reading definition {name}", plan.definition, GALLERY_API)
    if found is None:
        return None
    return Bootable.of_definition(f"definition {name}", found["properties"])


def promoted(azure: Azure, plan: Plan) -> Promoted | None:
    """Return the image that passed last where it comes from; None where it is baked."""
    source = plan.source
    if source is None:
        return None
    home = azure.of(source.subscription)
    there = gallery.versions(home, source.env)
    found = promotion.last_passed(there, source.environment)
    if found is None:
        return Promoted(version="", others=len(there))
    raw = call(
        azure,
        f"reading image {found.name}",
        lambda: azure.asked(
            f"{found.id}?$expand=ReplicationStatus", api_version=GALLERY_API
        ),
    )
    return Promoted.of(raw, len(there), environment=source.environment)


def base(azure: Azure, plan: Plan) -> Bootable | None:
    """Return the marketplace image; of no generation when there is none of that name.

    None when only the builder knows what it starts from.
    """
    wanted = plan.base
    if wanted is None:
        return None
    name = f"base image {wanted.name}"
    path = (
        f"/subscriptions/{azure.subscription}/providers/Microsoft.Compute/locations/"
        f"{plan.env.location}/publishers/{wanted.publisher}/artifacttypes/vmimage"
        f"/offers/{wanted.offer}/skus/{wanted.sku}/versions"
    )
    version = wanted.version
    if version == "latest":
        version = _latest(azure, name, path) or version
    found = _get(azure, f"reading {name}", f"{path}/{version}", COMPUTE_API)
    if found is None:
        return Bootable(name=name, generation="")
    return Bootable.of_marketplace(name, found["properties"])


def _latest(azure: Azure, name: str, path: str) -> str:
    def request() -> str:
        # A bare array, unlike other lists.
        found: Any = azure.asked(
            f"{path}?$top=1&$orderby=name%20desc", api_version=COMPUTE_API
        )
        return str(found[0]["name"]) if found else ""

    return _found(azure, f"looking for {name}", request) or ""


def account(azure: Azure, plan: Plan) -> Account:
    """Return whether the storage account is there, or its name may be had."""
    name = plan.account
    found = storage.account(azure, plan.env)
    if found is not None:
        rules = found["properties"].get("networkAcls") or {}
        return Account(
            name=name, ours=True, firewall=rules.get("defaultAction") == "Deny"
        )
    answer = call(
        azure,
        f"asking for the name {name}",
        lambda: azure.asked(
            f"/subscriptions/{azure.subscription}/providers/Microsoft.Storage"
            "/checkNameAvailability",
            api_version=storage.ACCOUNT_API,
            method="POST",
            body={"name": name, "type": storage.ACCOUNT},
        ),
    )
    free = answer["nameAvailable"]
    return Account(name=name, ours=False, refused="" if free else answer["message"])


def scale_set(azure: Azure, plan: Plan) -> ScaleSet | None:
    """Return the scale set; None when there is none yet."""
    name = plan.env.scale_set
    path = _id(azure, plan, SCALE_SET, name)
    found = _get(azure, f"reading scale set {name}", path, COMPUTE_API)
    return ScaleSet.of(found) if found else None


def deployments(azure: Azure, plan: Plan) -> tuple[str, ...]:
    """Return the names of deployments to the group that have not ended."""
    group = group_id(azure.subscription, plan.env.resource_group)
    path = (
        f"{group}/providers/Microsoft.Resources/deployments"
        "?$filter=provisioningState%20eq%20'Running'"
    )
    found = _found(
        azure,
        f"listing deployments to {plan.env.resource_group}",
        lambda: azure.listed(path, api_version=DEPLOYMENTS_API),
    )
    return tuple(str(raw["name"]) for raw in found or ())


def holder(azure: Azure, plan: Plan) -> str:
    """Return who else holds the release lock, or ""."""
    if plan.locked:
        return ""
    found = lease.holder(azure, plan.env)
    return str(found) if found else ""


def what_if(azure: Azure, plan: Plan) -> WhatIf:
    """Return what the template would change.

    Raises:
        AzureError: Azure would not accept it.
    """
    wanted = Draft(
        name=f"release-{plan.build}",
        group=plan.env.resource_group,
        location=plan.env.location,
        body=plan.template,
        values=plan.values,
        checked_by_providers=bool(plan.image),
    )
    running = part(plan.image, "versions") or plan.image.rpartition("/")[2]
    note = (
        f"image {running}, which runs now, stands in for the one to come"
        if plan.image
        else "there is no image yet, so the providers have not looked at it"
    )
    return WhatIf.of(rehearse(azure, wanted), note=note)


def _id(azure: Azure, plan: Plan, kind: str, name: str) -> str:
    return resource_id(azure.subscription, plan.env.resource_group, kind, name)


def _list(azure: Azure, doing: str, path: str, version: str) -> list[dict[str, Any]]:
    return call(azure, doing, lambda: azure.listed(path, api_version=version))


def _get(azure: Azure, doing: str, path: str, version: str) -> dict[str, Any] | None:
    return _found(azure, doing, lambda: azure.asked(path, api_version=version))


def _found(azure: Azure, doing: str, request: Callable[[], T]) -> T | None:
    """Return an answer; None where there is nothing, or no group to hold it."""

    def look() -> T | None:
        try:
            return request()
        except ResourceNotFoundError:
            return None

    return call(azure, doing, look)
