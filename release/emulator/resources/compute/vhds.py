"""VHDs in storage accounts: what a capture writes, and images are made from.

A VHD is a page blob; `release.emulator.machines.vhd` says what is in it.
"""

from __future__ import annotations

import json
import urllib.parse
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from release.emulator.blobs import BlobError, direct
from release.emulator.blobs.address import Address, parse
from release.emulator.blobs.records import Kind
from release.emulator.cloud import Cloud
from release.emulator.machines import vhd_problem
from release.emulator.resources.compute.profiles import invalid
from release.emulator.resources.storage.plane import account_of


def address_of(cloud: Cloud, uri: str, target: str) -> Address:
    """Return which blob a URI names.

    Args:
        cloud: Whose accounts.
        uri: With the account in the host or, on 127.0.0.1, in the path. A signature
            in it is not looked at: this is the cloud's own access.
        target: The parameter that has the URI, for the error.

    Raises:
        ArmError: It names no blob of an account here.
    """
    found = urllib.parse.urlsplit(uri)
    try:
        address = parse(host=found.netloc, raw_path=found.path, is_container=False)
    except BlobError as error:
        raise invalid(target, uri, "it names no blob") from error
    if not address.blob or account_of(cloud, address.account) is None:
        raise invalid(target, uri, f"there is no storage account '{address.account}'")
    return address


def file_of(cloud: Cloud, uri: str, target: str) -> Path:
    """Return the file of a VHD.

    Raises:
        ArmError: There is none, or it is none that could be booted.
    """
    path = direct.file_of(cloud.blobs, address_of(cloud, uri, target))
    if path is None:
        raise invalid(target, uri, "there is no such page blob")
    wrong = vhd_problem(path)
    if wrong:
        raise invalid(target, uri, wrong)
    return path


async def frozen_from(cloud: Cloud, uri: str, target: str) -> str:
    """Make an image of the machines from a VHD; return its id.

    Raises:
        ArmError: There is no such VHD.
    """
    path = file_of(cloud, uri, target)
    image_id = f"image-{uuid.uuid4()}"
    await cloud.machines.read_vhd(path, image_id)
    return image_id


async def write(cloud: Cloud, image_id: str | None, uri: str) -> None:
    """Put an image of the machines, or an empty disk, into an account as a VHD."""
    file = cloud.blobs.files.new()
    try:
        await cloud.machines.write_vhd(image_id, cloud.blobs.files.path(file))
        direct.put(cloud.blobs, address_of(cloud, uri, "vhd"), Kind.PAGE, file)
    except BaseException:
        cloud.blobs.files.drop([file])
        raise


def write_json(cloud: Cloud, value: Mapping[str, Any], uri: str) -> None:
    """Put a document into an account."""
    file = cloud.blobs.files.new()
    cloud.blobs.files.path(file).write_text(json.dumps(value, indent=2), "utf-8")
    direct.put(cloud.blobs, address_of(cloud, uri, "vhd"), Kind.BLOCK, file)
