"""The marketplace: publishers, offers, SKUs and versions of platform images. Pure.

Every one of them boots the same base image here: the file system of this machine.
"""

from __future__ import annotations

from dataclasses import dataclass

from release.emulator.errors import ArmError, bad_request
from release.emulator.kinds import Body

VERSIONS = ("12.20240901.1", "12.20250601.1")
OFFERS: dict[str, dict[str, tuple[str, ...]]] = {
    "Debian": {
        "debian-11": ("11", "11-gen2"),
        "debian-12": ("12", "12-arm64", "12-gen2"),
        "debian-13": ("13", "13-gen2"),
    },
    "Canonical": {
        "0001-com-ubuntu-server-focal": ("20_04-lts", "20_04-lts-gen2"),
        "0001-com-ubuntu-server-jammy": ("22_04-lts", "22_04-lts-gen2"),
        "ubuntu-24_04-lts": ("minimal", "server", "server-gen1"),
        "UbuntuServer": (
            *("14.04.4-LTS", "14.04.5-LTS", "16.04-LTS", "16_04-lts-gen2"),
            *("18.04-LTS", "18_04-lts-gen2"),
        ),
    },
    "RedHat": {"RHEL": ("7-LVM", "8-lvm-gen2", "9-lvm-gen2")},
    "OpenLogic": {"CentOS": ("7.3", "7.4", "7.5", "7.7", "7_9")},
    "SUSE": {"sles-15-sp5": ("gen1", "gen2")},
    "almalinux": {"almalinux-x86_64": ("8-gen2", "9-gen2")},
    "MicrosoftCBLMariner": {"azure-linux-3": ("azure-linux-3", "azure-linux-3-gen2")},
}
WINDOWS = "microsoftwindows"
"""How publishers of Windows images begin, in lower case."""
ALIASES = {
    "Debian11": ("Debian", "debian-11", "11-gen2"),
    "Debian12": ("Debian", "debian-12", "12-gen2"),
    "Ubuntu2204": ("Canonical", "0001-com-ubuntu-server-jammy", "22_04-lts-gen2"),
    "Ubuntu2404": ("Canonical", "ubuntu-24_04-lts", "server"),
}
"""Short names that the command-line client takes for images."""
EXTENSIONS: dict[str, dict[str, str]] = {
    "Microsoft.Azure.Extensions": {"CustomScript": "2.1.13"},
    "Microsoft.ManagedServices": {"ApplicationHealthLinux": "1.0.13"},
}
"""The version of each extension that has an effect here, by publisher and type."""
PARTS = ("publisher", "offer", "sku", "version")


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformImage:
    """One image of the marketplace, by its exact version."""

    publisher: str
    offer: str
    sku: str
    version: str


def _spelled(name: str, known: tuple[str, ...]) -> str | None:
    return next((k for k in known if k.lower() == name.lower()), None)


def platform_image(reference: Body) -> PlatformImage:
    """Find the image that a reference names; ``latest`` is the newest.

    Raises:
        ArmError: 404 ``PlatformImageNotFound`` that lists what there is.
    """
    asked = [str(reference.get(part, "")) for part in PARTS]
    publisher = _spelled(asked[0], tuple(OFFERS))
    offers = OFFERS.get(publisher or "", {})
    offer = _spelled(asked[1], tuple(offers))
    sku = _spelled(asked[2], offers.get(offer or "", ()))
    if asked[0].lower().startswith(WINDOWS):
        raise bad_request(
            "OperationNotAllowed",
            f"The platform image '{':'.join(asked)}' is one of Windows, but this "
            "embedded Azure has only Linux machines.",
            target="imageReference",
        )
    version = VERSIONS[-1] if asked[3].lower() == "latest" else asked[3]
    if publisher is None or offer is None or sku is None or version not in VERSIONS:
        raise ArmError(
            404,
            "PlatformImageNotFound",
            f"The platform image '{':'.join(asked)}' is not available. Verify that all "
            "fields in the storage profile are correct. This embedded Azure has "
            f"{', '.join(_all())}, each in versions {', '.join(VERSIONS)}.",
            target="imageReference",
        )
    return PlatformImage(publisher=publisher, offer=offer, sku=sku, version=version)


def _all() -> list[str]:
    return [
        f"{publisher}:{offer}:{sku}"
        for publisher, offers in OFFERS.items()
        for offer, skus in offers.items()
        for sku in skus
    ]


def aliases() -> Body:
    """Return the document that the command-line client reads short names from."""
    linux = {
        alias: {
            **dict(zip(PARTS, (*image, "latest"), strict=True)),
            "architecture": "x64",
        }
        for alias, image in ALIASES.items()
    }
    return {"outputs": {"aliases": {"type": "object", "value": {"Linux": linux}}}}


def marketplace_path(subscription: str, location: str, *names: str) -> str:
    """Return the path of what a publisher has, down to a version of an image.

    Without names it is where all publishers are.
    """
    words = ("/ArtifactTypes/VMImage/Offers", "/Skus", "/Versions", "")
    path = (
        f"/Subscriptions/{subscription}/Providers/Microsoft.Compute"
        f"/Locations/{location}/Publishers"
    )
    for name, word in zip(names, words, strict=False):
        path += f"/{name}{word}"
    return path


def extensions(publisher: str, kind: str = "") -> list[str]:
    """Return a publisher's extensions, or the versions of one of them.

    Raises:
        ArmError: 404 for a name that there is not.
    """
    spelled = {name.lower(): name for name in EXTENSIONS}.get(publisher.lower(), "")
    have = EXTENSIONS.get(spelled, {})
    if not kind:
        return sorted(have)
    version = {name.lower(): version for name, version in have.items()}
    if kind.lower() not in version:
        raise _absent(f"Extension '{kind}' of publisher '{publisher}'")
    return [version[kind.lower()]]


def children(publisher: str = "", offer: str = "", sku: str = "") -> list[str]:
    """Return the names one level below: publishers, offers, SKUs or versions.

    Raises:
        ArmError: 404 for a name that there is not.
    """
    if not publisher:
        return sorted({*OFFERS, *EXTENSIONS})
    if publisher.lower() in {name.lower() for name in EXTENSIONS} and not offer:
        return []
    known = _spelled(publisher, tuple(OFFERS))
    offers = OFFERS.get(known or "")
    if offers is None:
        raise _absent(f"Publisher '{publisher}'")
    if not offer:
        return sorted(offers)
    skus = offers.get(_spelled(offer, tuple(offers)) or "")
    if skus is None:
        raise _absent(f"Offer '{offer}' of publisher '{publisher}'")
    if not sku:
        return sorted(skus)
    if _spelled(sku, skus) is None:
        raise _absent(f"SKU '{sku}' of offer '{offer}'")
    return list(VERSIONS)


def _absent(what: str) -> ArmError:
    return ArmError(404, "NotFound", f"{what} was not found in this embedded Azure.")
