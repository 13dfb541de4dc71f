"""Who signs in to Azure."""

from __future__ import annotations

from pydantic import Field

from release.settings.model.table import Secret, Table, secret_variable, variable
from release.settings.model.values import Guid


class Account(Table):
    """Who signs in to Azure; from variables only, never from a file.

    ARM_* names win over the AZURE_* names of azure-identity. Which of the ways that
    are given is taken: see `release.azure.chain`.
    """

    tenant_id: Guid = variable(
        "tenant of the principal that signs in",
        "ARM_TENANT_ID",
        "AZURE_TENANT_ID",
        "AZURESUBSCRIPTION_TENANT_ID",
    )
    client_id: Guid = variable(
        "application or managed identity that signs in",
        "ARM_CLIENT_ID",
        "AZURE_CLIENT_ID",
        "AZURESUBSCRIPTION_CLIENT_ID",
    )
    client_secret: Secret = secret_variable(
        "its secret", "ARM_CLIENT_SECRET", "AZURE_CLIENT_SECRET"
    )
    client_certificate_path: str = variable(
        "its certificate with the key, PEM or PKCS12",
        "ARM_CLIENT_CERTIFICATE_PATH",
        "AZURE_CLIENT_CERTIFICATE_PATH",
    )
    client_certificate_password: Secret = secret_variable(
        "password of that file",
        "ARM_CLIENT_CERTIFICATE_PASSWORD",
        "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    )
    federated_token_file: str = variable(
        "file with a workload identity's token, read anew for each sign-in",
        "ARM_OIDC_TOKEN_FILE_PATH",
        "AZURE_FEDERATED_TOKEN_FILE",
    )
    use_oidc: bool = Field(
        default=False,
        description="true: sign in with an OIDC token, whatever else is given",
        json_schema_extra={"variables": ["ARM_USE_OIDC"]},
    )
    github_request_url: str = variable(
        "where a GitHub Actions job asks for its token",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
    )
    github_request_token: Secret = secret_variable(
        "what it asks with", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
    )
    pipelines_request_url: str = variable(
        "where an Azure Pipelines job asks for its token", "SYSTEM_OIDCREQUESTURI"
    )
    pipelines_request_token: Secret = secret_variable(
        "what it asks with; map it from System.AccessToken", "SYSTEM_ACCESSTOKEN"
    )
    service_connection_id: str = variable(
        "service connection of Azure Pipelines that the token is for",
        "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID",
        "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
    )
    use_msi: bool = Field(
        default=False,
        description="true: sign in as a managed identity, whatever else is given",
        json_schema_extra={"variables": ["ARM_USE_MSI"]},
    )
    identity_endpoint: str = variable(
        "where a managed identity is asked for, as its host sets it",
        "IDENTITY_ENDPOINT",
        "MSI_ENDPOINT",
    )
