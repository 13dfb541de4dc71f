"""Managed run commands: scripts as resources of a machine.

How the command itself went is in the instance view; the resource's provisioning
succeeds as soon as it ran, unless failure is to count:
https://learn.microsoft.com/azure/virtual-machines/linux/run-command-managed
"""

from __future__ import annotations

import asyncio
import contextlib
import copy

import aiohttp

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError, bad_request
from release.emulator.kinds import Body, Call, Kind, Write
from release.emulator.machines import MachineError
from release.emulator.resources.compute.actions import save
from release.emulator.resources.compute.own_blobs import served_at
from release.emulator.resources.compute.profiles import invalid
from release.emulator.resources.compute.scripts import (
    Progress,
    Script,
    check_running,
    execute,
    script_parameters,
)
from release.emulator.store import Resource

LONGEST_S, DEFAULT_S = 90 * 60, 60 * 60
MOST_OF_A_MACHINE = 25
SECRETS = ("protectedParameters", "runAsPassword")
BLOB_URIS = ("outputBlobUri", "errorBlobUri")
"""Shown without their signatures."""


def _prepare(write: Write) -> Body:
    body = write.body
    properties = body.setdefault("properties", {})
    machine = write.cloud.get(write.id.parent)
    check_running(machine)
    source = properties.get("source") or {}
    if not (source.get("script") or source.get("scriptUri")):
        raise bad_request(
            "InvalidParameter",
            "Required parameter 'source' is missing (null): give source.script or "
            "source.scriptUri; this embedded Azure has no predefined commands.",
            target="source",
        )
    timeout_s = properties.get("timeoutInSeconds") or DEFAULT_S
    if not 0 < timeout_s <= LONGEST_S:
        raise invalid("timeoutInSeconds", timeout_s, f"from 1 to {LONGEST_S}")
    properties["timeoutInSeconds"] = timeout_s
    if not isinstance(source.get("script") or "", str):
        raise invalid("source.script", source["script"], "expected a text")
    for name in ("parameters", "protectedParameters"):
        script_parameters(properties, name)
    _check_count(write)
    properties.setdefault("asyncExecution", False)
    properties.setdefault("treatFailureAsDeploymentFailure", False)
    properties.setdefault("parameters", [])
    properties.pop("instanceView", None)
    secrets = write.private.setdefault("secrets", {})
    for name in SECRETS:
        if name in properties:
            secrets[name] = properties.pop(name)
    for name in BLOB_URIS:
        _keep_signature(properties, secrets, name)
    write.private["view"] = Progress().view()
    return body


def _keep_signature(properties: Body, secrets: Body, name: str) -> None:
    """Keep a URI with its signature, also when it comes back as it was shown."""
    given = properties.get(name)
    if not given:
        secrets.pop(name, None)
        return
    if given != secrets.get(name, "").partition("?")[0]:
        secrets[name] = given
    properties[name] = given.partition("?")[0]


def _check_count(write: Write) -> None:
    there = write.cloud.store.of_type(write.id.type, write.id.parent)
    if write.existing is None and len(there) >= MOST_OF_A_MACHINE:
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"The virtual machine has {len(there)} run commands; the most it can have "
            f"is {MOST_OF_A_MACHINE}. Delete some.",
        )


async def _apply(cloud: Cloud, resource: Resource, _before: Body | None) -> None:
    machine = cloud.get(resource.id.parent)
    await cloud.pace.lasts("runcommand")
    script = await _script(cloud, resource)
    if resource.properties["asyncExecution"]:
        cloud.background.start(
            f"run command {resource.id.key}",
            _run_apart(cloud, machine, resource, script),
        )
        return
    await _run(cloud, machine, resource, script)
    _check_outcome(resource)


async def _run(
    cloud: Cloud, machine: Resource, resource: Resource, script: Script
) -> None:
    progress = Progress()
    resource.private["view"] = _Live(progress)
    save(cloud, resource)
    try:
        await execute(cloud, machine, script, progress)
    finally:
        resource.private["view"] = progress.view()
        save(cloud, resource)


async def _run_apart(
    cloud: Cloud, machine: Resource, resource: Resource, script: Script
) -> None:
    """Run a script that nobody waits for: its view tells what went wrong."""
    with contextlib.suppress(MachineError, ArmError):
        await _run(cloud, machine, resource, script)


class _Live(dict[str, object]):
    """The view of a script that runs, made anew whenever it is looked at.

    What is stored says that it runs, for a start after a kill.
    """

    def __init__(self, progress: Progress) -> None:
        super().__init__(progress.view() | {"executionState": "Running"})
        self.progress = progress


def _check_outcome(resource: Resource) -> None:
    view = resource.private["view"]
    failed = view["executionState"] != "Succeeded"
    if failed and resource.properties["treatFailureAsDeploymentFailure"]:
        raise ArmError(
            409,
            "VMRunCommandFailed",
            f"Run command '{resource.id.name}' on "
            f"'{resource.id.parent.full_name}' ended as {view['executionState']} with "
            f"exit code {view['exitCode']}. Error output: {view.get('error', '')}",
        )


async def _script(cloud: Cloud, resource: Resource) -> Script:
    properties = resource.properties
    secrets = resource.private.get("secrets", {})
    source = properties["source"]
    text = source.get("script") or await _fetched(cloud, source["scriptUri"])
    parameters = (
        *properties.get("parameters", ()),
        *secrets.get("protectedParameters", ()),
    )
    return Script(
        text=text,
        parameters=parameters,
        timeout_s=properties["timeoutInSeconds"],
        user=properties.get("runAsUser"),
        output_url=secrets.get("outputBlobUri"),
        error_url=secrets.get("errorBlobUri"),
    )


async def _fetched(cloud: Cloud, url: str) -> str:
    connector = aiohttp.TCPConnector(ssl=cloud.trust)
    timeout = aiohttp.ClientTimeout(total=60)
    try:
        where, host = served_at(cloud, url)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            session.get(where, headers=host) as answer,
        ):
            answer.raise_for_status()
            return await answer.text()
    except (OSError, aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise bad_request(
            "InvalidParameter",
            f"The script at '{url.partition('?')[0]}' could not be downloaded: {error}",
            target="source.scriptUri",
        ) from error


async def _remove(cloud: Cloud, resource: Resource) -> None:
    cloud.background.stop(f"run command {resource.id.key}")
    await asyncio.sleep(0)


def _view(_cloud: Cloud, resource: Resource, call: Call) -> Body:
    body = copy.deepcopy(resource.body)
    if "instanceview" in call.query.get("$expand", "").lower():
        kept = resource.private.get("view", {})
        live = isinstance(kept, _Live)
        body["properties"]["instanceView"] = kept.progress.view() if live else kept
    return body


def _kind(full_type: str) -> Kind:
    return Kind(
        type=full_type,
        prepare=_prepare,
        apply=_apply,
        remove=_remove,
        view=_view,
    )


KINDS = (
    _kind("Microsoft.Compute/virtualMachines/runCommands"),
    _kind("Microsoft.Compute/virtualMachineScaleSets/virtualMachines/runCommands"),
)
