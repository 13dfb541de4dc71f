"""Clouds by name, and any other by its address."""

from pathlib import Path

import pytest

from release.azure.clients import Endpoint
from release.azure.clouds import endpoint, told_endpoint
from release.errors import AzureError, SettingsError
from release.settings import load

ID = "22222222-2222-2222-2222-222222222222"
TOML = f"""
[env.qa]
cloud = "azure"
subscription = "{ID}"
resource_group = "shop"
image_resource_group = "shop"
scale_set = "shop"
gallery = "shop"
image_definition = "shop"
"""


@pytest.fixture
def read(tmp_path):
    (tmp_path / "release.toml").write_text(TOML)
    return lambda **variables: load(tmp_path, "qa", options={}, variables=variables)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("public", Endpoint(subscription=ID)),
        (
            "usgovernment",
            Endpoint(
                subscription=ID,
                arm_url="https://management.usgovcloudapi.net",
                audience="https://management.usgovcloudapi.net",
                authority_url="https://login.microsoftonline.us",
                blob_url="https://{account}.blob.core.usgovcloudapi.net",
                exchange_audience="api://AzureADTokenExchangeUSGov",
            ),
        ),
        (
            "china",
            Endpoint(
                subscription=ID,
                arm_url="https://management.chinacloudapi.cn",
                audience="https://management.chinacloudapi.cn",
                authority_url="https://login.chinacloudapi.cn",
                blob_url="https://{account}.blob.core.chinacloudapi.cn",
                exchange_audience="api://AzureADTokenExchangeChina",
            ),
        ),
    ],
)
def test_a_cloud_is_chosen_by_name(read, name, expected):
    assert endpoint(read(ARM_ENVIRONMENT=name)) == expected


def test_another_cloud_is_what_it_tells_of_itself(read):
    settings = read(RELEASE_ARM_URL="https://arm.example.net/")
    told = {
        "authentication": {
            "loginEndpoint": "https://login.example.net/",
            "audiences": ["https://arm.example.net/", "https://other.example.net"],
        },
        "suffixes": {"storage": "example.net"},
    }
    assert told_endpoint(settings.env, told, Path("ca.pem")) == Endpoint(
        subscription=ID,
        arm_url="https://arm.example.net",
        audience="https://arm.example.net",
        authority_url="https://login.example.net",
        blob_url="https://{account}.blob.example.net",
        known=False,
        ca=Path("ca.pem"),
    )


def test_a_cloud_that_does_not_tell_its_storage_is_told(read):
    settings = read(RELEASE_ARM_URL="https://arm.example.net")
    told = {
        "authentication": {"loginEndpoint": "https://l", "audiences": ["https://a"]}
    }
    with pytest.raises(SettingsError) as caught:
        told_endpoint(settings.env, told, None)
    assert str(caught.value) == (
        "https://arm.example.net does not tell where storage accounts are\n"
        "  fix: set blob_url in release.toml, such as "
        "https://{account}.blob.example.net"
    )


def test_an_address_where_nobody_answers_is_told(read):
    with pytest.raises(AzureError) as caught:
        endpoint(read(RELEASE_ARM_URL="https://127.0.0.1:1"))
    assert str(caught.value) == (
        "https://127.0.0.1:1 tells no endpoints of an Azure: no answer: [Errno 111] "
        "Connection refused\n"
        "  fix: check arm_url and ca_file in release.toml, the network, and a proxy "
        "(HTTPS_PROXY)"
    )


@pytest.mark.parametrize(
    ("variable", "value", "text"),
    [
        (
            "RELEASE_ARM_URL",
            "http://arm.example.net",
            (
                'env.qa.arm_url = "http://arm.example.net": must be an address such as '
                "https://arm.example.net"
            ),
        ),
        (
            "RELEASE_BLOB_URL",
            "https://blob.example.net",
            (
                'env.qa.blob_url = "https://blob.example.net": must be an address such '
                "as https://{account}.blob.example.net"
            ),
        ),
        ("ARM_USE_OIDC", "perhaps", "must be true or false"),
        (
            "ARM_ENVIRONMENT",
            "germany",
            (
                'env.qa.azure_cloud = "germany": must be "public" or "usgovernment" or '
                '"china"'
            ),
        ),
    ],
)
def test_a_wrong_variable_is_told(read, variable, value, text):
    with pytest.raises(SettingsError) as caught:
        read(**{variable: value})
    assert str(caught.value) == (f"the settings have 1 problem:\n  {variable}  {text}")
