"""Deployments that take their time: cancelled, killed, left alone."""

from __future__ import annotations

import asyncio
import copy
import shutil

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.mgmt.resource.deployments import DeploymentsMgmtClient
from azure.mgmt.resource.deployments.models import ProvisioningState
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resource.resources.models import ResourceGroup

from release.emulator.ids import parse
from release.emulator.resources.deployments import restore
from release.emulator.server import Options
from release.emulator.store import Store
from release.wait import Seen, wait_until
from tests.harness.emulator.deployments.given import (
    DEPLOYMENTS,
    body,
    store,
    template,
)


@pytest.fixture(scope="module")
def slow(serve, tmp_path_factory):
    """An embedded Azure that takes a part of Azure's time."""
    server = serve(Options(folder=tmp_path_factory.mktemp("slow"), pace=0.05))
    endpoint = server.endpoint
    trust = {"connection_verify": endpoint["ca"]}
    credential = ClientSecretCredential(
        endpoint["tenant"],
        endpoint["client_id"],
        endpoint["client_secret"],
        authority=endpoint["authority"],
        disable_instance_discovery=True,
        **trust,
    )
    common = {"base_url": endpoint["arm"], "polling_interval": 0.05, **trust}
    subscription = endpoint["subscription"]
    with (
        credential,
        ResourceManagementClient(credential, subscription, **common) as resources,
        DeploymentsMgmtClient(credential, subscription, **common) as deployments,
    ):
        resources.resource_groups.create_or_update(
            "slow", ResourceGroup(location="westus2")
        )
        yield deployments


def state_of(slow, name: str) -> str:
    found = slow.deployments.get("slow", name).properties.provisioning_state
    return ProvisioningState(found).value


def test_a_deployment_under_way_holds_its_name_until_it_is_cancelled(slow) -> None:
    operations = slow.deployments
    given = body(template(store("slowstore")))
    poller = operations.begin_create_or_update("slow", "busy", given)
    assert state_of(slow, "busy") in ("Accepted", "Running")
    with pytest.raises(HttpResponseError) as caught:
        operations.begin_create_or_update("slow", "busy", given)
    assert (caught.value.status_code, caught.value.error.code) == (
        409,
        "DeploymentActive",
    )
    assert caught.value.error.message.startswith(
        "Unable to edit or replace deployment 'busy': previous deployment from '"
    )
    operations.cancel("slow", "busy")
    with pytest.raises(HttpResponseError):
        poller.result()
    assert state_of(slow, "busy") == "Canceled"
    with pytest.raises(HttpResponseError) as caught:
        operations.cancel("slow", "busy")
    assert caught.value.error.code == "DeploymentCannotBeCancelled"


def test_no_secret_of_a_deployment_outlives_a_kill(azure, group, tmp_path) -> None:
    azure.tell(
        "faults", "PUT", {"faults": [{"kind": "hangs", "type": "*/deployments/write"}]}
    )
    given = body(
        template(parameters={"key": {"type": "secureString"}}), key="hush-hush"
    )
    begun = azure.deployments.deployments.begin_create_or_update(group, "cut", given)
    for file in azure.server.options.folder.glob("state.sqlite*"):
        shutil.copy(file, tmp_path)
    azure.tell("faults", "DELETE")
    begun.result()
    cloud = copy.copy(azure.server.cloud)
    cloud.store = Store(tmp_path / "state.sqlite")
    cut = parse(f"{azure.scope}/resourceGroups/{group}{DEPLOYMENTS}/cut")
    assert "hush-hush" in str(cloud.store.get(cut))
    asyncio.run(restore(cloud))
    cloud.store.close()
    kept = Store(tmp_path / "state.sqlite")
    found = kept.get(cut)
    kept.close()
    assert found.state == "Failed"
    assert "hush-hush" not in str(found)


def test_a_deployment_goes_on_although_nobody_asks(slow) -> None:
    operations = slow.deployments
    given = body(template(outputs={"one": {"type": "int", "value": 1}}))
    operations.begin_create_or_update("slow", "alone", given, polling=False)

    def look() -> Seen[str]:
        state = state_of(slow, "alone")
        return Seen(what=state, value="yes" if state == "Succeeded" else None)

    wait_until("the deployment's end", look, timeout_s=10, interval_s=0.05, fix="")
    assert operations.get("slow", "alone").properties.outputs["one"]["value"] == 1
