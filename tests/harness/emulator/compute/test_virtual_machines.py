"""Virtual machines through the SDK: life, disks, run commands, refusals."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.rest import HttpRequest
from azure.storage.blob import ContainerClient, generate_blob_sas

from release.emulator.ids import parse
from release.emulator.store import Store


@pytest.fixture(scope="module")
def vm(estate: Any) -> Iterator[str]:
    """A running machine; tests leave it running."""
    vms = estate.compute.virtual_machines
    vms.begin_create_or_update(estate.group, "one", estate.vm("one")).result()
    yield "one"
    vms.begin_delete(estate.group, "one").result()


def codes(estate: Any, name: str) -> list[str]:
    view = estate.compute.virtual_machines.instance_view(estate.group, name)
    return [status.code for status in view.statuses]


def test_every_disk_has_an_id_and_no_secret_is_shown(estate: Any, vm: str) -> None:
    found = estate.compute.virtual_machines.get(
        estate.group, vm.upper(), expand="instanceView"
    )
    disk = found.storage_profile.os_disk
    assert disk.managed_disk.id == f"{estate.here}/disks/{disk.name}"
    shown = estate.compute.disks.get(estate.group, disk.name)
    assert (shown.managed_by, shown.disk_state) == (found.id, "Attached")
    assert found.storage_profile.image_reference.exact_version == "12.20250601.1"
    assert found.instance_view.vm_agent.statuses[0].display_status == "Ready"
    assert found.os_profile.admin_password is None


def test_its_interface_belongs_to_it(estate: Any, vm: str) -> None:
    interface = estate.azure.resources.resources.get_by_id(
        f"{estate.network}/networkInterfaces/{vm}-nic", api_version="2024-05-01"
    )
    owner = interface.properties["virtualMachine"]["id"]
    assert owner == f"{estate.here}/virtualMachines/{vm}"


def test_power_goes_down_and_up(estate: Any, vm: str) -> None:
    vms = estate.compute.virtual_machines
    vms.begin_deallocate(estate.group, vm).result()
    assert codes(estate, vm)[-1] == "PowerState/deallocated"
    with pytest.raises(HttpResponseError) as raised:
        vms.begin_run_command(
            estate.group, vm, {"commandId": "RunShellScript", "script": ["true"]}
        )
    assert raised.value.error.message == (
        "The operation requires the VM to be running (or set to run)."
    )
    vms.begin_power_off(estate.group, vm).result()
    assert codes(estate, vm)[-1] == "PowerState/deallocated"
    vms.begin_start(estate.group, vm).result()
    assert codes(estate, vm)[-1] == "PowerState/running"


def test_a_machine_that_shuts_itself_down_is_stopped(estate: Any, vm: str) -> None:
    vms = estate.compute.virtual_machines
    off = {"script": "shutdown -h now"}
    managed(estate, vm, "off", source=off, asyncExecution=True)

    def power() -> str:
        found = vms.get(estate.group, vm, expand="instanceView")
        return str(found.instance_view.statuses[-1].code)

    estate.until(lambda: power() == "PowerState/stopped")
    vms.begin_start(estate.group, vm).result()
    assert power() == "PowerState/running"
    managed(estate, vm, "up", source={"script": "true"})


def test_the_action_answers_with_the_end_of_both_streams(estate: Any, vm: str) -> None:
    script = ["echo hello $who", "echo oops >&2", "exit 3"]
    answer = estate.compute.virtual_machines.begin_run_command(
        estate.group,
        vm,
        {
            "commandId": "RunShellScript",
            "script": script,
            "parameters": [{"name": "who", "value": "you"}],
        },
    ).result()
    assert answer.value[0].as_dict() == {
        "code": "ProvisioningState/failed/0",
        "level": "Error",
        "displayStatus": "Provisioning failed",
        "message": "Enable failed: failed to execute command: command terminated with "
        "exit status=3\n[stdout]\nhello you\n\n[stderr]\noops\n",
    }


def managed(estate: Any, vm: str, name: str, **properties: Any) -> Any:
    """Run a managed run command; return it with its instance view."""
    commands = estate.compute.virtual_machine_run_commands
    body = {"location": "westeurope", "properties": properties}
    commands.begin_create_or_update(estate.group, vm, name, body).result()
    return commands.get_by_virtual_machine(
        estate.group, vm, name, expand="instanceView"
    )


def test_a_failed_script_is_no_failed_provisioning(estate: Any, vm: str) -> None:
    found = managed(
        estate,
        vm,
        "fails",
        source={"script": "echo $SECRET; exit 4"},
        protectedParameters=[{"name": "SECRET", "value": "known"}],
    )
    view = found.instance_view
    assert found.provisioning_state == "Succeeded"
    assert (view.execution_state, view.exit_code) == ("Failed", 4)
    assert view.output == "known\n"
    assert found.protected_parameters is None


def test_a_failed_script_counts_when_it_is_asked_to(estate: Any, vm: str) -> None:
    with pytest.raises(HttpResponseError) as raised:
        managed(
            estate,
            vm,
            "counts",
            source={"script": "echo because >&2; exit 4"},
            treatFailureAsDeploymentFailure=True,
        )
    assert raised.value.error.message == (
        "Run command 'counts' on 'one' ended as Failed with exit code 4. Error output: "
        "because\n"
    )


def test_a_script_that_cannot_start_is_no_failed_provisioning(
    estate: Any, vm: str
) -> None:
    script = {"script": "echo x"}
    found = managed(estate, vm, "nobody", source=script, runAsUser="missing")
    view = found.instance_view
    assert found.provisioning_state == "Succeeded"
    assert (view.execution_state, view.exit_code) == ("Failed", -1)
    assert view.execution_message.endswith("there is no user missing on this machine")
    assert view.error == f"{view.execution_message}\n"


def test_no_timeout_is_the_usual_one(estate: Any, vm: str) -> None:
    script = {"script": "echo x"}
    found = managed(estate, vm, "usual", source=script, timeoutInSeconds=0)
    assert found.instance_view.execution_state == "Succeeded"
    assert found.timeout_in_seconds == 3600


def test_a_script_that_takes_too_long_is_ended(estate: Any, vm: str) -> None:
    found = managed(
        estate, vm, "slow", source={"script": "sleep 60"}, timeoutInSeconds=1
    )
    view = found.instance_view
    assert (view.execution_state, view.execution_message) == (
        "TimedOut",
        "It did not end within 1 seconds.",
    )


def test_an_asynchronous_script_goes_on_after_its_write(estate: Any, vm: str) -> None:
    script = "echo begun; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo done"
    managed(estate, vm, "later", source={"script": script}, asyncExecution=True)
    commands = estate.compute.virtual_machine_run_commands

    def view() -> Any:
        return commands.get_by_virtual_machine(
            estate.group, vm, "later", expand="instanceView"
        ).instance_view

    estate.until(lambda: view().output == "begun\n")
    assert view().execution_state == "Running"
    kept = Store(estate.azure.server.options.folder / "state.sqlite")
    later = kept.get(parse(f"{estate.here}/virtualMachines/{vm}/runCommands/later"))
    kept.close()
    assert later.private["view"]["executionState"] == "Running"
    managed(estate, vm, "go", source={"script": "touch /tmp/go"})
    estate.until(lambda: view().execution_state == "Succeeded")
    assert view().output == "begun\ndone\n"


@pytest.mark.usefixtures("first")
def test_a_generalized_machine_does_not_start_again(estate: Any) -> None:
    assert codes(estate, "first") == [
        "ProvisioningState/succeeded",
        "OSState/generalized",
        "PowerState/deallocated",
    ]
    with pytest.raises(HttpResponseError) as raised:
        estate.compute.virtual_machines.begin_start(estate.group, "first")
    assert raised.value.error.message == (
        "Operation 'start' is not allowed on VM 'first' since the VM is generalized."
    )


def test_a_deleted_machine_takes_along_what_it_is_to_take(estate: Any) -> None:
    vms = estate.compute.virtual_machines
    body = estate.vm("gone")
    made = vms.begin_create_or_update(estate.group, "gone", body).result()
    disk = made.storage_profile.os_disk.name
    vms.begin_delete(estate.group, "gone").result()
    for gone in (
        lambda: vms.get(estate.group, "gone"),
        lambda: estate.compute.disks.get(estate.group, disk),
        lambda: estate.azure.resources.resources.get_by_id(
            f"{estate.network}/networkInterfaces/gone-nic", api_version="2024-05-01"
        ),
    ):
        with pytest.raises(ResourceNotFoundError):
            gone()


def test_a_detached_disk_outlives_its_machine_and_boots_another(estate: Any) -> None:
    vms = estate.compute.virtual_machines
    body = estate.vm("old")
    body["properties"]["storageProfile"]["osDisk"]["deleteOption"] = "Detach"
    made = vms.begin_create_or_update(estate.group, "old", body).result()
    write = {"commandId": "RunShellScript", "script": ["echo kept > /var/kept"]}
    vms.begin_run_command(estate.group, "old", write).result()
    disk = made.storage_profile.os_disk
    vms.begin_delete(estate.group, "old").result()
    assert estate.compute.disks.get(estate.group, disk.name).managed_by is None
    body = estate.vm("new")
    del body["properties"]["osProfile"]
    body["properties"]["storageProfile"] = {
        "osDisk": {
            "createOption": "Attach",
            "osType": "Linux",
            "managedDisk": {"id": disk.managed_disk.id},
            "deleteOption": "Delete",
        }
    }
    vms.begin_create_or_update(estate.group, "new", body).result()
    read = {"commandId": "RunShellScript", "script": ["cat /var/kept"]}
    answer = vms.begin_run_command(estate.group, "new", read).result()
    assert "[stdout]\nkept\n" in answer.value[0].message
    vms.begin_delete(estate.group, "new").result()


def test_an_empty_vhd_is_none(estate: Any, vm: str) -> None:
    vms = estate.compute.virtual_machines
    body = vms.get(estate.group, vm).as_dict()
    disk = body["properties"]["storageProfile"]["osDisk"]
    managed = disk.pop("managedDisk")
    again = vms.begin_create_or_update(
        estate.group,
        vm,
        changed(body, "storageProfile.osDisk", disk | {"vhd": {}}),
    ).result()
    shown = again.as_dict()["properties"]["storageProfile"]["osDisk"]
    assert shown == disk | {"managedDisk": managed}


def test_boot_diagnostics_have_a_place_in_the_view(estate: Any, vm: str) -> None:
    vms = estate.compute.virtual_machines
    view = vms.instance_view(estate.group, vm).as_dict()
    assert "bootDiagnostics" not in view
    body = vms.get(estate.group, vm).as_dict()
    on = {"bootDiagnostics": {"enabled": True}}
    vms.begin_create_or_update(
        estate.group, vm, changed(body, "diagnosticsProfile", on)
    ).result()
    assert vms.instance_view(estate.group, vm).as_dict()["bootDiagnostics"] == {}


def changed(body: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    made = copy.deepcopy(body)
    *parents, name = path.split(".")
    place = made["properties"]
    for parent in parents:
        place = place[parent]
    place[name] = value
    return made


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        pytest.param(
            "hardwareProfile",
            {},
            "Required parameter 'vmSize' is missing (null).",
            id="no-size",
        ),
        pytest.param(
            "osProfile.adminUsername",
            "root",
            "The Admin Username specified is not allowed.",
            id="root",
        ),
        pytest.param(
            "osProfile.linuxConfiguration",
            {"disablePasswordAuthentication": True},
            "Authentication using either SSH or by user name and password must be "
            "enabled in Linux profile.",
            id="no-key",
        ),
        pytest.param(
            "storageProfile.imageReference",
            {"publisher": "Debian", "offer": "debian-12", "sku": "12"},
            "Required parameter 'imageReference.version' is missing (null).",
            id="half-an-image",
        ),
    ],
)
def test_a_wrong_body_is_refused_by_its_property(
    estate: Any, path: str, value: object, message: str
) -> None:
    body = changed(estate.vm("wrong"), path, value)
    with pytest.raises(HttpResponseError) as raised:
        estate.compute.virtual_machines.begin_create_or_update(
            estate.group, "wrong", body
        )
    assert raised.value.error.code == "InvalidParameter"
    assert raised.value.error.message == message


def test_an_interface_that_is_not_there_is_named(estate: Any) -> None:
    body = estate.vm("wrong")
    missing = f"{estate.network}/networkInterfaces/missing"
    body["properties"]["networkProfile"]["networkInterfaces"][0]["id"] = missing
    with pytest.raises(HttpResponseError) as raised:
        estate.compute.virtual_machines.begin_create_or_update(
            estate.group, "wrong", body
        )
    assert raised.value.error.message == (
        f"Resource {missing} referenced by resource "
        f"{estate.here}/virtualMachines/wrong was not found. Please make sure that the "
        "referenced resource exists, and that both resources are in the same region."
    )


@pytest.fixture(scope="module")
def logs(estate: Any) -> Iterator[ContainerClient]:
    """A container for logs."""
    resources = estate.azure.resources.resources
    account = f"{estate.here}/storageAccounts/computelogs".replace("Compute", "Storage")
    made = resources.begin_create_or_update_by_id(
        account,
        {
            "location": "westeurope",
            "kind": "StorageV2",
            "sku": {"name": "Standard_LRS"},
        },
        api_version="2024-01-01",
    ).result()
    ask = HttpRequest("POST", f"{account}/listKeys?api-version=2024-01-01")
    key = estate.azure.resources.send_request(ask).json()["keys"][0]["value"]
    with ContainerClient(
        made.properties["primaryEndpoints"]["blob"],
        "logs",
        credential={"account_name": "computelogs", "account_key": key},
        connection_verify=estate.azure.endpoint["ca"],
    ) as client:
        client.create_container()
        yield client


def signed(logs: ContainerClient, name: str) -> str:
    """Sign for writing one blob."""
    return generate_blob_sas(
        "computelogs",
        "logs",
        name,
        account_key=logs.credential.account_key,
        permission="racw",
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )


def test_output_of_a_script_goes_to_an_append_blob_while_it_runs(
    estate: Any, vm: str, logs: ContainerClient
) -> None:
    blob = logs.get_blob_client("one.txt")

    def written() -> bytes:
        return blob.download_blob().readall() if blob.exists() else b""

    script = "echo begun; while [ ! -e /tmp/gone ]; do sleep 0.05; done; echo done"
    found = managed(
        estate,
        vm,
        "streams",
        source={"script": script},
        outputBlobUri=f"{blob.url}?{signed(logs, 'one.txt')}",
        asyncExecution=True,
    )
    assert found.output_blob_uri == blob.url
    estate.until(lambda: written() == b"begun\n")
    managed(estate, vm, "ends", source={"script": "touch /tmp/gone"})
    estate.until(lambda: written() == b"begun\ndone\n")


def test_a_blob_that_cannot_be_written_is_told_and_fails_nothing(
    estate: Any, vm: str, logs: ContainerClient
) -> None:
    blob = logs.get_blob_client("two.txt")
    found = managed(
        estate, vm, "unsigned", source={"script": "echo x"}, outputBlobUri=blob.url
    )
    view = found.instance_view
    assert (view.execution_state, view.output) == ("Succeeded", "x\n")
    assert view.execution_message.startswith("HTTP 40")
    assert not blob.exists()


def test_a_quick_script_is_in_its_blob_when_it_has_ended(
    estate: Any, vm: str, logs: ContainerClient
) -> None:
    blob = logs.get_blob_client("three.txt")
    uri = f"{blob.url}?{signed(logs, 'three.txt')}"
    managed(estate, vm, "quick", source={"script": "echo x"}, outputBlobUri=uri)
    managed(estate, vm, "quick", source={"script": "echo y"}, outputBlobUri=uri)
    assert blob.download_blob().readall() == b"x\ny\n"


def test_azures_own_blob_names_lead_to_the_embedded_azure(
    estate: Any, vm: str, logs: ContainerClient
) -> None:
    blob, source = logs.get_blob_client("four.txt"), logs.get_blob_client("four.sh")
    source.upload_blob(b"echo fetched")
    endpoint = "https://computelogs.blob.core.windows.net/logs"
    found = managed(
        estate,
        vm,
        "named",
        source={"scriptUri": f"{endpoint}/four.sh?{signed(logs, 'four.sh')}"},
        outputBlobUri=f"{endpoint}/four.txt?{signed(logs, 'four.txt')}",
    )
    view = found.instance_view
    assert (view.output, view.execution_message) == ("fetched\n", None)
    assert blob.download_blob().readall() == b"fetched\n"


def test_a_signature_is_kept_by_a_patch_and_gone_with_its_uri(
    estate: Any, vm: str, logs: ContainerClient
) -> None:
    blob = logs.get_blob_client("five.txt")
    uri = f"{blob.url}?{signed(logs, 'five.txt')}"
    managed(estate, vm, "kept", source={"script": "echo x"}, outputBlobUri=uri)
    commands = estate.compute.virtual_machine_run_commands
    patch = {"properties": {"source": {"script": "echo y"}}}
    commands.begin_update(estate.group, vm, "kept", patch).result()
    assert blob.download_blob().readall() == b"x\ny\n"
    found = managed(estate, vm, "kept", source={"script": "echo z"})
    assert found.output_blob_uri is None
    assert blob.download_blob().readall() == b"x\ny\n"


def test_a_machine_is_written_again_with_names_spelled_otherwise(
    estate: Any, vm: str
) -> None:
    vms = estate.compute.virtual_machines
    body = vms.get(estate.group, vm).as_dict()
    image = {"publisher": "debian", "offer": "DEBIAN-12", "sku": "12-Gen2"}
    spelled = changed(
        body, "storageProfile.imageReference", image | {"version": "Latest"}
    )
    vms.begin_create_or_update(estate.group, vm, spelled).result()
    other = changed(body, "storageProfile.imageReference", image | {"offer": "sid"})
    with pytest.raises(HttpResponseError) as raised:
        vms.begin_create_or_update(estate.group, vm, other)
    assert raised.value.error.code == "PropertyChangeNotAllowed"


def test_nothing_comes_to_a_machine_that_is_being_deleted(estate: Any, vm: str) -> None:
    cloud = estate.azure.server.cloud
    machine = cloud.store.get(parse(f"{estate.here}/virtualMachines/{vm}"))
    machine.state = "Deleting"
    try:
        with pytest.raises(HttpResponseError) as raised:
            managed(estate, vm, "late", source={"script": "true"})
    finally:
        machine.state = "Succeeded"
    assert (raised.value.status_code, raised.value.error.message) == (
        409,
        (
            f"The operation is not allowed on '{machine.id}' since it is marked for "
            "deletion. You can only retry the Delete operation (or wait for an ongoing "
            "one to complete)."
        ),
    )


def test_a_machine_that_does_not_boot_is_stopped(estate: Any, vm: str) -> None:
    vms, cloud = estate.compute.virtual_machines, estate.azure.server.cloud
    vms.begin_power_off(estate.group, vm).result()
    machine = cloud.store.get(parse(f"{estate.here}/virtualMachines/{vm}"))
    made = cloud.machines.folder / "machines" / machine.private["machine"]
    made /= "machine.json"
    hidden = made.rename(made.with_suffix(".hidden"))
    with pytest.raises(HttpResponseError):
        vms.begin_start(estate.group, vm).result()
    assert codes(estate, vm)[-1] == "PowerState/stopped"
    hidden.rename(made)
    vms.begin_start(estate.group, vm).result()
    assert codes(estate, vm)[-1] == "PowerState/running"
