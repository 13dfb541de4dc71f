"""Resource groups, and what is asked of any resource: tags, locks, roles, exports."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.usefixtures("group")


def test_a_group_is_made_shown_changed_and_listed(az, group) -> None:
    az(f"group update -n {group} --set tags.team=web")
    assert az(f"group show -n {group}")["tags"] == {"team": "web"}
    assert az.columns(f"group show -n {group}") == ["Location", "Name"]
    assert az.columns("group list") == ["Name", "Location", "Status"]
    assert az("group list --tag team=web --query [].name") == [group]
    az(f"group wait -n {group} --created")


def test_a_group_is_there_or_not(az, group) -> None:
    assert az(f"group exists -n {group}") is True
    assert az("group exists -n nowhere") is False
    assert az.refused("group show -n nowhere") == (
        3,
        "(ResourceGroupNotFound) Resource group 'nowhere' could not be found.",
    )


def test_lists_go_on_over_pages(az) -> None:
    names = [f"page-{number}" for number in range(5)]
    for name in names:
        az(f"group create -n {name} -l westus2 --tags page=yes")
    assert az("group list --tag page=yes --query [].name") == names
    for name in names:
        az(f"group delete -n {name} -y --no-wait")
    for name in names:
        az(f"group wait -n {name} --deleted")


@pytest.fixture(scope="module")
def network(az, group) -> str:
    """Id of a network to tag, lock and export."""
    made = az(
        f"network vnet create -g {group} -n net --address-prefixes 10.0.0.0/16 "
        "--subnet-name one --subnet-prefixes 10.0.1.0/24"
    )
    return str(made["newVNet"]["id"])


def test_resources_are_listed_shown_and_waited_for(az, group, network) -> None:
    assert az.columns("resource list") == [
        "Name",
        "ResourceGroup",
        "Location",
        "Type",
        "Status",
    ]
    kind = "Microsoft.Network/virtualNetworks"
    found = az(f"resource list -g {group} --resource-type {kind}")
    assert [(one["name"], one["provisioningState"]) for one in found] == [
        ("net", "Succeeded")
    ]
    assert all(found[0][when] for when in ("createdTime", "changedTime"))
    assert az(f"resource show --ids {network}")["name"] == "net"
    az(f"resource wait --ids {network} --exists")


def test_a_resource_is_made_patched_and_deleted_by_its_type(az) -> None:
    of = "-n own --resource-type Microsoft.Network/networkSecurityGroups"
    az("resource create --properties '{}' " + of)
    az(f"resource tag --tags a=b {of}")
    az(f"resource update --set tags.c=d {of}")
    assert az(f"resource show {of}")["tags"] == {"a": "b", "c": "d"}
    az(f"resource delete {of}")
    assert az.refused(f"resource show {of}")[0] == 3


def test_tags_are_read_and_written_alone(az, network) -> None:
    of = f"--resource-id {network}"
    az(f"tag create {of} --tags a=1 b=2")
    az(f"tag update {of} --operation merge --tags b=3 c=4")
    az(f"tag update {of} --operation delete --tags a=1")
    shown = az(f"tag list {of}")
    assert shown["properties"]["tags"] == {"b": "3", "c": "4"}
    assert az(f"resource show --ids {network} --query tags") == {"b": "3", "c": "4"}
    assert {"b", "c"} <= set(az("tag list --query [].tagName"))
    az(f"tag delete {of} -y")
    assert az(f"tag list {of}")["properties"]["tags"] == {}


def test_a_lock_keeps_a_group_and_what_is_in_it(az, group, network) -> None:
    az(f"lock create -n keep -t CanNotDelete -g {group}")
    assert az.columns(f"lock list -g {group}") == ["Level", "Name", "ResourceGroup"]
    assert az(f"lock show -n keep -g {group}")["level"] == "CanNotDelete"
    scope = network.partition("/providers/")[0]
    for command, what in (
        ("network vnet delete -n net", network),
        (f"group delete -n {group} -y", scope),
    ):
        assert az.refused(command) == (
            1,
            (
                f"(ScopeLocked) The scope '{what}' cannot perform delete operation "
                f"because following scope(s) are locked: '{scope}'. Please remove the "
                "lock and try again."
            ),
        )
    az(f"lock delete -n keep -g {group}")


def test_an_identity_is_made_and_shown(az) -> None:
    made = az("identity create -n somebody")
    assert az("identity list --query [].principalId") == [made["principalId"]]
    assert az(f"ad sp show --id {made['principalId']}")["displayName"] == "somebody"
    az("identity delete -n somebody")


def test_an_export_makes_the_group_again(az, group) -> None:
    exported = az(f"group export -n {group} --include-parameter-default-value")
    assert "virtualNetworks_net_name" in exported["parameters"]
    file = az.write("exported.json", exported)
    foreseen = az(f"deployment group what-if -f {file} --no-pretty-print")
    assert {one["changeType"] for one in foreseen["changes"]} == {"NoChange"}
