from datetime import UTC, datetime

import pytest

from release.azure import tags
from release.azure.gallery import Image
from release.azure.groups import stale
from release.azure.ids import group_id, part, resource_id, same
from release.azure.publishing import of_machine, version_body
from release.azure.storage import account_name
from release.settings import Environment

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LABELS = tags.created(environment="qa", build="1.2.3")
EXPIRED = tags.temporary(LABELS, datetime(2026, 11, 23, 11, tzinfo=UTC))
FRESH = tags.temporary(LABELS, datetime(2026, 11, 23, 13, tzinfo=UTC))
ENV = Environment(
    cloud="azure",
    resource_group="qa",
    image_resource_group="images",
    scale_set="web",
    gallery="web",
    image_definition="web",
)


def test_ids_nest_types_and_names() -> None:
    found = resource_id("s", "g", "Microsoft.Compute/galleries/images", "a", "b")
    assert found == (
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute"
        "/galleries/a/images/b"
    )
    assert part(found, "IMAGES") == "b"
    assert part(found, "versions") == ""


def test_a_group_may_be_named_like_a_type() -> None:
    found = resource_id("s", "images", "Microsoft.Compute/galleries/images", "a", "b")
    assert part(found, "images") == "b"


def test_ids_need_a_name_for_each_type() -> None:
    with pytest.raises(ValueError, match="shorter"):
        resource_id("s", "g", "Microsoft.Compute/galleries/images", "a")


def test_ids_are_compared_without_case() -> None:
    assert same(
        group_id("s", "G"), group_id("S", "g").replace("resourceG", "RESOURCEG")
    )


@pytest.mark.parametrize(
    ("labels", "left", "expected"),
    [
        pytest.param(EXPIRED, set(), True, id="expired"),
        pytest.param(FRESH, set(), False, id="fresh"),
        pytest.param(FRESH, {"tmp"}, True, id="fresh-of-a-dead-build"),
        pytest.param(LABELS, {"tmp"}, False, id="a-lasting-group"),
        pytest.param(
            {**EXPIRED, tags.OWNER: "somebody"}, {"tmp"}, False, id="not-ours"
        ),
        pytest.param(
            {**LABELS, tags.EXPIRES: "soon"}, set(), False, id="tag-was-changed"
        ),
    ],
)
def test_only_our_temporary_groups_are_swept(
    labels: dict[str, str], left: set[str], *, expected: bool
) -> None:
    assert stale("Tmp", labels, left=left, now=NOW) is expected


def test_account_names_are_what_azure_takes() -> None:
    name = account_name("sub", "Group")
    assert name == account_name("SUB", "group")
    assert name != account_name("sub", "other")
    assert len(name) == 24
    assert name.isalnum()
    assert name == name.lower()


def test_an_image_survives_a_journal() -> None:
    image = Image(
        id="/i",
        version="1.2.3",
        build="1.2.3",
        digest="d",
        commit="c",
        reused=True,
        baked_at="2026-11-23T12:00:00+00:00",
    )
    assert Image.from_json(image.to_json()) == image


def test_a_version_names_machine_region_and_tags() -> None:
    assert version_body(ENV, source=of_machine("/vm"), labels=LABELS).as_dict() == {
        "location": "westeurope",
        "tags": LABELS,
        "properties": {
            "publishingProfile": {
                "targetRegions": [{"name": "westeurope", "regionalReplicaCount": 1}],
                "storageAccountType": "Standard_LRS",
            },
            "storageProfile": {"source": {"virtualMachineId": "/vm"}},
            "safetyProfile": {"allowDeletionOfReplicatedLocations": True},
        },
    }


def test_empty_tags_are_left_out() -> None:
    assert LABELS == {
        "release-owner": "pytest-release",
        "release-environment": "qa",
        "release-build": "1.2.3",
    }
