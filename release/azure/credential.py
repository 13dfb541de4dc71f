"""The credential that `release.azure.chain` chooses, made with azure-identity.

An assertion of a CI system lives about five minutes, a release longer (source:
Azure/login, issue 180): each is fetched when a token is, and never kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    AzureCliCredential,
    CertificateCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
)

from release import tools
from release.azure import oidc
from release.azure.chain import Choice, Way, choose
from release.azure.clients import Endpoint
from release.azure.tokens import Keeping, Tokens
from release.errors import SettingsError
from release.settings import Account

FIX = "python -m release doctor tells what is considered"


def chosen(account: Account, *, path: str) -> Choice:
    """Choose how to sign in on this machine.

    Args:
        account: What the variables say.
        path: Folders of programs, as in PATH.
    """
    return choose(account, az=bool(tools.find("az", path=path)))


def credential(
    account: Account, endpoint: Endpoint, tokens: Tokens | None = None
) -> TokenCredential:
    """Return the credential for an endpoint; nothing is asked of it yet.

    Args:
        account: What variables say, or the embedded Azure's own.
        endpoint: Its authority and certificate authority are used.
        tokens: Those that were fetched for this account before, if any.

    Raises:
        SettingsError: There is none, half of one, or its file cannot be read.
    """
    found = chosen(account, path=os.environ.get("PATH", ""))
    if found.way is None:
        raise SettingsError(
            f"no credential for Azure: {found.why}", fix=f"{found.fix}; {FIX}"
        )
    if found.way is Way.CLI:
        by_az = AzureCliCredential(tenant_id=account.tenant_id)
        return Keeping(by_az, tokens or Tokens())
    return _made(found.way, account, endpoint)


def _made(way: Way, account: Account, endpoint: Endpoint) -> TokenCredential:
    if way is Way.MANAGED:
        return ManagedIdentityCredential(client_id=account.client_id or None)
    if way is Way.SECRET:
        return ClientSecretCredential(
            account.tenant_id,
            account.client_id,
            account.client_secret.get_secret_value(),
            **_entra(endpoint),
        )
    if way is Way.CERTIFICATE:
        return _by_certificate(account, endpoint)
    return ClientAssertionCredential(
        account.tenant_id,
        account.client_id,
        _assertion(way, account, endpoint),
        **_entra(endpoint),
    )


def _entra(endpoint: Endpoint) -> dict[str, Any]:
    """Return what a credential must know of the authority.

    An authority that Microsoft's list does not have is not asked after there: that
    would leave the machine, or the cloud.
    """
    return {
        "authority": endpoint.authority_url,
        "disable_instance_discovery": not endpoint.known,
        **endpoint.transport,
    }


def _by_certificate(account: Account, endpoint: Endpoint) -> TokenCredential:
    path = account.client_certificate_path
    try:
        return CertificateCredential(
            account.tenant_id,
            account.client_id,
            path,
            password=account.client_certificate_password.get_secret_value() or None,
            **_entra(endpoint),
        )
    except OSError as error:
        reason = error.strerror or "it cannot be read"
    except (ValueError, TypeError):
        # What is wrong with it may quote it.
        reason = "it is no certificate with its key, or its password is another"
    raise SettingsError(
        f"the client certificate {path} cannot be used: {reason}",
        fix="ARM_CLIENT_CERTIFICATE_PATH must name a PEM or PKCS12 file that holds "
        "certificate and private key, and ARM_CLIENT_CERTIFICATE_PASSWORD its password",
    )


def _assertion(way: Way, account: Account, endpoint: Endpoint) -> Callable[[], str]:
    if way is Way.GITHUB:
        return partial(
            oidc.of_github,
            account.github_request_url,
            account.github_request_token,
            audience=endpoint.exchange_audience,
        )
    if way is Way.PIPELINES:
        return partial(
            oidc.of_pipelines,
            account.pipelines_request_url,
            account.pipelines_request_token,
            connection=account.service_connection_id,
        )
    return partial(_token_in, Path(account.federated_token_file))


def _token_in(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ClientAuthenticationError(
            f"the token file {file} cannot be read: {error.strerror}"
        ) from None
