"""A restart of the emulator: what ran runs again, with its disk and address."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from release.emulator.server import Options, Server
from release.emulator.store import Store


async def begun(folder: Path) -> Server:
    server = Server(Options(folder=folder))
    await server.start()
    return server


def cut_off(folder: Path) -> None:
    """Leave all as a kill in the middle of everything would."""
    store = Store(folder / "state.sqlite")
    for resource in store:
        state = re.compile('"provisioningState": "Succeeded"')
        text = state.sub('"provisioningState": "Updating"', json.dumps(resource.body))
        resource.body = json.loads(text)
        resource.state = "Deleting"
        view = resource.private.get("view", {})
        if view.get("executionState") == "Succeeded":
            view["executionState"] = "Running"
        store.save(resource)
    store.close()


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("restarted")


def test_what_ran_runs_again_as_it_was(
    folder: Path, connect: Any, build: Any, service: str, loop: Any
) -> None:
    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(60)

    server = run(begun(folder))
    with connect(server) as azure:
        estate = build(azure)
        image = estate.publish("1.0.0", estate.bake("builder", service))
        estate.deploy("web", estate.scale_set(image))
        change = {"commandId": "RunShellScript", "script": ["echo x > /srv/web/build"]}
        vms = azure.compute.virtual_machine_scale_set_vms
        vms.begin_run_command(estate.group, "web", "0", change).result()
        commands = azure.compute.virtual_machine_scale_set_vm_run_commands
        body = {"location": "westeurope", "properties": {"source": {"script": "true"}}}
        commands.begin_create_or_update(estate.group, "web", "0", "ran", body).result()
        body["properties"] = {"source": {"scriptUri": "http://127.0.0.1:9/none"}}
        with pytest.raises(HttpResponseError, match="could not be downloaded"):
            commands.begin_create_or_update(
                estate.group, "web", "0", "unread", body
            ).result()
    run(server.close())
    cut_off(folder)
    server = run(begun(folder))
    with connect(server) as azure:
        estate = type(estate)(azure=azure, group=estate.group, network=estate.network)
        estate.all_become("web", "healthy")
        assert estate.builds("web") == {"0": "x"}
        builder = azure.compute.virtual_machines.instance_view(estate.group, "builder")
        assert [s.code for s in builder.statuses][1:] == [
            "OSState/generalized",
            "PowerState/deallocated",
        ]
        commands = azure.compute.virtual_machine_scale_set_vm_run_commands
        states = {
            name: commands.get(
                estate.group, "web", "0", name, expand="instanceView"
            ).instance_view.execution_state
            for name in ("ran", "unread")
        }
        assert states == {"ran": "Canceled", "unread": "Pending"}
        bodies = json.dumps([resource.body for resource in server.store])
        found = set(re.findall(r'"provisioningState": "(\w+)"', bodies))
        assert found == {"Failed", "Succeeded"}
    run(server.close())
