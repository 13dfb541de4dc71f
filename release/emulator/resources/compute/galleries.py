"""Galleries, image definitions and image versions.

https://learn.microsoft.com/azure/virtual-machines/shared-image-galleries
"""

from __future__ import annotations

import copy
import re
import time
from typing import Any

from release.emulator.cloud import Cloud
from release.emulator.errors import bad_request, conflict
from release.emulator.ids import parse
from release.emulator.kinds import Body, Call, Kind, Write
from release.emulator.regions import DISPLAYED, LOCATIONS
from release.emulator.resources.compute import vhds
from release.emulator.resources.compute.freezing import (
    check_generalized,
    freeze,
    reference_id,
    release,
    source_of,
)
from release.emulator.resources.compute.profiles import (
    check_unchanged,
    invalid,
    one_of,
    required,
)
from release.emulator.resources.compute.references import lags
from release.emulator.resources.compute.statuses import timestamp
from release.emulator.resources.managed_identities import check_identity
from release.emulator.store import Resource

GALLERY = "Microsoft.Compute/galleries"
VERSION_NAME = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
LARGEST_PART = 2**31 - 1
VM = "microsoft.compute/virtualmachines"


def _prepare_gallery(write: Write) -> Body:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._]{0,78}[A-Za-z0-9])?", write.id.name):
        raise invalid(
            "galleryName",
            write.id.name,
            "expected letters, digits, underscores and periods, at most 80, starting "
            "and ending with a letter or digit",
        )
    check_identity(write)
    properties = write.body.setdefault("properties", {})
    unique = f"{write.id.subscription}-{write.id.name.upper()}"
    properties["identifier"] = {"uniqueName": unique}
    return write.body


def _refuse_gallery(cloud: Cloud, resource: Resource) -> None:
    _refuse_with_children(cloud, resource, "gallery", "image definitions")


def _refuse_definition(cloud: Cloud, resource: Resource) -> None:
    _refuse_with_children(cloud, resource, "gallery image", "image versions")


def _refuse_with_children(
    cloud: Cloud, resource: Resource, what: str, children: str
) -> None:
    inside = next(cloud.store.under(resource.id), None)
    if inside:
        raise conflict(
            "CannotDeleteResource",
            f"Can not delete resource before nested resources are deleted. The {what} "
            f"'{resource.id}' has {children}, such as '{inside.id}'.",
        )


def _prepare_definition(write: Write) -> Body:
    properties = write.body.setdefault("properties", {})
    for part in ("publisher", "offer", "sku"):
        required(properties, f"identifier.{part}")
    required(properties, "osType")
    system = one_of(properties, "osType", ("Linux", "Windows"), "Linux")
    if system == "Windows":
        raise invalid("osType", "Windows", "this embedded Azure has only Linux")
    state = one_of(properties, "osState", ("Generalized", "Specialized"), "Generalized")
    newest = write.api_version >= "2025-03-03"
    generation = "V2" if newest else "V1"
    properties |= {"osType": system, "osState": state}
    properties["hyperVGeneration"] = one_of(
        properties, "hyperVGeneration", ("V1", "V2"), generation
    )
    properties.setdefault("architecture", "x64")
    if newest and properties["hyperVGeneration"] == "V2":
        trusted = {"name": "SecurityType", "value": "TrustedLaunchSupported"}
        properties.setdefault("features", [trusted])
    if write.existing:
        _check_definition(write.existing.body, write.body)
    return write.body


def _check_definition(before: Body, after: Body) -> None:
    check_unchanged(
        before,
        after,
        (
            "properties.identifier.publisher",
            "properties.identifier.offer",
            "properties.identifier.sku",
            "properties.osType",
            "properties.osState",
            "properties.hyperVGeneration",
        ),
    )


def _prepare_version(write: Write) -> Body:
    _check_version_name(write.id.name)
    properties = write.body.setdefault("properties", {})
    profile = properties.setdefault("publishingProfile", {})
    if write.existing:
        check_unchanged(
            write.existing.body,
            write.body,
            (
                "properties.storageProfile.source",
                "properties.storageProfile.osDiskImage.source",
                "properties.publishingProfile.source",
            ),
        )
    else:
        _check_source(write, properties)
        profile["publishedDate"] = timestamp()
    _fill_in_regions(profile, write.body["location"])
    profile.setdefault("excludeFromLatest", False)
    profile.setdefault("replicaCount", 1)
    profile.setdefault("storageAccountType", "Standard_LRS")
    properties.setdefault("safetyProfile", {})
    write.private["wanted"] = [_plain(r["name"]) for r in profile["targetRegions"]]
    properties.pop("replicationStatus", None)
    return write.body


def _check_version_name(name: str) -> None:
    found = VERSION_NAME.fullmatch(name)
    if not found or any(int(part) > LARGEST_PART for part in found.groups()):
        raise bad_request(
            "InvalidParameter",
            f"The gallery image version name '{name}' is invalid: expected "
            "<MajorVersion>.<MinorVersion>.<Patch>, each a number from 0 to "
            f"{LARGEST_PART} without leading zeros.",
            target="galleryImageVersionName",
        )


def _plain(location: str) -> str:
    return location.replace(" ", "").lower()


def _fill_in_regions(profile: Body, location: str) -> None:
    regions = profile.setdefault("targetRegions", [{"name": location}])
    names = [_plain(region["name"]) for region in regions]
    for name in names:
        if name not in LOCATIONS:
            raise invalid(
                "targetRegions.name", name, f"expected one of {', '.join(LOCATIONS)}"
            )
    if location not in names:
        raise bad_request(
            "InvalidParameter",
            f"The publishing profile's target regions must contain the source region "
            f"'{location}' of the gallery image version.",
            target="galleryImageVersion.properties.publishingProfile.targetRegions",
        )
    for region in regions:
        region.setdefault("regionalReplicaCount", profile.get("replicaCount", 1))
        region.setdefault("storageAccountType", "Standard_LRS")


def _vhd(properties: Body) -> str:
    """Return the URI of the VHD that a version is made from, empty for none."""
    storage = properties.get("storageProfile") or {}
    disk = (storage.get("osDiskImage") or {}).get("source") or {}
    return str(disk.get("uri") or "")


def source_id(properties: Body) -> str:
    """Return what a version is made from, in any of the forms that Azure takes."""
    storage = properties.get("storageProfile") or {}
    source = storage.get("source") or {}
    disk = (storage.get("osDiskImage") or {}).get("source") or {}
    old = (properties.get("publishingProfile") or {}).get("source") or {}
    return str(
        source.get("virtualMachineId")
        or source.get("id")
        or disk.get("id")
        or reference_id(old.get("managedImage"))
    )


def _check_vhd(write: Write, properties: Body) -> None:
    """Check a VHD and its account, which older versions of the API call ``id``."""
    uri = _vhd(properties)
    target = "storageProfile.osDiskImage.source.uri"
    vhds.file_of(write.cloud, uri, target)
    source = properties["storageProfile"]["osDiskImage"]["source"]
    given = source.get("storageAccountId") or source.get("id")
    if not given:
        required(source, "storageAccountId")
    account = vhds.address_of(write.cloud, uri, target).account
    if parse(given).name.lower() != account:
        raise invalid(
            "storageProfile.osDiskImage.source.storageAccountId",
            given,
            f"the VHD is in the account '{account}'",
        )


def _check_source(write: Write, properties: Body) -> None:
    if _vhd(properties):
        _check_vhd(write, properties)
    else:
        _check_resource(write, properties)
    storage = properties.setdefault("storageProfile", {})
    disk = storage.setdefault("osDiskImage", {})
    disk.setdefault("hostCaching", "ReadWrite")
    disk.setdefault("sizeInGB", 30)


def _check_resource(write: Write, properties: Body) -> None:
    text = source_id(properties)
    if text in ("", "None"):
        raise bad_request(
            "InvalidParameter",
            "Required parameter 'source' is missing (null): give storageProfile.source "
            "(id or virtualMachineId), storageProfile.osDiskImage.source or "
            "publishingProfile.source.managedImage.",
            target="galleryImageVersion.properties.storageProfile",
        )
    source = source_of(write.cloud, text, "storageProfile.source.id")
    definition = write.cloud.get(write.id.parent)
    generalized = definition.properties["osState"] == "Generalized"
    if generalized and source.id.type.lower() == VM:
        check_generalized(source)


async def _content(cloud: Cloud, properties: Body) -> str:
    """Return the frozen image of what a version is made from."""
    uri = _vhd(properties)
    if uri:
        target = "storageProfile.osDiskImage.source.uri"
        return await vhds.frozen_from(cloud, uri, target)
    text = source_id(properties)
    return await freeze(cloud, source_of(cloud, text, "storageProfile.source.id"))


async def _publish(cloud: Cloud, resource: Resource, _before: Body | None) -> None:
    if not resource.private.get("image"):
        resource.private["image"] = await _content(cloud, resource.properties)
    wanted = resource.private["wanted"]
    resource.private["regions"] = dict.fromkeys(wanted, "Completed")
    lag_s = cloud.faults.lag_s(resource.id)
    if lag_s is not None:
        resource.private["replicated_at_s"] = time.time() + lag_s


def _view_version(_cloud: Cloud, resource: Resource, call: Call) -> Body:
    body = copy.deepcopy(resource.body)
    if "replicationstatus" in call.query.get("$expand", "").lower():
        body["properties"]["replicationStatus"] = replication(resource)
    return body


def replication(version: Resource) -> Body:
    """Return the regional replication status of a version."""
    regions = version.private.get("regions", {})
    summary: list[dict[str, Any]] = []
    for region in version.private["wanted"]:
        state = regions.get(region, "Replicating")
        if lags(version):
            state = "Replicating"
        if version.state == "Failed":
            state = "Failed"
        progress = 100 if state == "Completed" else 0
        summary.append(
            {
                "region": DISPLAYED[region],
                "state": state,
                "details": "",
                "progress": progress,
            }
        )
    states = {entry["state"] for entry in summary}
    whole = "InProgress"
    if states == {"Completed"}:
        whole = "Completed"
    elif "Failed" in states:
        whole = "Failed"
    return {"aggregatedState": whole, "summary": summary}


KINDS = (
    Kind(
        type=GALLERY,
        read_only=(
            "properties.sharingProfile.communityGalleryInfo.communityGalleryEnabled",
            "properties.sharingProfile.communityGalleryInfo.publicNames",
        ),
        prepare=_prepare_gallery,
        refuse_removal=_refuse_gallery,
        puts_merge=True,
    ),
    Kind(
        type=f"{GALLERY}/images",
        prepare=_prepare_definition,
        refuse_removal=_refuse_definition,
        puts_merge=True,
    ),
    Kind(
        type=f"{GALLERY}/images/versions",
        prepare=_prepare_version,
        apply=_publish,
        remove=release,
        view=_view_version,
        puts_merge=True,
        timing="gallery.version",
    ),
)
