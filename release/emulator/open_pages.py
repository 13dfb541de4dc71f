"""What is answered without a token: sign-in, the cloud's endpoints, our own pages.

Those below ``/emulator/`` no Azure has: they are for tests and for people.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from release.emulator import auth, conditions, faults, principal
from release.emulator.auth import Authority
from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError, bad_request
from release.emulator.kinds import Reply
from release.emulator.request import Request
from release.emulator.resources.compute.catalog import aliases
from release.emulator.traffic import Traffic

OWN = "/emulator/"


def answer(
    cloud: Cloud, authority: Authority, traffic: Traffic, request: Request
) -> Reply | None:
    """Answer a request, or None where it needs a token.

    Raises:
        ArmError: What is asked for is wrong.
    """
    path = request.path.lower().rstrip("/")
    tenant = authority.identity.tenant
    if path.endswith(("/oauth2/token", "/oauth2/v2.0/token")):
        return _token(cloud, authority, request, v1=not path.endswith("/v2.0/token"))
    if path.endswith("/.well-known/openid-configuration"):
        return Reply(body=auth.openid_configuration(request.origin, tenant))
    if path == "/emulator/principal":
        return _principal(cloud, authority, request)
    if path == "/emulator/faults":
        return Reply(body=faults.answer(cloud.faults, request.method, request.body))
    if path == "/emulator/conditions":
        cloud.conditions, told = conditions.answer(
            cloud.conditions, request.method, request.body
        )
        return Reply(body=told)
    pages: dict[str, Callable[[], Any]] = {
        "/common/discovery/instance": lambda: _discovery(request.origin, tenant),
        "/metadata/endpoints": lambda: _metadata(request.api_version, request.origin),
        "/emulator/aliases.json": aliases,
        "/emulator/health": lambda: {"status": "ok", "pid": os.getpid()},
        "/emulator/requests": lambda: {
            "count": traffic.count,
            "value": traffic.since(_since(request)),
        },
        "/emulator/timeline": lambda: {
            "count": cloud.timeline.count,
            "value": cloud.timeline.since(_since(request)),
        },
    }
    return Reply(body=pages[path]()) if path in pages else None


def _token(cloud: Cloud, authority: Authority, request: Request, *, v1: bool) -> Reply:
    """Give a token, or refuse it in Entra's form where a fault says so."""
    try:
        cloud.faults.token(request.method, request.path)
    except ArmError as error:
        said = {"error": error.code, "error_description": error.message}
        return Reply(status=error.status, body=said, headers=error.headers)
    endpoint = request.origin + request.path
    body = request.body if isinstance(request.body, dict) else {}
    form = {name: value for name, value in body.items() if isinstance(value, str)}
    return authority.token(form, endpoint=endpoint, v1=v1)


def _principal(cloud: Cloud, authority: Authority, request: Request) -> Reply:
    """Answer a request to ``/emulator/principal``; see `principal`."""
    principal.refuse_method(request.method)
    if request.method == "PUT":
        authority.principal = principal.read(request.body)
        cloud.roles.owner = authority.principal.owner
    identity = authority.identity
    ids = {"client_id": identity.client_id, "object_id": identity.object_id}
    return Reply(body=principal.shown(authority.principal, ids))


def _since(request: Request) -> int:
    """Return the number from which on our own pages list."""
    text = request.query.get("since", "0")
    if not text.isascii() or not text.isdecimal():
        raise bad_request(
            "InvalidParameter",
            f"The value '{text}' of parameter 'since' is invalid: expected a whole "
            "number.",
            target="since",
        )
    return int(text)


def _discovery(origin: str, tenant: str) -> dict[str, Any]:
    host = origin.partition("://")[2]
    return {
        "tenant_discovery_endpoint": f"{origin}/{tenant}/v2.0/.well-known/"
        "openid-configuration",
        "api-version": "1.1",
        "metadata": [
            {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
        ],
    }


_OF_ANOTHER_FORM = "2015-01-01"


def _metadata(version: str, origin: str) -> Any:
    """Return the cloud's endpoints: an object since 2022-09-01, a list before.

    The first version had another form, which msrestazure still asks for.
    """
    authentication = {
        "loginEndpoint": origin,
        "audiences": [
            "https://management.azure.com/",
            "https://management.core.windows.net/",
        ],
    }
    if version == _OF_ANOTHER_FORM:
        return {
            "galleryEndpoint": origin,
            "graphEndpoint": "https://graph.windows.net/",
            "portalEndpoint": origin,
            "authentication": authentication,
        }
    cloud = {
        "name": "EmbeddedAzure",
        "portal": origin,
        "authentication": {
            **authentication,
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "resourceManager": origin,
        "graphAudience": "https://graph.windows.net/",
        "graph": "https://graph.windows.net/",
        "microsoftGraphResourceId": f"{origin}/",
        "media": "https://rest.media.azure.net",
        "batch": "https://batch.core.windows.net/",
        "gallery": origin,
        "vmImageAliasDoc": f"{origin}/emulator/aliases.json",
        "activeDirectoryDataLake": "https://datalake.azure.net/",
        "sqlManagement": "https://management.core.windows.net:8443/",
        "suffixes": {
            "storage": "core.windows.net",
            "keyVaultDns": "vault.azure.net",
            "sqlServerHostname": "database.windows.net",
            "acrLoginServer": "azurecr.io",
        },
    }
    return cloud if version >= "2022-09-01" else [cloud]
