import pytest

from release.azure.tally import Tally, kind, operation

ARM = "https://management.azure.com"
GROUP = f"{ARM}/subscriptions/s/resourceGroups/web"
COMPUTE = f"{GROUP}/providers/Microsoft.Compute"


@pytest.mark.parametrize(
    ("method", "url", "expected"),
    [
        ("GET", f"{ARM}/subscriptions/s?api-version=1", ("reads", "subscriptions")),
        ("HEAD", f"{GROUP}?api-version=1", ("reads", "resourceGroups")),
        ("DELETE", GROUP, ("deletes", "resourceGroups")),
        ("GET", f"{GROUP}/resources", ("reads", "resourceGroups/resources")),
        (
            "PATCH",
            f"{COMPUTE}/virtualMachineScaleSets/web",
            ("writes", "virtualMachineScaleSets"),
        ),
        (
            "POST",
            f"{COMPUTE}/virtualMachineScaleSets/web/manualupgrade",
            ("writes", "virtualMachineScaleSets/manualupgrade"),
        ),
        (
            "GET",
            (
                f"{COMPUTE}/virtualMachineScaleSets/web/virtualMachines?%24expand="
                "instanceView"
            ),
            ("reads", "virtualMachineScaleSets/virtualMachines instance view"),
        ),
        (
            "GET",
            (
                f"{ARM}/subscriptions/s/providers/Microsoft.Compute/locations/westeurope/"
                "operations/8f?api-version=1"
            ),
            ("reads", "status of an operation"),
        ),
        ("PUT", "https://acct.blob.core.windows.net/release/x", ("blobs", "blob")),
        ("PUT", "https://127.0.0.1:1/acct/release/x", ("blobs", "blob")),
    ],
)
def test_a_request_is_named_without_names_of_resources(method, url, expected):
    assert (kind(method, url), operation(method, url)) == expected


def test_the_least_that_is_left_of_azures_limits_is_kept():
    tally = Tally()
    for reads, views in ((249, 30), (240, 12), (245, 29)):
        tally.note(
            {
                "x-ms-ratelimit-remaining-subscription-reads": str(reads),
                "x-ms-ratelimit-remaining-resource": "Microsoft.Compute/"
                f"HighCostGetSubscriptionMaximum;{views},odd",
                "Retry-After": "1",
            }
        )
    assert tally.take_left() == {
        "subscription-reads": 240,
        "Microsoft.Compute/HighCostGetSubscriptionMaximum": 12,
    }
    assert tally.take_left() == {}
