import asyncio

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.resource.resources.models import ResourceGroup, ResourceGroupPatchable

from release.emulator.errors import ArmError
from release.emulator.ids import parse

STORE = "Microsoft.Storage/storageAccounts"


@pytest.fixture(scope="module")
def estate(azure):
    """Two accounts in a group, and a lock on one of them."""
    groups = azure.resources.resource_groups
    groups.create_or_update("listed", {"location": "westus2"})
    scope = f"{azure.scope}/resourceGroups/listed"
    for name, tags in (
        ("listedone", {"team": "web", "by": "ops"}),
        ("listedtwo", {"by": "ops"}),
    ):
        body = {
            "location": "westus2",
            "sku": {"name": "Standard_LRS"},
            "kind": "StorageV2",
            "tags": tags,
        }
        azure.ask("PUT", f"{scope}/providers/{STORE}/{name}", body)
    lock = "providers/Microsoft.Authorization/locks/keep"
    locks = [f"{scope}/{lock}", f"{scope}/providers/{STORE}/listedone/{lock}"]
    for one in locks:
        azure.ask("PUT", one, {"properties": {"level": "CanNotDelete"}})
    yield
    for one in locks:
        azure.ask("DELETE", one)
    groups.begin_delete("listed").result()


def test_a_group_is_created_shown_and_deleted(azure) -> None:
    groups = azure.resources.resource_groups
    made = groups.create_or_update(
        "made", ResourceGroup(location="West US 2", tags={"dept": "web"})
    )
    assert (made.name, made.location, made.tags) == ("made", "westus2", {"dept": "web"})
    assert groups.check_existence("MADE")
    assert groups.update("made", ResourceGroupPatchable(tags={"a": "b"})).tags == {
        "a": "b"
    }
    assert "made" in [group.name for group in groups.list()]
    groups.begin_delete("made").result()
    assert not groups.check_existence("made")


def test_a_group_that_is_not_there_is_named(azure) -> None:
    with pytest.raises(ResourceNotFoundError) as caught:
        azure.resources.resource_groups.get("nowhere")
    assert caught.value.error.code == "ResourceGroupNotFound"
    assert caught.value.error.message == "Resource group 'nowhere' could not be found."


def test_an_unknown_region_lists_those_there_are(azure) -> None:
    with pytest.raises(HttpResponseError) as caught:
        azure.resources.resource_groups.create_or_update(
            "x", ResourceGroup(location="mars")
        )
    assert caught.value.error.code == "LocationNotAvailableForResourceType"


@pytest.mark.usefixtures("estate")
@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        pytest.param(None, ["listedone", "listedtwo"], id="all"),
        pytest.param("startswith(tagname, 'te')", ["listedone"], id="tag"),
        pytest.param(
            "tagName eq 'team' and tagValue eq 'ops'", [], id="value-of-another-tag"
        ),
        pytest.param(
            f"name eq 'listedtwo' or resourceType eq '{STORE}'",
            ["listedone", "listedtwo"],
            id="or",
        ),
        pytest.param("location ne 'westus2'", [], id="ne"),
        pytest.param(
            "(subscriptionId eq '22222222-2222-2222-2222-222222222222') and "
            "plan/publisher ne 'x' and identity/principalId eq ''",
            ["listedone", "listedtwo"],
            id="parts",
        ),
    ],
)
def test_resources_are_listed_without_what_extends_them(azure, wanted, names) -> None:
    found = azure.resources.resources.list_by_resource_group("listed", filter=wanted)
    assert [one.name for one in found] == names


def test_a_group_is_found_by_its_tags_alone(azure) -> None:
    with pytest.raises(HttpResponseError) as caught:
        list(azure.resources.resource_groups.list(filter="name eq 'listed'"))
    assert caught.value.error.code == "InvalidFilterInQueryString"


def test_requests_are_listed(azure) -> None:
    list(azure.resources.resource_groups.list())
    last = azure.requests()[-1]
    assert (last["method"], last["status"]) == ("GET", 200)
    assert last["path"].endswith("/resourcegroups")


def test_nothing_is_written_in_a_group_that_is_being_deleted(azure, loop) -> None:
    cloud = azure.server.cloud
    group = parse(f"{azure.scope}/resourceGroups/going")
    inside = parse(f"{group}/providers/Microsoft.Network/virtualNetworks/web")
    there = {"location": "westeurope"}
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    network = there | {"properties": space}
    subnet = {"properties": {"addressPrefix": "10.0.0.0/24"}}

    async def meet() -> list[tuple[int, str, str]]:
        cloud.put(group, there, api_version="2024-11-01")
        whole = cloud.put(inside, network, api_version="2024-05-01")
        await cloud.operations.wait(whole.operation)
        part = cloud.put(inside.child("subnets", "a"), subnet, api_version="2024-05-01")
        going = cloud.delete(group)
        met = []
        for resource_id in (inside, group):
            with pytest.raises(ArmError) as caught:
                cloud.put(resource_id, there, api_version="2024-05-01")
            met.append((caught.value.status, caught.value.code, caught.value.message))
        await cloud.operations.wait(going)
        assert part.operation.done.is_set()
        return met

    found = asyncio.run_coroutine_threadsafe(meet(), loop).result(30)
    said = "'going' is in deprovisioning state and cannot perform this operation."
    assert (
        found == [(409, "ResourceGroupBeingDeleted", f"The resource group {said}")] * 2
    )
    assert not azure.resources.resource_groups.check_existence("going")
