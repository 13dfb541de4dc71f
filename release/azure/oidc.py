"""Assertions of CI systems: a job's own statement of which job it is.

Entra trusts it where the application has a federated credential for it. Each call
asks for a new one.
"""

from __future__ import annotations

import urllib.parse

from azure.core import PipelineClient
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.pipeline.policies import RetryPolicy, UserAgentPolicy
from azure.core.rest import HttpRequest, HttpResponse

from release.settings import Secret

PIPELINES_VERSION = "7.1"
CONNECT_S = 5


def of_github(url: str, token: Secret, *, audience: str) -> str:
    """Return an ID token of this GitHub Actions job.

    Source: GitHub's "OpenID Connect reference", "Methods for requesting the OIDC
    token".

    Raises:
        ClientAuthenticationError: GitHub gives none.
    """
    separator = "&" if "?" in url else "?"
    request = HttpRequest(
        "GET",
        f"{url}{separator}audience={urllib.parse.quote(audience, safe='')}",
        headers=_bearing(token),
    )
    return _asked("GitHub", request, field="value")


def of_pipelines(url: str, token: Secret, *, connection: str) -> str:
    """Return an ID token of this Azure Pipelines job for a service connection.

    Source: Azure DevOps REST reference, "Oidctoken - Create".

    Raises:
        ClientAuthenticationError: Azure Pipelines gives none.
    """
    query = urllib.parse.urlencode(
        {"api-version": PIPELINES_VERSION, "serviceConnectionId": connection}
    )
    request = HttpRequest(
        "POST",
        f"{url}?{query}",
        headers={
            **_bearing(token),
            "Content-Type": "application/json",
            # Without it a refusal is a redirect to a page to sign in at.
            "X-TFS-FedAuthRedirect": "Suppress",
        },
    )
    return _asked("Azure Pipelines", request, field="oidcToken")


def _bearing(token: Secret) -> dict[str, str]:
    return {"Authorization": f"Bearer {token.get_secret_value()}"}


def _asked(who: str, request: HttpRequest, *, field: str) -> str:
    policies = [UserAgentPolicy("pytest-release"), RetryPolicy(retry_total=3)]
    client: PipelineClient[HttpRequest, HttpResponse] = PipelineClient(
        request.url, policies=policies, connection_timeout=CONNECT_S
    )
    with client:
        try:
            answer = client.send_request(request)
        except AzureError as error:
            reason = f"no answer ({type(error).__name__})"
        else:
            found = _field(answer, field)
            if found:
                return found
            reason = f"HTTP {answer.status_code} without {field}"
    # Neither the URL nor the answer is quoted: both may hold what is secret.
    raise ClientAuthenticationError(f"{who} issues no ID token to this job: {reason}")


def _field(answer: HttpResponse, field: str) -> str:
    try:
        return str(answer.json().get(field) or "")
    except (ValueError, AttributeError):
        return ""
