"""The lines are those of real builds, but for shortened ids."""

from release.bake.packer.artifact import Artifact, artifacts
from release.bake.packer.log import Log

IMAGE = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/images/web-1"
VERSION = (
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/"
    "web/versions/1.0.3"
)
VHD = (
    "https://stubvhds.blob.core.windows.net/system/Microsoft.Compute/Images/images/"
    "packer-osDisk.9109e860.vhd"
)
LINES = """\
1795601470,azure-arm,artifact-count,1
1795601470,azure-arm,artifact,0,builder-id,Azure.ResourceManagement.VMImage
1795601470,azure-arm,artifact,0,id,{id}
1795601470,azure-arm,artifact,0,string,Azure.ResourceManagement.VMImage:\\n\\n\
OSType: Linux\\n{string}
1795601470,azure-arm,artifact,0,files-count,0
1795601470,azure-arm,artifact,0,end
"""
MANAGED = (
    "ManagedImageResourceGroupName: rg\\nManagedImageName: web-1\\n"
    f"ManagedImageId: {IMAGE}\\nManagedImageLocation: West US 2\\n"
)


def made(identifier: str, string: str) -> list[Artifact]:
    log = Log()
    for line in LINES.format(id=identifier, string=string).splitlines():
        log.read(line)
    return artifacts(log.artifacts)


def test_a_managed_image_is_read() -> None:
    assert made(IMAGE, MANAGED) == [Artifact(target="azure-arm", image_id=IMAGE)]


def test_a_gallery_version_is_read_though_the_id_is_the_managed_image() -> None:
    string = (
        f"{MANAGED}ManagedImageOSDiskSnapshotName: snap1\\n"
        f"ManagedImageSharedImageGalleryId: {VERSION}\\n"
    )
    assert made(IMAGE, string) == [
        Artifact(target="azure-arm", image_id=IMAGE, version_id=VERSION)
    ]


def test_a_gallery_version_without_a_managed_image_is_read() -> None:
    string = (
        f"ManagedImageSharedImageGalleryId: {VERSION}\\n"
        "SharedImageGalleryReplicatedRegions: westus2%!(PACKER_COMMA) eastus\\n"
    )
    assert made(VERSION, string) == [Artifact(target="azure-arm", version_id=VERSION)]


def test_a_vhd_of_packer_1_6_is_read_without_its_signature() -> None:
    string = (
        f"StorageAccountLocation: westus2\\nOSDiskUri: {VHD}\\n"
        f"OSDiskUriReadOnlySas: {VHD}?se=2026-12-25&sig=aGVsbG8&sp=r\\n"
        "TemplateUri: https://stubvhds.blob.core.windows.net/system/x.json\\n"
    )
    assert made(VHD, string) == [Artifact(target="azure-arm", vhd_url=VHD)]


def test_a_vhd_of_the_plugin_is_read() -> None:
    string = f"StorageAccountLocation: westus2\\nVHDOSDiskUri: {VHD}\\n"
    assert made(VHD, string) == [Artifact(target="azure-arm", vhd_url=VHD)]


def test_a_disk_that_a_build_keeps_is_no_vhd() -> None:
    disk = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/disks/os"
    assert made(disk, f"{MANAGED}OSDiskUri: {disk}\\n") == [
        Artifact(target="azure-arm", image_id=IMAGE)
    ]


def test_what_other_builders_made_is_left_out() -> None:
    log = Log()
    for line in LINES.format(id="x", string=MANAGED).splitlines():
        log.read(line.replace("Azure.ResourceManagement.VMImage", "fnoeding.null"))
    assert artifacts(log.artifacts) == []


def test_two_builds_made_two() -> None:
    log = Log()
    text = LINES.format(id=IMAGE, string=MANAGED)
    for line in (text + text.replace("azure-arm", "azure-arm.b")).splitlines():
        log.read(line)
    assert [one.target for one in artifacts(log.artifacts)] == [
        "azure-arm",
        "azure-arm.b",
    ]
