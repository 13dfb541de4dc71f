"""Who asks Azure: a service principal of the variables, or azure-identity's chain.

The chain finds workload identities, managed identities and the Azure CLI's login,
each of which fetches a fresh assertion for every token: an assertion of a CI
system lives about five minutes, a release longer (source: Azure/login, issue 180).
"""

from __future__ import annotations

from azure.core.credentials import TokenCredential
from azure.identity import ClientSecretCredential, DefaultAzureCredential

from release.azure.clients import Endpoint
from release.settings import Account


def credential(account: Account, endpoint: Endpoint) -> TokenCredential:
    """Return the credential for an endpoint; nothing is asked of it yet.

    Args:
        account: What ARM_* or AZURE_* variables say, or the embedded Azure's own.
        endpoint: Its authority and certificate authority are used. A local one has
            no instance discovery, which would leave the machine.
    """
    if account.complete():
        return ClientSecretCredential(
            account.tenant_id,
            account.client_id,
            account.client_secret.get_secret_value(),
            authority=endpoint.authority_url,
            disable_instance_discovery=endpoint.ca is not None,
            **endpoint.transport,
        )
    return DefaultAzureCredential(
        authority=endpoint.authority_url,
        exclude_interactive_browser_credential=True,
        **endpoint.transport,
    )
