"""The custom script extension: files fetched, a command run, on machine and instance.

https://learn.microsoft.com/azure/virtual-machines/extensions/custom-script-linux
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import ipaddress
import json
import posixpath
import shlex
import zlib
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
_GZIP = b"\x1f\x8b"
_TIMEOUT = aiohttp.ClientTimeout(total=60)
_FOLDER = "/var/lib/waagent/custom-script/download/0"


def digest_of(extension: Body, protected: Body | None) -> str:
    """Return what tells one configuration of an extension from another.

    A machine runs each once, until it gets another disk.
    """
    said = json.dumps([extension, protected], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


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
        text = _decoded(extension, str(settings["script"]))
    else:
        files = await _fetched(cloud, extension, _file_uris(extension, settings))
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


def _decoded(extension: Body, script: str) -> str:
    """Return a script that came in base64, compressed or not."""
    try:
        data = base64.b64decode(script)
        if data.startswith(_GZIP):
            data = gzip.decompress(data)
        return data.decode()
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise _failed(extension, f"failed to decode script: {error}") from error


def _file_uris(extension: Body, settings: Body) -> list[str]:
    found = settings.get("fileUris") or []
    if not isinstance(found, list) or not all(isinstance(uri, str) for uri in found):
        raise _failed(extension, "'fileUris' is no list of texts")
    return found


async def _fetched(
    cloud: Cloud, extension: Body, addresses: Sequence[str]
) -> dict[str, bytes]:
    """Return files by their names."""
    found: dict[str, bytes] = {}
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        for address in addresses:
            where = address.partition("?")[0]
            try:
                where = URL(address).path
                content = await _file(cloud, session, address)
                found[posixpath.basename(where)] = content
            except (OSError, aiohttp.ClientError, TimeoutError, ValueError) as error:
                why = str(getattr(error, "os_error", error)) or type(error).__name__
                raise _failed(
                    extension, f"failed to download file '{where}': {why}"
                ) from error
    return found


async def _file(cloud: Cloud, session: aiohttp.ClientSession, address: str) -> bytes:
    """Return what is at a URL.

    Raises:
        ValueError: It is none, or none to fetch from, or not there.
    """
    at, host = served_at(cloud, address)
    if not host and not _is_loopback(at.host or ""):
        raise ValueError(
            "this embedded Azure fetches from its own blob service only, "
            f"not from '{at.host}'"
        )
    async with session.get(at, ssl=cloud.trust, headers=host) as answer:
        if answer.status != HTTPStatus.OK:
            raise ValueError(
                f"unexpected status code: actual={answer.status} expected=200"
            )
        return await answer.read()


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
