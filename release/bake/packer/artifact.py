"""Read what a build of Packer's azure-arm builder made. Pure.

The artifact's id is the managed image's even where a gallery version was made of
it, so the text that lists all of them is read (source: packer-plugin-azure,
builder/azure/arm/artifact.go; Packer 1.6.6 prints the same names but for the VHD's,
which it calls ``OSDiskUri``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from release.bake.packer.log import Line

BUILDER_ID = "Azure.ResourceManagement.VMImage"


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """What one build made; what it did not make is ""."""

    target: str
    """The build's name, such as ``azure-arm.web``."""
    version_id: str = ""
    """Version in a gallery."""
    image_id: str = ""
    """Managed image."""
    vhd_url: str = ""
    """VHD in a storage account, without a signature."""


def artifacts(lines: Iterable[Line]) -> list[Artifact]:
    """Return what builds on Azure made, in order.

    Args:
        lines: Those of kind ``artifact``.
    """
    told: dict[tuple[str, str], dict[str, str]] = {}
    for line in lines:
        if len(line.data) > 2:  # noqa: PLR2004 - number, what, value
            number, what, *value = line.data
            told.setdefault((line.target, number), {})[what] = ",".join(value)
    found = (
        _artifact(target, facts["string"])
        for (target, _), facts in told.items()
        if facts.get("builder-id") == BUILDER_ID and "string" in facts
    )
    return list(dict.fromkeys(found))


def _artifact(target: str, text: str) -> Artifact:
    named = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        named[name.strip()] = value.strip()
    disk = named.get("VHDOSDiskUri") or named.get("OSDiskUri", "")
    return Artifact(
        target=target,
        version_id=named.get("ManagedImageSharedImageGalleryId", ""),
        image_id=named.get("ManagedImageId", ""),
        vhd_url=disk if disk.startswith("https://") else "",
    )
