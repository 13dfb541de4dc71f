"""Resource providers, asked for in a subscription and in the tenant."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ResourceExistsError

INSIGHTS = "Microsoft.Insights"


def test_providers_are_registered(azure) -> None:
    found = azure.resources.providers.get("microsoft.resources")
    assert found.namespace == "Microsoft.Resources"
    assert found.registration_state == "Registered"
    assert found.registration_policy == "RegistrationFree"


def test_the_tenant_has_them_as_well(azure) -> None:
    found = {one.namespace for one in azure.resources.providers.list_at_tenant_scope()}
    assert found == {one.namespace for one in azure.resources.providers.list()}
    one = azure.resources.providers.get_at_tenant_scope("microsoft.insights")
    assert (one.id, one.registration_state) == (f"/providers/{INSIGHTS}", None)


def test_their_types_are_listed(azure) -> None:
    found = azure.resources.provider_resource_types.list(INSIGHTS).value
    assert [one.resource_type for one in found] == ["autoscaleSettings"]


def test_their_operations_are_those_of_roles(azure) -> None:
    _, _, found = azure.ask("GET", f"/providers/{INSIGHTS}/operations")
    of = f"{INSIGHTS}/autoscaleSettings"
    assert [one["name"] for one in found["value"]] == [
        f"{of}/read",
        f"{of}/write",
        f"{of}/delete",
    ]
    assert found["value"][0]["display"] == {
        "provider": INSIGHTS,
        "resource": "autoscaleSettings",
        "operation": "read",
        "description": f"read of {of}",
    }


def test_one_that_nothing_is_left_of_is_unregistered(azure) -> None:
    providers = azure.resources.providers
    assert providers.unregister(INSIGHTS).registration_state == "NotRegistered"
    assert providers.get(INSIGHTS).registration_state == "NotRegistered"
    assert providers.register(INSIGHTS).registration_state == "Registered"


def test_one_that_is_in_use_stays(azure) -> None:
    azure.resources.resource_groups.create_or_update("used", {"location": "westus2"})
    used = f"{azure.scope}/resourceGroups/used/providers/{INSIGHTS}/autoscaleSettings/a"
    one = {"name": "p", "capacity": {"minimum": "1", "maximum": "1", "default": "1"}}
    azure.ask("PUT", used, {"location": "westus2", "properties": {"profiles": [one]}})
    with pytest.raises(ResourceExistsError) as caught:
        azure.resources.providers.unregister(INSIGHTS)
    azure.resources.resource_groups.begin_delete("used").result()
    assert caught.value.error.code == "CannotUnregisterProvider"
    assert caught.value.error.message == (
        f"The resource provider '{INSIGHTS}' cannot be unregistered: it has '{used}'."
    )


def test_one_that_all_resources_need_stays(azure) -> None:
    with pytest.raises(ResourceExistsError) as caught:
        azure.resources.providers.unregister("Microsoft.Resources")
    assert caught.value.error.message == (
        "The resource provider 'Microsoft.Resources' cannot be unregistered: all "
        "resources need it."
    )


@pytest.mark.parametrize(
    ("path", "said"),
    [
        pytest.param(
            "/providers/Microsoft.ResourceGraph/resources",
            "InvalidResourceNamespace: The resource namespace "
            "'Microsoft.ResourceGraph' is invalid. This embedded Azure has "
            "Microsoft.Authorization, Microsoft.Compute, Microsoft.Insights, "
            "Microsoft.ManagedIdentity, Microsoft.Network, Microsoft.Resources, "
            "Microsoft.Storage.",
            id="a-namespace",
        ),
        pytest.param(
            "/providers/Microsoft.Resources/deployments",
            "NotFound: 'GET /providers/Microsoft.Resources/deployments' is not served: "
            "this embedded Azure has resources of subscriptions, and none of a tenant "
            "or a management group.",
            id="a-resource-of-the-tenant",
        ),
        pytest.param(
            "{scope}/providers/Microsoft.Storage/locations/westus2/deletedAccounts",
            "NotFound: 'GET {scope}/providers/Microsoft.Storage/locations/westus2"
            "/deletedAccounts' is not served by this embedded Azure: a location of "
            "Microsoft.Storage has usages here.",
            id="what-a-location-has-not",
        ),
    ],
)
def test_what_is_not_served_is_named_beside_what_is(azure, path, said) -> None:
    asked, expected = (text.format(scope=azure.scope) for text in (path, said))
    status, _, told = azure.ask("GET", asked)
    error = told["error"]
    assert (status, f"{error['code']}: {error['message']}") == (404, expected)


def test_the_first_version_of_the_endpoints_had_a_form_of_its_own(azure) -> None:
    _, _, found = azure.ask("GET", "/metadata/endpoints?api-version=2015-01-01")
    arm = azure.endpoint["arm"]
    assert found == {
        "galleryEndpoint": arm,
        "graphEndpoint": "https://graph.windows.net/",
        "portalEndpoint": arm,
        "authentication": {
            "loginEndpoint": arm,
            "audiences": [
                "https://management.azure.com/",
                "https://management.core.windows.net/",
            ],
        },
    }
