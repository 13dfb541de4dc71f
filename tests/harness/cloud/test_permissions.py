"""What the principal lacks, asked of an embedded Azure over HTTPS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.core.exceptions import HttpResponseError

from release.azure import groups
from release.azure.clients import Azure
from release.azure.permissions import Missing, Place, missing
from release.errors import AzureError
from release.settings import Environment
from tests.harness.entra import Principal

ENV = Environment.model_validate(
    {
        "cloud": "azure",
        "resource_group": "roles-site",
        "image_resource_group": "roles-images",
        "storage_account": "rolesaccount",
        "scale_set": "web",
        "gallery": "shop",
        "image_definition": "shop",
    }
)


@pytest.fixture
def principal(azure: Azure) -> Iterator[Principal]:
    found = Principal(azure)
    yield found
    found.put(owner=True)
    scopes = [f"/subscriptions/{azure.subscription}"]
    scopes += [group.id or "" for group in azure.resources.resource_groups.list()]
    for scope in scopes:
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments"
        for one in azure.listed(path, api_version="2022-04-01"):
            azure.resources.resources.begin_delete_by_id(
                one["id"], api_version="2022-04-01"
            ).result()


def test_an_owner_lacks_nothing(azure: Azure, principal: Principal) -> None:
    assert principal.object_id
    assert missing(azure, ENV) == []


def test_a_contributor_lacks_the_data_of_blobs(
    azure: Azure, principal: Principal
) -> None:
    subscription = f"/subscriptions/{azure.subscription}"
    principal.has(("Contributor", subscription))

    (found,) = missing(azure, ENV)

    blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
    scope = (
        f"{subscription}/resourceGroups/roles-images/providers/"
        "Microsoft.Storage/storageAccounts/rolesaccount"
    )
    assert found == Missing(
        place=Place.ACCOUNT,
        scope=scope,
        actions=tuple(
            f"{blobs}/{word}" for word in ("add/action", "delete", "read", "write")
        ),
        role="Storage Blob Data Contributor",
    )
    assert str(found) == (
        f"storage account {scope}: {blobs}/add/action and 3 more not allowed"
    )
    assert found.fix == (
        "grant Storage Blob Data Contributor, or a role of your own as docs/azure.md "
        "lists it: az role assignment create --assignee CLIENT --role "
        f'"Storage Blob Data Contributor" --scope {scope}'
    )


def test_both_built_in_roles_are_enough(azure: Azure, principal: Principal) -> None:
    subscription = f"/subscriptions/{azure.subscription}"
    principal.has(
        ("Contributor", subscription), ("Storage Blob Data Contributor", subscription)
    )
    assert missing(azure, ENV) == []


def test_a_role_at_one_group_is_none_at_another(
    azure: Azure, principal: Principal
) -> None:
    subscription = f"/subscriptions/{azure.subscription}"
    azure.resources.resource_groups.create_or_update(
        "roles-site", {"location": "westeurope"}
    )
    principal.has(
        ("Reader", subscription),
        ("Contributor", f"{subscription}/resourceGroups/roles-site"),
    )

    places = [found.place for found in missing(azure, ENV)]

    assert places == [Place.BUILDER, Place.IMAGES, Place.ACCOUNT]
    source = f"{subscription}/resourceGroups/roles-qa"
    *unbaked, marks = missing(azure, ENV, source=source)
    assert [found.place for found in unbaked] == [Place.IMAGES, Place.ACCOUNT]
    assert str(marks) == (
        f"group of the image's own gallery {source}: "
        "Microsoft.Compute/galleries/images/versions/write not allowed"
    )


def test_what_no_role_grants_is_refused(azure: Azure, principal: Principal) -> None:
    principal.has(("Reader", f"/subscriptions/{azure.subscription}"))

    with pytest.raises(AzureError) as caught:
        groups.create(azure, "roles-new", location="westeurope", labels={})

    client = "33333333-3333-3333-3333-333333333333"
    assert caught.value.code == "AuthorizationFailed"
    assert caught.value.what == (
        "creating resource group roles-new failed: AuthorizationFailed: The client "
        f"'{client}' with object id '{principal.object_id}' does not have "
        "authorization to perform action "
        "'Microsoft.Resources/subscriptions/resourceGroups/write' over scope "
        f"'/subscriptions/{azure.subscription}/resourceGroups/roles-new' or the scope "
        "is invalid. If access was recently granted, please refresh your credentials."
    )


def test_who_may_delete_a_group_may_delete_all_that_is_in_it(
    azure: Azure, principal: Principal
) -> None:
    """Also what it may make and not delete, one by one."""
    made = f"/subscriptions/{azure.subscription}/resourceGroups/roles-full"
    principal.define(
        "group maker",
        (
            "Microsoft.Resources/subscriptions/resourceGroups/*",
            "Microsoft.Network/publicIPAddresses/read",
            "Microsoft.Network/publicIPAddresses/write",
        ),
        (),
    )
    principal.has(("group maker", f"/subscriptions/{azure.subscription}"))
    resources = azure.resources.resources
    groups.create(azure, "roles-full", location="westeurope", labels={})
    address = f"{made}/providers/Microsoft.Network/publicIPAddresses/one"
    resources.begin_create_or_update_by_id(
        address, {"location": "westeurope"}, api_version="2024-05-01"
    ).result()

    with pytest.raises(HttpResponseError, match="publicIPAddresses/delete"):
        resources.begin_delete_by_id(address, api_version="2024-05-01")
    azure.resources.resource_groups.begin_delete("roles-full").result()

    assert not azure.resources.resource_groups.check_existence("roles-full")


def test_a_subscription_without_a_role_in_it_is_not_listed(
    azure: Azure, principal: Principal
) -> None:
    def seen() -> list[str]:
        listed = resources.get_by_id("subscriptions", api_version="2022-12-01")
        return [each["subscriptionId"] for each in dict(listed)["value"]]

    resources = azure.resources.resources
    everything = seen()
    azure.resources.resource_groups.create_or_update(
        "roles-site", {"location": "westeurope"}
    )
    group = f"/subscriptions/{azure.subscription}/resourceGroups/roles-site"
    principal.has(("Reader", group))

    assert len(everything) > 1
    assert seen() == [azure.subscription]
