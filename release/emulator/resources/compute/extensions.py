"""Extensions of virtual machines: kept, and a custom script is run.

Others are kept and shown as provisioned; nothing of theirs runs here.
"""

from __future__ import annotations

import base64
import copy

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError
from release.emulator.kinds import Body, Call, Kind, Write
from release.emulator.resources.compute.profiles import required
from release.emulator.resources.compute.scripts import Progress, Script, execute
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
    if resource.properties["type"].lower() != "customscript":
        return
    settings = {
        **(resource.properties.get("settings") or {}),
        **(resource.private.get("protectedSettings") or {}),
    }
    text = settings.get("commandToExecute") or ""
    if settings.get("script"):
        text = base64.b64decode(settings["script"]).decode()
    progress = Progress()
    machine = cloud.get(resource.id.parent)
    await execute(cloud, machine, Script(text=text), progress)
    resource.private["view"] = {
        "substatuses": [
            _stream("StdOut", progress.text("stdout")),
            _stream("StdErr", progress.text("stderr")),
        ]
    }
    if progress.exit_code:
        raise ArmError(
            409,
            "VMExtensionProvisioningError",
            f"VM has reported a failure when processing extension "
            f"'{resource.id.name}' (publisher '{resource.properties['publisher']}' and "
            f"type '{resource.properties['type']}'). Error message: 'Enable failed: "
            "failed to execute command: command terminated with exit "
            f"status={progress.exit_code}\n[stdout]\n{progress.text('stdout')}\n"
            f"[stderr]\n{progress.text('stderr')}'.",
        )


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
