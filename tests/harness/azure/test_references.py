import pytest
from azure.mgmt.compute import models

from release.azure import references, tags

GALLERY = "/subscriptions/S/providers/Microsoft.Compute/galleries/g/images/web/versions"
OTHER = "/subscriptions/T/providers/Microsoft.Compute/galleries/h/images/web/versions"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param({}, {f"{GALLERY}/1.0.5"}, id="its-model"),
        pytest.param(
            {tags.LAST_PASSED: "1.0.4"},
            {f"{GALLERY}/1.0.5", f"{GALLERY}/1.0.4"},
            id="what-passed-before",
        ),
        pytest.param(
            {tags.LAST_PASSED: "1.0.4", tags.LAST_IMAGE: f"{OTHER}/1.0.4"},
            {f"{GALLERY}/1.0.5", f"{OTHER}/1.0.4"},
            id="what-passed-before-of-another-gallery",
        ),
    ],
)
def test_a_scale_set_needs_its_image_and_the_one_to_go_back_to(labels, expected):
    scale_set = models.VirtualMachineScaleSet(
        location="westeurope",
        tags=labels,
        properties=models.VirtualMachineScaleSetProperties(
            virtual_machine_profile=models.VirtualMachineScaleSetVMProfile(
                storage_profile=models.VirtualMachineScaleSetStorageProfile(
                    image_reference=models.ImageReference(id=f"{GALLERY}/1.0.5")
                )
            )
        ),
    )
    assert references.of(scale_set) == {identifier.lower() for identifier in expected}


def test_a_scale_set_of_a_marketplace_image_needs_none_of_a_gallery():
    assert references.of(models.VirtualMachineScaleSet(location="westeurope")) == set()
