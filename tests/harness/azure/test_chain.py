"""Which credential is chosen, why, and what is said of half of one."""

import pytest

from release.azure.chain import Way, choose
from release.settings import account_of

ID = "22222222-2222-2222-2222-222222222222"
PRINCIPAL = {"ARM_TENANT_ID": ID, "ARM_CLIENT_ID": ID}
GITHUB = {
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://example.net/token",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "hush",
}
PIPELINES = {
    "SYSTEM_OIDCREQUESTURI": "https://example.net/oidc",
    "SYSTEM_ACCESSTOKEN": "hush",
    "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": ID,
}
SECRET = {"ARM_CLIENT_SECRET": "hush"}


def choice(variables, *, az=False):
    return choose(account_of(variables), az=az)


@pytest.mark.parametrize(
    ("variables", "way", "why"),
    [
        pytest.param(
            PRINCIPAL | SECRET,
            Way.SECRET,
            f"of {ID}; ARM_CLIENT_SECRET or AZURE_CLIENT_SECRET is set",
            id="secret",
        ),
        pytest.param(
            {"AZURE_TENANT_ID": ID, "AZURE_CLIENT_ID": ID}
            | {"AZURE_CLIENT_CERTIFICATE_PATH": "/cert.pem"},
            Way.CERTIFICATE,
            f"of {ID}; ARM_CLIENT_CERTIFICATE_PATH or AZURE_CLIENT_CERTIFICATE_PATH "
            "is set",
            id="certificate",
        ),
        pytest.param(
            PRINCIPAL | {"AZURE_FEDERATED_TOKEN_FILE": "/token"},
            Way.WORKLOAD,
            f"of {ID}; ARM_OIDC_TOKEN_FILE_PATH or AZURE_FEDERATED_TOKEN_FILE is set",
            id="workload",
        ),
        pytest.param(
            PRINCIPAL | GITHUB,
            Way.GITHUB,
            f"of {ID}; ACTIONS_ID_TOKEN_REQUEST_URL is set",
            id="github",
        ),
        pytest.param(
            PRINCIPAL | PIPELINES,
            Way.PIPELINES,
            f"of {ID}; SYSTEM_OIDCREQUESTURI is set",
            id="pipelines",
        ),
        pytest.param(
            PRINCIPAL | PIPELINES | SECRET | {"ARM_USE_OIDC": "true"},
            Way.PIPELINES,
            f"of {ID}; SYSTEM_OIDCREQUESTURI is set, and ARM_USE_OIDC is true",
            id="oidc-though-a-secret-is-there",
        ),
        pytest.param(
            {"IDENTITY_ENDPOINT": "http://127.0.0.1:1"},
            Way.MANAGED,
            "of this machine; IDENTITY_ENDPOINT is set",
            id="managed",
        ),
        pytest.param(
            {"ARM_USE_MSI": "1", "ARM_CLIENT_ID": ID},
            Way.MANAGED,
            f"{ID}, assigned by a user; ARM_USE_MSI is true",
            id="managed-by-a-user",
        ),
        pytest.param(
            {"ARM_USE_MSI": "true"} | PRINCIPAL | SECRET,
            Way.MANAGED,
            f"{ID}, assigned by a user; ARM_USE_MSI is true",
            id="managed-though-a-secret-is-there",
        ),
        pytest.param(
            {"ARM_TENANT_ID": ID},
            Way.CLI,
            "az is installed, and nothing else is given",
            id="cli",
        ),
        pytest.param(
            GITHUB,
            Way.CLI,
            "az is installed, and nothing else is given",
            id="a-job-that-signs-in-with-az",
        ),
    ],
)
def test_the_choice_hangs_on_the_variables_alone(variables, way, why):
    found = choice(variables, az=True)
    assert (found.way, found.why, found.fix) == (way, why, "")


@pytest.mark.parametrize(
    ("variables", "why", "fix"),
    [
        pytest.param(
            {"ARM_TENANT_ID": ID} | SECRET,
            "only a part of client secret: ARM_CLIENT_ID or AZURE_CLIENT_ID is not set",
            "set ARM_CLIENT_ID or AZURE_CLIENT_ID, or unset ARM_CLIENT_SECRET or "
            "AZURE_CLIENT_SECRET",
            id="secret-without-client",
        ),
        pytest.param(
            PRINCIPAL,
            "only a part of one: ARM_CLIENT_ID or AZURE_CLIENT_ID is set, and nothing "
            "proves it",
            "set ARM_CLIENT_SECRET or AZURE_CLIENT_SECRET, or another way of "
            "docs/azure.md; to use the Azure CLI's login, unset ARM_CLIENT_ID or "
            "AZURE_CLIENT_ID",
            id="client-without-secret",
        ),
        pytest.param(
            PRINCIPAL | PIPELINES | {"ARM_USE_OIDC": "true", "SYSTEM_ACCESSTOKEN": ""},
            "only a part of Azure Pipelines OIDC: SYSTEM_ACCESSTOKEN is not set",
            "set SYSTEM_ACCESSTOKEN",
            id="pipelines-without-token",
        ),
    ],
)
def test_half_a_credential_never_becomes_the_login_of_az(variables, why, fix):
    found = choice(variables, az=True)
    assert (found.way, found.why, found.fix) == (None, why, fix)


def test_nothing_at_all_is_told_with_what_to_do():
    found = choice({}, az=False)
    assert found.why == "none: no variable names one"
    assert found.fix == (
        "set ARM_TENANT_ID, ARM_CLIENT_ID and ARM_CLIENT_SECRET, or another way of "
        "docs/azure.md; or install the Azure CLI and run az login"
    )


def test_all_that_is_passed_over_is_told_with_why():
    found = choice(PRINCIPAL | GITHUB | {"IDENTITY_ENDPOINT": "http://127.0.0.1:1"})
    assert str(found) == (
        f"GitHub OIDC: of {ID}; ACTIONS_ID_TOKEN_REQUEST_URL is set\n"
        "not client secret: ARM_CLIENT_SECRET or AZURE_CLIENT_SECRET is not set\n"
        "not client certificate: ARM_CLIENT_CERTIFICATE_PATH or "
        "AZURE_CLIENT_CERTIFICATE_PATH is not set\n"
        "not workload identity: ARM_OIDC_TOKEN_FILE_PATH or "
        "AZURE_FEDERATED_TOKEN_FILE is not set\n"
        "not Azure Pipelines OIDC: SYSTEM_OIDCREQUESTURI is not set\n"
        "not managed identity: GitHub OIDC comes first\n"
        "not Azure CLI: az is not installed"
    )
