"""The clouds that Azure is: public, US Government, China, and any other by address.

Source of the addresses: "Compare Azure Government and global Azure", "Azure China
developer guide", and the defaults of azure-identity. Any other Azure tells its own
at ``/metadata/endpoints``, to everybody.
"""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from release.azure.clients import (
    PUBLIC_ARM,
    PUBLIC_AUTHORITY,
    PUBLIC_BLOB,
    PUBLIC_EXCHANGE,
    Endpoint,
)
from release.errors import AzureError, SettingsError
from release.settings import Environment, Settings

METADATA = "/metadata/endpoints?api-version=2022-09-01"
ANSWER_S = 10
REACH = (
    "check arm_url and ca_file in release.toml, the network, and a proxy (HTTPS_PROXY)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cloud:
    """One of Microsoft's clouds."""

    arm_url: str
    authority_url: str
    blob_url: str
    exchange_audience: str
    """Of assertions of other issuers (source: Entra's "workload identity
    federation", "Important considerations")."""


def _blob_url(suffix: str) -> str:
    return f"https://{{account}}.blob.{suffix}"


CLOUDS: Mapping[str, Cloud] = {
    "public": Cloud(
        arm_url=PUBLIC_ARM,
        authority_url=PUBLIC_AUTHORITY,
        blob_url=PUBLIC_BLOB,
        exchange_audience=PUBLIC_EXCHANGE,
    ),
    "usgovernment": Cloud(
        arm_url="https://management.usgovcloudapi.net",
        authority_url="https://login.microsoftonline.us",
        blob_url=_blob_url("core.usgovcloudapi.net"),
        exchange_audience="api://AzureADTokenExchangeUSGov",
    ),
    "china": Cloud(
        arm_url="https://management.chinacloudapi.cn",
        authority_url="https://login.chinacloudapi.cn",
        blob_url=_blob_url("core.chinacloudapi.cn"),
        exchange_audience="api://AzureADTokenExchangeChina",
    ),
}


def endpoint(settings: Settings) -> Endpoint:
    """Return the Azure of an environment that is not the embedded one.

    Raises:
        AzureError: One that is given by its address does not tell the rest.
    """
    env = settings.env
    ca = settings.root / env.ca_file if env.ca_file else None
    if env.arm_url:
        told = metadata(env.arm_url, ca)
        return told_endpoint(env, told, ca)
    cloud = CLOUDS[env.azure_cloud]
    return Endpoint(
        subscription=env.subscription,
        arm_url=cloud.arm_url,
        audience=cloud.arm_url,
        authority_url=cloud.authority_url,
        blob_url=env.blob_url or cloud.blob_url,
        exchange_audience=cloud.exchange_audience,
        ca=ca,
    )


def arm_url(env: Environment) -> str:
    """Return the address of an environment's Resource Manager."""
    return env.arm_url.rstrip("/") or CLOUDS[env.azure_cloud].arm_url


def told_endpoint(
    env: Environment, told: Mapping[str, Any], ca: Path | None
) -> Endpoint:
    """Return the Azure that tells its endpoints so. Pure.

    Raises:
        SettingsError: It does not tell where its storage accounts are.
    """
    signing_in = told["authentication"]
    suffix = str((told.get("suffixes") or {}).get("storage") or "")
    if not (env.blob_url or suffix):
        raise SettingsError(
            f"{env.arm_url} does not tell where storage accounts are",
            fix="set blob_url in release.toml, such as "
            "https://{account}.blob.example.net",
        )
    return Endpoint(
        subscription=env.subscription,
        arm_url=env.arm_url.rstrip("/"),
        audience=signing_in["audiences"][0].rstrip("/"),
        authority_url=signing_in["loginEndpoint"].rstrip("/"),
        blob_url=env.blob_url or _blob_url(suffix),
        known=False,
        ca=ca,
    )


def metadata(url: str, ca: Path | None) -> dict[str, Any]:
    """Ask a Resource Manager for the endpoints of its cloud.

    Raises:
        AzureError: It does not answer, or with something else.
    """
    where = url.rstrip("/") + METADATA
    try:
        context = ssl.create_default_context(cafile=ca)
        with urllib.request.urlopen(where, context=context, timeout=ANSWER_S) as answer:  # noqa: S310 - https
            told = json.load(answer)
            told["authentication"]["audiences"][0]
            told["authentication"]["loginEndpoint"]
            return dict(told)
    except urllib.error.HTTPError as error:
        error.close()
        reason = f"it answers {error.code}"
    except OSError as error:
        reason = f"no answer: {getattr(error, 'reason', error)}"
    except (ValueError, TypeError, LookupError):
        reason = "it answers something else"
    raise AzureError(
        f"{url} tells no endpoints of an Azure: {reason}",
        fix=REACH,
        code="NoEndpoints",
    )
