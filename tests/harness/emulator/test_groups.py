import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.resource.resources.models import ResourceGroup, ResourceGroupPatchable

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
