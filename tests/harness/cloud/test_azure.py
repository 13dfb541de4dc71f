"""Groups, storage and sign-in, over the wire."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from release.azure import groups, tags
from release.azure.clients import Azure
from release.azure.credential import credential
from release.azure.ids import group_id
from release.azure.storage import CONTAINER, Container
from release.errors import AzureError
from release.journal import Journal, Kind
from release.settings import Account, Secret

LABELS = tags.created(environment="local", build="1.2.3")
NOW = datetime.now(UTC)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl")


@pytest.fixture(scope="module")
def container(azure: Azure) -> Container:
    account = "payloads"
    groups.create(azure, "storage", location="westeurope", labels={})
    azure.resources.resources.begin_create_or_update_by_id(
        f"{group_id(azure.subscription, 'storage')}/providers/Microsoft.Storage"
        f"/storageAccounts/{account}",
        {
            "location": "westeurope",
            "sku": {"name": "Standard_LRS"},
            "kind": "StorageV2",
            "properties": {"allowSharedKeyAccess": False},
        },
        api_version="2023-05-01",
    ).result()
    azure.blobs(account).create_container(CONTAINER)
    return Container(azure, account)


def test_a_group_that_exists_is_left_alone(azure: Azure) -> None:
    made = [
        groups.ensure(
            azure,
            "lasting",
            location="westeurope",
            labels={**LABELS, "try": str(number)},
        )
        for number in range(2)
    ]
    assert made == [True, False]
    assert (azure.resources.resource_groups.get("lasting").tags or {})["try"] == "0"


def test_a_sweep_takes_only_what_was_left_behind(
    azure: Azure, journal: Journal, tmp_path: Path
) -> None:
    hour = timedelta(hours=1)
    groups.create(
        azure,
        "expired",
        location="westeurope",
        labels=tags.temporary(LABELS, NOW - hour),
    )
    for name in ("killed", "running"):
        labels = tags.temporary(LABELS, NOW + hour)
        groups.create(azure, name, location="westeurope", labels=labels)
    groups.create(azure, "somebody-s", location="westeurope", labels={})
    dead = Journal(tmp_path / "dead.jsonl")
    for name in ("killed", "somebody-s"):
        dead.write(Kind.CREATING, resource_id=group_id(azure.subscription, name))
    assert sorted(groups.sweep(azure, journal, unfinished=[dead])) == [
        "expired",
        "killed",
    ]
    assert azure.resources.resource_groups.check_existence("somebody-s")
    assert azure.resources.resource_groups.check_existence("running")


def test_a_sweep_takes_what_packer_made_for_a_killed_build_untagged(
    azure: Azure, journal: Journal, tmp_path: Path
) -> None:
    for name in ("pkr-Resource-Group-a", "pkr-Resource-Group-b"):
        groups.create(azure, name, location="westeurope", labels={})
    dead = Journal(tmp_path / "dead.jsonl")
    for name in ("pkr-Resource-Group-a", "pkr-Resource-Group-gone"):
        identifier = group_id(azure.subscription, name)
        dead.write(Kind.CREATING, resource_id=identifier, created_by="Packer")
    groups.sweep(azure, journal, unfinished=[dead])
    told = [event.data["text"] for event in journal.read() if "text" in event.data]
    assert told == ["deleting pkr-Resource-Group-a, which an earlier build left behind"]
    assert azure.resources.resource_groups.check_existence("pkr-Resource-Group-b")


def test_a_group_that_packer_made_is_tagged_and_keeps_its_tags(azure: Azure) -> None:
    groups.create(azure, "packers", location="westeurope", labels={"dept": "shop"})
    groups.label(azure, "packers", LABELS)
    assert azure.resources.resource_groups.get("packers").tags == {
        "dept": "shop",
        **LABELS,
    }


def test_a_group_that_is_gone_counts_as_deleted(azure: Azure, journal: Journal) -> None:
    assert groups.begin_delete(azure, "never", journal=journal, stage="") is None
    assert [event.kind for event in journal.read()] == [Kind.DELETED]


def test_a_payload_is_sent_once(container: Container, tmp_path: Path) -> None:
    file = tmp_path / "payload"
    file.write_bytes(b"payload")
    assert [container.put("payload/one", file) for _ in range(2)] == [True, False]


def test_a_signed_address_opens_one_blob_only(
    azure: Azure, container: Container, tmp_path: Path
) -> None:
    file = tmp_path / "payload"
    file.write_bytes(b"payload")
    container.put("payload/two", file)
    container.put("payload/three", file)
    url = container.signed_url("payload/two", "r", lasts=timedelta(hours=1))
    trust = ssl.create_default_context(cafile=str(azure.endpoint.ca))
    with urllib.request.urlopen(url, context=trust) as answer:
        assert answer.read() == b"payload"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url.replace("two", "three"), context=trust)
    with caught.value:
        assert caught.value.code == 403


def test_a_tail_tells_whole_lines_as_they_come(
    azure: Azure, container: Container
) -> None:
    container.create_log("log/1.txt")
    blob = azure.blobs("payloads").get_blob_client(CONTAINER, "log/1.txt")
    told: list[str] = []
    tail = container.tail("log/1.txt", told.append)
    tail.look()
    blob.append_block(b"one\ntw")
    tail.look()
    assert told == ["one"]
    blob.append_block(b"o\r\nend")
    tail.look()
    assert told == ["one", "two"]
    tail.finish()
    assert told == ["one", "two", "end"]


def test_a_log_that_is_missing_tells_nothing(container: Container) -> None:
    told: list[str] = []
    container.tail("log/never.txt", told.append).finish()
    assert told == []


def test_a_wrong_secret_says_what_to_check(azure: Azure) -> None:
    account = Account(
        tenant_id="11111111-1111-1111-1111-111111111111",
        client_id="33333333-3333-3333-3333-333333333333",
        client_secret=Secret("wrong"),
    )
    stranger = Azure(azure.endpoint, credential(account, azure.endpoint))
    with pytest.raises(AzureError) as caught:
        groups.create(stranger, "x", location="westeurope", labels={})
    stranger.close()
    assert caught.value.what.startswith(
        "creating resource group x failed: signing in was refused: "
    )
