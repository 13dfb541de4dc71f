import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.resource.resources.models import ResourceGroup, ResourceGroupPatchable


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


def test_requests_are_listed(azure) -> None:
    list(azure.resources.resource_groups.list())
    last = azure.requests()[-1]
    assert (last["method"], last["status"]) == ("GET", 200)
    assert last["path"].endswith("/resourcegroups")
