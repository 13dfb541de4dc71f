"""What can be done to one instance of a scale set, and what a client sees of it."""

from __future__ import annotations

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError, bad_request
from release.emulator.kinds import Accepted, Action, Body, Call, Kind, Reply, Write
from release.emulator.resources.compute.actions import begin
from release.emulator.resources.compute.instance_views import instance_view, shown
from release.emulator.resources.compute.instances import INSTANCE
from release.emulator.resources.compute.run_command_action import run_command
from release.emulator.resources.compute.scale_set_actions import (
    WORKS,
    Work,
    delete_instances,
)
from release.emulator.store import Resource

PROTECTIONS = ("protectFromScaleIn", "protectFromScaleSetActions")


def _prepare(write: Write) -> Body:
    """Take a new protection policy or new tags; the model gives all the rest."""
    if write.existing is None:
        raise ArmError(
            404,
            "NotFound",
            f"The instance {write.id.name} was not found: the scale set makes its "
            "instances, they cannot be created one by one.",
        )
    body = dict(write.existing.body)
    properties = dict(write.existing.properties)
    given = (write.body.get("properties") or {}).get("protectionPolicy") or {}
    policy = {name: given[name] for name in PROTECTIONS if name in given}
    if policy.get(PROTECTIONS[1]) and policy.get(PROTECTIONS[0]) is False:
        raise bad_request(
            "InvalidParameter",
            "protectFromScaleIn cannot be false where protectFromScaleSetActions is "
            "true: it is part of it.",
            target="protectionPolicy",
        )
    properties.pop("protectionPolicy", None)
    if policy:
        properties["protectionPolicy"] = policy
    if "tags" in write.body:
        body["tags"] = write.body["tags"]
    return {**body, "properties": properties}


def _refuse_removal(cloud: Cloud, instance: Resource) -> None:
    cloud.operations.check_free(instance.id.parent)


async def _remove(cloud: Cloud, instance: Resource) -> None:
    await delete_instances(cloud, cloud.get(instance.id.parent), [instance])


def _on_instance(verb: str, work: Work, timing: str) -> Action:
    async def act(call: Call) -> Accepted:
        scale_set = call.cloud.get(call.target.id.parent)
        call.cloud.operations.check_free(scale_set.id)

        async def carry_out() -> None:
            await work(call.cloud, scale_set, call.target)
            await call.cloud.refresh_network()

        return begin(call.cloud, call.target, verb, carry_out, timing=timing)

    return act


async def _instance_view(call: Call) -> Reply:
    return Reply(body=instance_view(call.target))


async def _run_command(call: Call) -> Accepted:
    return run_command(call)


ACTIONS: dict[tuple[str, str], Action] = {
    **{
        ("POST", path): _on_instance(path, work, timing)
        for path, (work, timing) in WORKS.items()
    },
    ("GET", "instanceview"): _instance_view,
    ("POST", "runcommand"): _run_command,
}

KINDS = (
    Kind(
        type=INSTANCE,
        shows_etag=True,
        needs_location=False,
        prepare=_prepare,
        refuse_removal=_refuse_removal,
        remove=_remove,
        view=shown,
        actions=ACTIONS,
        timing="",
    ),
)
