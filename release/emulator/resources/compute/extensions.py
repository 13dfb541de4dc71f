"""Extensions of virtual machines: kept, and a custom script is run.

Others are kept and shown as provisioned; nothing of theirs runs here.
"""

from __future__ import annotations

import copy

from release.emulator.cloud import Cloud
from release.emulator.kinds import Body, Call, Kind, Write
from release.emulator.resources.compute.custom_scripts import (
    digest_of,
    is_custom_script,
    run_custom_script,
)
from release.emulator.resources.compute.profiles import required
from release.emulator.resources.compute.vm_views import EXTENSION, extension_view
from release.emulator.store import Resource


def _prepare(write: Write) -> Body:
    properties = write.body.setdefault("properties", {})
    for name in ("publisher", "type", "typeHandlerVersion"):
        required(properties, name)
    properties.setdefault("autoUpgradeMinorVersion", False)
    if "protectedSettings" in properties:
        write.private["protectedSettings"] = properties.pop("protectedSettings")
    properties.pop("instanceView", None)
    return write.body


async def _apply(cloud: Cloud, resource: Resource, _before: Body | None) -> None:
    """Run a custom script, unless the last that ran was the same."""
    if not is_custom_script(resource.properties):
        return
    shown = {k: v for k, v in resource.properties.items() if k != "provisioningState"}
    extension = {"name": resource.id.name, "properties": shown}
    protected = resource.private.get("protectedSettings")
    digest = digest_of(extension, protected)
    if resource.private.get("ran") == digest:
        return
    resource.private.pop("ran", None)
    machine = cloud.get(resource.id.parent)
    progress = await run_custom_script(cloud, machine, extension, protected)
    resource.private["ran"] = digest
    resource.private["view"] = {
        "substatuses": [
            _stream("StdOut", progress.text("stdout")),
            _stream("StdErr", progress.text("stderr")),
        ]
    }


def _stream(name: str, text: str) -> Body:
    return {
        "code": f"ComponentStatus/{name}/succeeded",
        "level": "Info",
        "displayStatus": "Provisioning succeeded",
        "message": text,
    }


def _view(_cloud: Cloud, resource: Resource, call: Call) -> Body:
    body = copy.deepcopy(resource.body)
    if "instanceview" in call.query.get("$expand", "").lower():
        body["properties"]["instanceView"] = extension_view(resource)
    return body


KINDS = (Kind(type=EXTENSION, prepare=_prepare, apply=_apply, view=_view),)
