"""Templates for tests of deployments, and how they are deployed and asked for."""

from __future__ import annotations

from typing import Any

import requests

SCHEMA = (
    "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
)
STORE = "Microsoft.Storage/storageAccounts"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"


def template(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    head = {"$schema": SCHEMA, "contentVersion": "1.0.0.0"}
    return {**head, "resources": list(resources), **more}


def module(name: str, of: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a nested deployment, as Bicep writes a module."""
    properties = {
        "mode": "Incremental",
        "expressionEvaluationOptions": {"scope": "inner"},
        "template": of,
        "parameters": more.pop("parameters", {}),
    }
    return {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2025-04-01",
        "name": name,
        "properties": properties,
        **more,
    }


def store(name: str, **more: Any) -> dict[str, Any]:
    return {
        "type": STORE,
        "apiVersion": "2024-01-01",
        "name": name,
        "location": "[resourceGroup().location]",
        "sku": {"name": "Standard_LRS"},
        "kind": "StorageV2",
        **more,
    }


def body(of: dict[str, Any], mode: str = "Incremental", **parameters: Any) -> Any:
    given = {name: {"value": value} for name, value in parameters.items()}
    return {"properties": {"mode": mode, "template": of, "parameters": given}}


def deploy(azure, group: str, name: str, given: Any) -> Any:
    operations = azure.deployments.deployments
    return operations.begin_create_or_update(group, name, given).result()


def ask(azure, method: str, path: str, given: bytes | None = None) -> Any:
    """Ask as no SDK would: any path, any body."""
    with requests.Session() as session:
        answer = session.request(
            method,
            f"{azure.endpoint['arm']}{path}",
            data=given,
            headers={
                "Authorization": f"Bearer {azure.token().token}",
                "Content-Type": "application/json",
            },
            verify=azure.endpoint["ca"],
            timeout=30,
        )
    return answer.status_code, answer.headers, answer.json() if answer.text else None


def at(azure, group: str, tail: str) -> str:
    subscription = azure.endpoint["subscription"]
    return f"/subscriptions/{subscription}/resourcegroups/{group}{tail}"


VERSION = "api-version=2025-04-01"
DEPLOYMENTS = "/providers/Microsoft.Resources/deployments"


def what_if(azure, group: str, given: Any) -> Any:
    return azure.deployments.deployments.begin_what_if(group, "w", given).result()
