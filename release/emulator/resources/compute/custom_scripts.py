"""The custom script extension: files fetched, a command run, on machine and instance.

https://learn.microsoft.com/azure/virtual-machines/extensions/custom-script-linux
"""

from __future__ import annotations

import base64
import ipaddress
import posixpath
import shlex
from collections.abc import Sequence
from http import HTTPStatus

import aiohttp
from yarl import URL

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError
from release.emulator.kinds import Body
from release.emulator.resources.compute.own_blobs import served_at
from release.emulator.resources.compute.scripts import Progress, Script, execute
from release.emulator.store import Resource

TYPES = ("customscript", "customscriptforlinux")
"""The extension, and the name that it had before 2016."""
_FOLDER = "/var/lib/waagent/custom-script/download/0"


def is_custom_script(properties: Body) -> bool:
    """Tell whether an extension is one that runs a command."""
    return str(properties.get("type", "")).lower() in TYPES


async def run_custom_script(
    cloud: Cloud, machine: Resource, extension: Body, protected: Body | None
) -> Progress:
    """Fetch the files, run the command, and return what it said.

    Args:
        cloud: The cloud.
        machine: A running machine or instance.
        extension: Its name and properties.
        protected: Its protected settings.

    Raises:
        ArmError: 409 ``VMExtensionProvisioningError``: it failed.
    """
    properties = extension["properties"]
    settings = {**(properties.get("settings") or {}), **(protected or {})}
    text = str(settings.get("commandToExecute") or "")
    if settings.get("script"):
        text = base64.b64decode(settings["script"]).decode()
    else:
        files = await _fetched(cloud, extension, settings.get("fileUris") or ())
        text = f"{_laid(files)}cd {_FOLDER}\n{text}\n"
    progress = Progress()
    await execute(cloud, machine, Script(text=text), progress)
    if progress.exit_code:
        raise _failed(
            extension,
            "failed to execute command: command terminated with exit "
            f"status={progress.exit_code}\n[stdout]\n{progress.text('stdout')}\n"
            f"[stderr]\n{progress.text('stderr')}",
        )
    return progress


async def _fetched(
    cloud: Cloud, extension: Body, addresses: Sequence[str]
) -> dict[str, bytes]:
    """Return files by their names."""
    found: dict[str, bytes] = {}
    async with aiohttp.ClientSession() as session:
        for address in addresses:
            url = URL(address)
            at, header = served_at(cloud, address)
            if not header and not _is_loopback(at.host or ""):
                raise _failed(
                    extension,
                    f"failed to download file '{url.path}': this embedded Azure "
                    f"fetches from its own blob service only, not from '{url.host}'",
                )
            async with session.get(at, ssl=cloud.trust, headers=header) as answer:
                if answer.status != HTTPStatus.OK:
                    raise _failed(
                        extension,
                        f"failed to download file '{url.path}': unexpected status "
                        f"code: actual={answer.status} expected=200",
                    )
                found[posixpath.basename(url.path)] = await answer.read()
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _laid(files: dict[str, bytes]) -> str:
    """Return shell that writes these files."""
    lines = [f"mkdir -p {_FOLDER}"]
    for name, content in files.items():
        path = shlex.quote(f"{_FOLDER}/{name}")
        lines += [
            f"base64 -d > {path} <<'...'",
            base64.encodebytes(content).decode() + "...",
            f"chmod 700 {path}",
        ]
    return "\n".join(lines) + "\n"


def _failed(extension: Body, message: str) -> ArmError:
    properties = extension["properties"]
    return ArmError(
        409,
        "VMExtensionProvisioningError",
        f"VM has reported a failure when processing extension '{extension['name']}' "
        f"(publisher '{properties['publisher']}' and type '{properties['type']}'). "
        f"Error message: 'Enable failed: {message}'.",
    )
