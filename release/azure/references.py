"""Which images scale sets need: those of their models, and those to go back to."""

from __future__ import annotations

from functools import partial

from azure.mgmt.compute import models

from release.azure import tags
from release.azure.clients import Azure
from release.azure.operations import call

SUBSCRIPTIONS_API = "2022-12-01"


def needed(azure: Azure) -> frozenset[str]:
    """Return ids, in lower case, of the images that scale sets refer to.

    Of all scale sets in all subscriptions that the principal sees, whoever made them:
    the image of the model, and the one of the build that passed before it. A model
    that names a definition without a version stands for its newest one, and is
    returned as it is.

    Raises:
        AzureError: One of them could not be asked: then nobody knows.
    """
    found: set[str] = set()
    for subscription in _subscriptions(azure):
        sets = call(
            azure,
            f"listing scale sets of subscription {subscription}",
            partial(_list, azure.of(subscription)),
        )
        for scale_set in sets:
            found |= of(scale_set)
    return frozenset(found)


def _list(azure: Azure) -> list[models.VirtualMachineScaleSet]:
    return list(azure.compute.virtual_machine_scale_sets.list_all())


def _subscriptions(azure: Azure) -> list[str]:
    """Return ids of the subscriptions that the principal sees (source: "List")."""
    found = call(
        azure,
        "listing subscriptions",
        lambda: azure.resources.resources.get_by_id(
            "subscriptions", api_version=SUBSCRIPTIONS_API
        ),
    )
    seen = {str(each["subscriptionId"]) for each in dict(found)["value"]}
    return sorted(seen | {azure.subscription})


def of(scale_set: models.VirtualMachineScaleSet) -> set[str]:
    """Return ids, in lower case, of the images that a scale set refers to. Pure."""
    profile = scale_set.virtual_machine_profile
    storage = profile.storage_profile if profile else None
    image = storage.image_reference if storage else None
    identifier = ((image.id if image else None) or "").lower()
    if not identifier:
        return set()
    labels = scale_set.tags or {}
    if kept := labels.get(tags.LAST_IMAGE):
        return {identifier, kept.lower()}
    if good := labels.get(tags.LAST_PASSED):
        return {identifier, f"{identifier.rpartition('/')[0]}/{good}"}
    return {identifier}
