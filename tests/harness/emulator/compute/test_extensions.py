"""Extensions and data disks of a machine through the SDK."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError


@pytest.fixture(scope="module")
def vm(estate: Any) -> Iterator[str]:
    """A running machine; tests leave it running."""
    vms = estate.compute.virtual_machines
    vms.begin_create_or_update(estate.group, "extended", estate.vm("extended")).result()
    yield "extended"
    vms.begin_delete(estate.group, "extended").result()


def extend(estate: Any, vm: str, name: str, kind: str, **properties: Any) -> Any:
    body = {
        "location": "westeurope",
        "properties": {
            "publisher": "Microsoft.Azure.Extensions",
            "type": kind,
            "typeHandlerVersion": "2.1",
            **properties,
        },
    }
    extensions = estate.compute.virtual_machine_extensions
    return extensions.begin_create_or_update(estate.group, vm, name, body).result()


def test_a_custom_script_runs_and_keeps_its_secrets(estate: Any, vm: str) -> None:
    found = extend(
        estate,
        vm,
        "script",
        "CustomScript",
        protectedSettings={"commandToExecute": "echo hidden; hostname"},
    )
    assert found.provisioning_state == "Succeeded"
    assert found.protected_settings is None
    view = estate.compute.virtual_machine_extensions.get(
        estate.group, vm, "script", expand="instanceView"
    ).instance_view
    assert view.substatuses[0].message == "hidden\nextended\n"
    machine = estate.compute.virtual_machines.get(estate.group, vm)
    assert [e.name for e in machine.resources] == ["script"]


def test_a_failing_custom_script_fails_its_extension(estate: Any, vm: str) -> None:
    with pytest.raises(HttpResponseError) as raised:
        extend(
            estate,
            vm,
            "failing",
            "CustomScript",
            settings={"commandToExecute": "echo no >&2; exit 7"},
        )
    assert raised.value.error.code == "VMExtensionProvisioningError"
    assert "exit status=7" in raised.value.error.message
    assert "[stderr]\nno" in raised.value.error.message


def test_a_custom_script_runs_once_for_one_configuration(estate: Any, vm: str) -> None:
    script = base64.b64encode(gzip.compress(b"echo ran >> /srv/ran; cat /srv/ran"))

    def said(**settings: Any) -> str:
        packed = {"script": script.decode(), **settings}
        extend(estate, vm, "once", "CustomScript", settings=packed)
        view = estate.compute.virtual_machine_extensions.get(
            estate.group, vm, "once", expand="instanceView"
        ).instance_view
        return str(view.substatuses[0].message)

    assert said() == "ran\n"
    assert said() == "ran\n"
    assert said(timestamp=2) == "ran\nran\n"
    with pytest.raises(HttpResponseError):
        said(script="eA")
    assert said(timestamp=2) == "ran\nran\nran\n"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param(
            {"script": "eA"},
            "failed to decode script: Incorrect padding",
            id="no-base64",
        ),
        pytest.param(
            {"script": "H4sI/w=="},
            "failed to decode script: Compressed file ended before the end-of-stream "
            "marker was reached",
            id="half-a-gzip",
        ),
        pytest.param(
            {"fileUris": "https://127.0.0.1/x"},
            "'fileUris' is no list of texts",
            id="no-list",
        ),
        pytest.param(
            {"fileUris": ["http://[1"]},
            "failed to download file 'http://[1': Invalid IPv6 URL",
            id="no-url",
        ),
        pytest.param(
            {"fileUris": ["http://127.0.0.1:1/run.sh?sig=1"]},
            "failed to download file '/run.sh': [Errno 111] Connect call failed "
            "('127.0.0.1', 1)",
            id="nobody-serves",
        ),
    ],
)
def test_a_custom_script_that_cannot_be_had_is_told(
    estate: Any, vm: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(HttpResponseError) as raised:
        extend(estate, vm, "wrong", "CustomScript", settings=settings)
    assert raised.value.error.code == "VMExtensionProvisioningError"
    assert f"'Enable failed: {message}'" in raised.value.error.message


def test_another_extension_is_kept_and_shown(estate: Any, vm: str) -> None:
    settings = {"workspaceId": "1"}
    found = extend(estate, vm, "monitor", "OmsAgentForLinux", settings=settings)
    assert found.settings == settings
    extensions = estate.compute.virtual_machine_extensions
    extensions.begin_delete(estate.group, vm, "monitor").result()
    names = [e.name for e in extensions.list(estate.group, vm).value]
    assert "monitor" not in names


def test_the_extensions_of_a_model_are_listed(estate: Any, web: str) -> None:
    extensions = estate.compute.virtual_machine_scale_set_extensions
    assert [e.name for e in extensions.list(estate.group, web)] == ["health"]
    assert extensions.get(estate.group, web, "health").publisher == (
        "Microsoft.ManagedServices"
    )


def test_an_extension_of_a_model_is_written_alone(estate: Any, web: str) -> None:
    extensions = estate.compute.virtual_machine_scale_set_extensions
    body = {
        "properties": {
            "publisher": "Microsoft.Azure.Extensions",
            "type": "CustomScript",
            "typeHandlerVersion": "2.1",
            "settings": {"timestamp": 1},
            "protectedSettings": {"commandToExecute": "echo three > /srv/web/build"},
        }
    }
    made = extensions.begin_create_or_update(estate.group, web, "late", body).result()
    assert (made.provisioning_state, made.protected_settings) == ("Succeeded", None)
    assert set(estate.latest(web).values()) == {False}
    sets = estate.compute.virtual_machine_scale_sets
    sets.begin_update_instances(estate.group, web, {"instanceIds": ["*"]}).result()
    assert set(estate.builds(web).values()) == {"three"}
    extensions.begin_delete(estate.group, web, "late").result()
    assert [e.name for e in extensions.list(estate.group, web)] == ["health"]
    instance = estate.ids(web)[0]
    vms = estate.compute.virtual_machine_scale_set_vms
    vms.begin_reimage(estate.group, web, instance).result()
    assert estate.builds(web)[instance] == "three"
    sets.begin_update_instances(estate.group, web, {"instanceIds": ["*"]}).result()
    sets.begin_reimage(estate.group, web).result()
    assert set(estate.builds(web).values()) == {"one"}


def short(estate: Any, web: str, command: str) -> None:
    """Write a custom script into the model."""
    body = {
        "properties": {
            "publisher": "Microsoft.Azure.Extensions",
            "type": "CustomScript",
            "typeHandlerVersion": "2.1",
            "settings": {"commandToExecute": command},
        }
    }
    extensions = estate.compute.virtual_machine_scale_set_extensions
    extensions.begin_create_or_update(estate.group, web, "short", body).result()


def test_a_model_comes_to_instances_by_itself_or_when_they_start(
    estate: Any, web: str, first: str
) -> None:
    automatic = {"mode": "Automatic"}
    estate.deploy(web, estate.scale_set(first, capacity=2, upgradePolicy=automatic))
    extensions = estate.compute.virtual_machine_scale_set_extensions
    vms, one = estate.compute.virtual_machine_scale_set_vms, estate.ids(web)[0]
    vms.begin_deallocate(estate.group, web, one).result()
    short(estate, web, "touch /srv/late")
    assert set(estate.latest(web).values()) == {True}
    vms.begin_start(estate.group, web, one).result()
    short(estate, web, "test -e /srv/late")
    for fails in ("rm /srv/late; exit 1", "test -e /srv/late"):
        with pytest.raises(HttpResponseError, match="exit status=1"):
            short(estate, web, fails)
        assert set(estate.latest(web).values()) == {False}
    extensions.begin_delete(estate.group, web, "short").result()
    assert set(estate.latest(web).values()) == {True}
    assert [e.name for e in extensions.list(estate.group, web)] == ["health"]


def test_a_script_that_fails_fails_the_scale_set(estate: Any, first: str) -> None:
    body = estate.scale_set(first)
    profile = body["properties"]["virtualMachineProfile"]
    profile["extensionProfile"]["extensions"] = [
        {
            "name": "failing",
            "properties": {
                "publisher": "Microsoft.Azure.Extensions",
                "type": "CustomScript",
                "typeHandlerVersion": "2.1",
                "settings": {
                    "fileUris": ["https://example.com/scripts/install.sh"],
                    "commandToExecute": "bash install.sh",
                },
            },
        }
    ]
    with pytest.raises(HttpResponseError) as raised:
        estate.deploy("failing", body)
    assert raised.value.error.code == "VMExtensionProvisioningError"
    assert raised.value.error.message == (
        "VM has reported a failure when processing extension 'failing' (publisher "
        "'Microsoft.Azure.Extensions' and type 'CustomScript'). Error message: 'Enable "
        "failed: failed to download file '/scripts/install.sh': this embedded Azure "
        "fetches from its own blob service only, not from 'example.com''."
    )
    assert [i.provisioning_state for i in estate.instances("failing")] == ["Failed"]
    sets = estate.compute.virtual_machine_scale_sets
    sets.begin_delete(estate.group, "failing").result()


def test_data_disks_come_and_go_with_a_write(estate: Any, vm: str) -> None:
    compute = estate.compute
    disk = {"lun": 0, "createOption": "Empty", "diskSizeGB": 8}
    changed = compute.virtual_machines.begin_update(
        estate.group, vm, {"properties": {"storageProfile": {"dataDisks": [disk]}}}
    ).result()
    name = changed.storage_profile.data_disks[0].name
    assert compute.disks.get(estate.group, name).disk_state == "Attached"
    with pytest.raises(HttpResponseError) as raised:
        compute.disks.begin_delete(estate.group, name)
    assert raised.value.error.message == (
        f"Disk {name} is attached to VM {estate.here}/virtualMachines/{vm}."
    )
    compute.virtual_machines.begin_update(
        estate.group, vm, {"properties": {"storageProfile": {"dataDisks": []}}}
    ).result()
    assert compute.disks.get(estate.group, name).disk_state == "Unattached"
    compute.disks.begin_delete(estate.group, name).result()


def test_a_disk_of_its_own_has_a_size(estate: Any) -> None:
    disks = estate.compute.disks
    body = {"location": "westeurope", "properties": {"creationData": {}}}
    body["properties"]["creationData"]["createOption"] = "Empty"
    with pytest.raises(HttpResponseError) as raised:
        disks.begin_create_or_update(estate.group, "own", body)
    assert raised.value.error.message == (
        "Required parameter 'diskSizeGB' is missing (null)."
    )
    body["properties"]["diskSizeGB"] = 4
    made = disks.begin_create_or_update(estate.group, "own", body).result()
    assert (made.disk_size_bytes, made.sku.tier) == (4 * 2**30, "Standard")
    disks.begin_delete(estate.group, "own").result()
