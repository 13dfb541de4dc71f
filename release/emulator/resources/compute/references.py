"""Image references: what a machine is made from.

A reference names a marketplace image, a gallery image (a version, or the definition
for its latest), or a managed image.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError, bad_request
from release.emulator.ids import ResourceId, parse
from release.emulator.kinds import Body
from release.emulator.resources.compute.catalog import PARTS, platform_image
from release.emulator.resources.compute.freezing import reference_id
from release.emulator.resources.compute.profiles import required
from release.emulator.store import Resource

DEFINITION = "Microsoft.Compute/galleries/images"
VERSION = f"{DEFINITION}/versions"
MANAGED_IMAGE = "Microsoft.Compute/images"
UNUSABLE = ("Creating", "Failed", "Canceled", "Deleting")
"""States of images that nothing is made of; one being updated has its content."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The image that a reference stands for now."""

    reference: Body
    """The reference with its exactVersion, as an instance shows it."""
    frozen: str | None
    """The machine image; None for the base image."""
    specialized: bool = False
    """Made without deprovisioning: takes no osProfile."""


def resolve(cloud: Cloud, reference: Body, location: str) -> Found:
    """Find the image of a reference.

    Raises:
        ArmError: There is no such image, it is not in that region, or the reference
            is half filled in.
    """
    if reference.get("id"):
        return _custom(cloud, reference, location)
    missing = [part for part in PARTS if not reference.get(part)]
    if missing:
        raise bad_request(
            "InvalidParameter",
            f"Required parameter 'imageReference.{missing[0]}' is missing (null).",
            target=f"imageReference.{missing[0]}",
        )
    image = platform_image(reference)
    exact = {
        "publisher": image.publisher,
        "offer": image.offer,
        "sku": image.sku,
        "version": reference["version"],
        "exactVersion": image.version,
    }
    return Found(reference=exact, frozen=None)


def _custom(cloud: Cloud, reference: Body, location: str) -> Found:
    image_id = parse(reference["id"])
    kind = image_id.type.lower()
    if kind == MANAGED_IMAGE.lower():
        return _managed(cloud, image_id, location)
    if kind == DEFINITION.lower():
        return _latest(cloud, image_id, location)
    if kind == VERSION.lower():
        if image_id.name.lower() == "latest":
            found = _latest(cloud, image_id.parent, location)
            reference = found.reference | {"id": str(image_id)}
            return replace(found, reference=reference)
        return _version(cloud, image_id, image_id, location)
    raise bad_request(
        "InvalidParameter",
        f"The value '{reference['id']}' of parameter imageReference.id is invalid: "
        f"expected the id of one of {MANAGED_IMAGE}, {DEFINITION}, {VERSION}.",
        target="imageReference.id",
    )


def image_of_disk(cloud: Cloud, creation: Body, location: str) -> Found:
    """Find the image that the creationData of a disk names.

    Raises:
        ArmError: It names none, or there is no such image in that region.
    """
    gallery = reference_id(creation.get("galleryImageReference"))
    text = gallery or required(creation, "imageReference.id")
    parts = {kind.lower(): name for kind, name in parse(text).pairs}
    if "publishers" not in parts:
        return resolve(cloud, {"id": text}, location)
    names = [parts.get(f"{part}s", "") for part in PARTS]
    return resolve(cloud, dict(zip(PARTS, names, strict=True)), location)


def _managed(cloud: Cloud, image_id: ResourceId, location: str) -> Found:
    image = cloud.find(image_id)
    if image is None or image.state in UNUSABLE or not image.private.get("image"):
        raise ArmError(
            404,
            "NotFound",
            f"The Image '{image_id}' cannot be found in '{location}' region.",
            target="imageReference.id",
        )
    return Found(reference={"id": str(image.id)}, frozen=image.private["image"])


def _latest(cloud: Cloud, definition: ResourceId, location: str) -> Found:
    versions = [
        version
        for version in cloud.store.of_type(VERSION, definition)
        if version.state not in UNUSABLE
        and not version.properties["publishingProfile"].get("excludeFromLatest")
        and replicated(version, location)
    ]
    if not versions:
        raise gallery_image_not_found(definition, location)
    newest = max(versions, key=lambda version: number(version.id.name))
    return _version(cloud, newest.id, definition, location)


def _version(
    cloud: Cloud, version_id: ResourceId, asked: ResourceId, location: str
) -> Found:
    version = cloud.find(version_id)
    if version is None or version.state in UNUSABLE:
        raise gallery_image_not_found(version_id, location)
    if not replicated(version, location):
        raise gallery_image_not_found(version_id, location)
    definition = cloud.get(version.id.parent)
    return Found(
        reference={"id": str(asked), "exactVersion": version.id.name},
        frozen=version.private["image"],
        specialized=definition.properties.get("osState") == "Specialized",
    )


def gallery_image_not_found(image: ResourceId, location: str) -> ArmError:
    """Return the 404 for a gallery image that is not, or not yet, in a region."""
    return ArmError(
        404,
        "GalleryImageNotFound",
        f"The gallery image {image} is not available in {location} region. Please "
        "contact image owner to replicate to this region, or change your requested "
        "region.",
        target="imageReference",
    )


def replicated(version: Resource, location: str) -> bool:
    """Tell whether a gallery version can be used in a region."""
    states: dict[str, str] = version.private.get("regions", {})
    return states.get(location) == "Completed" and not lags(version)


def lags(version: Resource) -> bool:
    """Tell whether a fault still holds a version's replication back."""
    return time.time() < float(version.private.get("replicated_at_s", 0))


def number(name: str) -> tuple[int, ...]:
    """Return a gallery version as a number to compare."""
    return tuple(int(part) for part in name.split("."))
