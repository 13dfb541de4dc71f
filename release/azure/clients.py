"""One door to the SDK's clients of one Azure, real or embedded.

Clients are made when first asked for, because importing each costs a third of a
second and an attach needs few of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from azure.core.credentials import TokenCredential
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy

from release.azure.patience import Patience, Retry
from release.azure.tally import Tally

if TYPE_CHECKING:
    from azure.mgmt.compute import ComputeManagementClient
    from azure.mgmt.core import ARMPipelineClient
    from azure.mgmt.resource.deployments import DeploymentsMgmtClient
    from azure.mgmt.resource.resources import ResourceManagementClient
    from azure.storage.blob import BlobServiceClient

PUBLIC_ARM = "https://management.azure.com"
PUBLIC_AUTHORITY = "https://login.microsoftonline.com"
PUBLIC_BLOB = "https://{account}.blob.core.windows.net"
PUBLIC_EXCHANGE = "api://AzureADTokenExchange"
LOOPBACK = "127.0.0.1"
CONNECT_S = 5
"""Seconds that a connection may take; see `release.azure.patience` for the tries."""
READING = ("GET", "HEAD", "OPTIONS")
POLLING_S = 5.0
"""Azure's own Retry-After overrides it; the SDK's default of 30 s wastes half."""

PROBE_S = 5.0
"""As azuredeploy.json has it; Azure takes no less."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """Where an Azure is, and how to talk to it.

    Attributes:
        subscription: Subscription id.
        arm_url: Azure Resource Manager.
        audience: Whom its tokens are for.
        authority_url: Where tokens come from.
        blob_url: Of a storage account, with ``{account}`` in it.
        exchange_audience: Whom assertions of other issuers are for.
        known: Whether Microsoft's list of authorities has this one.
        ca: Private certificate authority of an endpoint, or None.
        polling_interval_s: Seconds between looks at a long operation.
        probe_s: Seconds between two probes of the load balancer.
    """

    subscription: str
    arm_url: str = PUBLIC_ARM
    audience: str = PUBLIC_ARM
    authority_url: str = PUBLIC_AUTHORITY
    blob_url: str = PUBLIC_BLOB
    exchange_audience: str = PUBLIC_EXCHANGE
    known: bool = True
    ca: Path | None = None
    polling_interval_s: float = POLLING_S
    probe_s: float = PROBE_S

    @property
    def transport(self) -> dict[str, Any]:
        """Return what every client must be told.

        The SDK would wait 300 s for a connection, four times, where a firewall drops
        packets. A proxy named in the environment is not asked for loopback.
        """
        told: dict[str, Any] = {"connection_timeout": CONNECT_S}
        if self.ca is not None:
            told["connection_verify"] = str(self.ca)
        if urlsplit(self.arm_url).hostname == LOOPBACK:
            told["use_env_settings"] = False
        return told


class Guard(SansIOHTTPPolicy[Any, Any]):
    """Asks before each request that may change something, retries included.

    Args:
        admit: Raises when nothing may be changed any more.
    """

    def __init__(self, admit: Callable[[], None]) -> None:
        super().__init__()
        self.admit = admit

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Let a request pass, or raise."""
        if request.http_request.method not in READING:
            self.admit()


class Azure:
    """Clients for one subscription.

    Args:
        endpoint: Where it is.
        credential: Who asks; see `release.azure.credential`.
        admit: Called before each request that may change something; it raises when
            nothing may be changed any more.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        credential: TokenCredential,
        admit: Callable[[], None] = lambda: None,
    ) -> None:
        self.endpoint = endpoint
        self.credential = credential
        self._guard = Guard(admit)
        self.patience = Patience(pause_s=endpoint.polling_interval_s)
        self.tally = Tally()
        self.accounts: dict[str, dict[str, Any]] = {}
        """Storage accounts that were found, by id, as Azure described them."""
        self._blobs: dict[str, BlobServiceClient] = {}
        self._others: dict[str, Azure] = {}

    def of(self, subscription: str) -> Azure:
        """Return the clients of another subscription of the same Azure."""
        if subscription.lower() == self.subscription.lower():
            return self
        if subscription not in self._others:
            endpoint = replace(self.endpoint, subscription=subscription)
            made = Azure(endpoint, self.credential, self._guard.admit)
            made.patience, made.tally = self.patience, self.tally
            made.accounts = self.accounts
            self._others[subscription] = made
        return self._others[subscription]

    def unguarded(self) -> Azure:
        """Return clients of the same Azure whose requests are never held back."""
        made = Azure(self.endpoint, self.credential)
        made.patience, made.tally = self.patience.anew(), self.tally
        made.accounts = self.accounts
        return made

    @property
    def subscription(self) -> str:
        """Subscription id."""
        return self.endpoint.subscription

    @property
    def poll_s(self) -> float:
        """Seconds between looks at a long operation."""
        return self.endpoint.polling_interval_s

    @cached_property
    def compute(self) -> ComputeManagementClient:
        """Microsoft.Compute."""
        from azure.mgmt.compute import ComputeManagementClient  # noqa: PLC0415 - slow

        return ComputeManagementClient(
            self.credential, self.subscription, **self._management
        )

    @cached_property
    def resources(self) -> ResourceManagementClient:
        """Resource groups, and resources of any type."""
        from azure.mgmt.resource.resources import (  # noqa: PLC0415 - slow
            ResourceManagementClient,
        )

        return ResourceManagementClient(
            self.credential, self.subscription, **self._management
        )

    @cached_property
    def deployments(self) -> DeploymentsMgmtClient:
        """Deployments of templates; a package of its own since azure-mgmt-resource 25.

        Source: changelog of azure-mgmt-resource.
        """
        from azure.mgmt.resource.deployments import (  # noqa: PLC0415 - slow
            DeploymentsMgmtClient,
        )

        return DeploymentsMgmtClient(
            self.credential, self.subscription, **self._management
        )

    @cached_property
    def _plain(self) -> ARMPipelineClient[Any, Any]:
        """Azure Resource Manager without models."""
        from azure.core.pipeline import policies  # noqa: PLC0415 - slow
        from azure.mgmt.core import ARMPipelineClient  # noqa: PLC0415
        from azure.mgmt.core.policies import (  # noqa: PLC0415
            ARMChallengeAuthenticationPolicy,
        )

        told = self._management
        scopes = told.pop("credential_scopes")
        return ARMPipelineClient(
            told.pop("base_url"),
            policies=[
                policies.UserAgentPolicy("pytest-release"),
                told.pop("retry_policy"),
                ARMChallengeAuthenticationPolicy(self.credential, *scopes),
            ],
            **told,
        )

    def prepare(self) -> None:
        """Make what `asked` needs: threads that ask at once would make it twice."""
        _ = self._plain

    def listed(self, path: str, *, api_version: str) -> list[dict[str, Any]]:
        """Return a list of the Resource Manager that no SDK client here reads.

        Args:
            path: From the root, such as ``/subscriptions/S/providers/...``, with a
                query of its own or none.
            api_version: Of its provider.

        Raises:
            HttpResponseError: Azure refused.
        """
        page = self.asked(path, api_version=api_version)
        found: list[dict[str, Any]] = page["value"]
        while page.get("nextLink"):
            page = self._answer("GET", page["nextLink"], None)
            found += page["value"]
        return found

    def asked(
        self,
        path: str,
        *,
        api_version: str,
        method: str = "GET",
        body: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return an answer of the Resource Manager that no SDK client here reads.

        Args:
            path: From the root, with a query of its own or none.
            api_version: Of its provider.
            method: GET, or POST for a question that has a body.
            body: The question's.

        Raises:
            HttpResponseError: Azure refused; `ResourceNotFoundError` for a 404.
        """
        joined = "&" if "?" in path else "?"
        url = f"{self.endpoint.arm_url.rstrip('/')}{path}{joined}api-version="
        return self._answer(method, url + api_version, body)

    def _answer(
        self, method: str, url: str, body: dict[str, Any] | None
    ) -> dict[str, Any]:
        from azure.core.exceptions import (  # noqa: PLC0415 - slow
            ClientAuthenticationError,
            HttpResponseError,
            ResourceNotFoundError,
            map_error,
        )
        from azure.core.rest import HttpRequest  # noqa: PLC0415 - slow
        from azure.mgmt.core.exceptions import ARMErrorFormat  # noqa: PLC0415

        answer = self._plain.send_request(HttpRequest(method, url, json=body))
        if answer.status_code != HTTPStatus.OK:
            known = {401: ClientAuthenticationError, 404: ResourceNotFoundError}
            map_error(answer.status_code, answer, known)
            raise HttpResponseError(response=answer, error_format=ARMErrorFormat)
        found: dict[str, Any] = answer.json()
        return found

    def blobs(self, account: str) -> BlobServiceClient:
        """Return the blob service of a storage account."""
        from azure.storage.blob import BlobServiceClient  # noqa: PLC0415 - slow

        if account not in self._blobs:
            self._blobs[account] = BlobServiceClient(
                self.endpoint.blob_url.format(account=account),
                credential=self.credential,
                raw_request_hook=self._guard.on_request,
                retry_policy=Retry(self.patience, self.tally),
                **self.endpoint.transport,
            )
        return self._blobs[account]

    def close(self) -> None:
        """Close the connections of the clients made so far."""
        for name in ("compute", "resources", "deployments", "_plain"):
            if name in self.__dict__:
                self.__dict__[name].close()
        for client in self._blobs.values():
            client.close()
        for other in self._others.values():
            other.close()

    @property
    def _management(self) -> dict[str, Any]:
        scope = f"{self.endpoint.audience}/.default"
        return {
            "base_url": self.endpoint.arm_url,
            "credential_scopes": [scope],
            "per_retry_policies": [self._guard],
            "polling_interval": self.endpoint.polling_interval_s,
            "retry_policy": Retry(self.patience, self.tally),
            **self.endpoint.transport,
        }
