"""Deployments as a client sees them: the resource, its actions, its lists.

https://learn.microsoft.com/rest/api/resources/deployments
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError, bad_request, conflict
from release.emulator.ids import ResourceId, parse
from release.emulator.kinds import Accepted, Body, Call, Kind, Reply, Route, Write
from release.emulator.operations import Operation
from release.emulator.resources.deployments.request import (
    TYPE,
    Deployment,
    read,
)
from release.emulator.resources.deployments.run import apply, target, timestamp
from release.emulator.resources.deployments.whatif import changes
from release.emulator.store import Resource

_PATHS: Final = (
    f"/subscriptions/{{subscription}}/resourcegroups/{{group}}/providers/{TYPE}",
    f"/subscriptions/{{subscription}}/providers/{TYPE}",
)
_STATE: Final = re.compile(r"provisioningState\s+eq\s+'(\w+)'", re.IGNORECASE)


# -- the resource -----------------------------------------------------------------
def prepare(write: Write) -> Body:
    """Check a deployment; what it needs to run is kept apart from what is shown."""
    at = datetime.now(UTC)
    deployment = read(write.cloud, write.id, write.body, at=at)
    write.private.clear()
    write.private.update(
        {
            "at": at.isoformat(),
            "template": deployment.template,
            "parameters": {
                name: {"type": one.type, "value": one.value}
                for name, one in deployment.parameters.items()
            },
            "operations": [],
        }
    )
    shown = _shown(deployment, at)
    if deployment.location:
        shown["location"] = deployment.location
    if write.body.get("tags"):
        shown["tags"] = write.body["tags"]
    return shown


def _shown(deployment: Deployment, at: datetime) -> Body:
    """Return what a client may see of a deployment that begins."""
    resources = deployment.expansion.resources
    by_id = {one.id.lower(): one for one in resources}
    dependencies = [
        {
            "dependsOn": [
                target(by_id[d.lower()]) for d in one.depends_on if d.lower() in by_id
            ],
            **target(one),
        }
        for one in resources
        if one.depends_on
    ]
    return {
        "properties": {
            "templateHash": template_hash(deployment.template),
            "parameters": {n: p.shown() for n, p in deployment.parameters.items()},
            "mode": deployment.mode,
            "timestamp": timestamp(at),
            "duration": "PT0S",
            "correlationId": str(uuid.uuid4()),
            "providers": _providers(deployment),
            "dependencies": dependencies,
        }
    }


def _providers(deployment: Deployment) -> list[dict[str, Any]]:
    found: dict[str, dict[str, list[str | None]]] = {}
    for one in deployment.expansion.resources:
        namespace, _, name = one.type.partition("/")
        places = found.setdefault(namespace, {}).setdefault(name, [])
        if one.location not in places:
            places.append(one.location)
    return [
        {
            "namespace": namespace,
            "resourceTypes": [
                {"resourceType": name, "locations": places}
                for name, places in types.items()
            ],
        }
        for namespace, types in found.items()
    ]


def template_hash(template: Mapping[str, Any]) -> str:
    """Return a number in decimal digits that depends on the template alone.

    Azure's own has the same form; how it is worked out is not documented.
    """
    canonical = json.dumps(template, sort_keys=True, separators=(",", ":")).encode()
    return str(int.from_bytes(hashlib.sha256(canonical).digest()[:8], "big"))


def view(_cloud: Cloud, deployment: Resource, _call: Call) -> Body:
    """Show a deployment; one that is under way is Accepted, then Running."""
    if deployment.state not in {"Creating", "Updating"}:
        return deployment.body
    state = "Running" if deployment.private.get("running") else "Accepted"
    properties = {**deployment.properties, "provisioningState": state}
    return {**deployment.body, "properties": properties}


def busy(_cloud: Cloud, operation: Operation) -> ArmError:
    """Return the 409 for a deployment whose name is in use."""
    since = operation.started_at
    until = since + timedelta(days=7)
    form = "%m/%d/%Y %I:%M:%S %p"
    return conflict(
        "DeploymentActive",
        f"Unable to edit or replace deployment '{operation.resource_id.name}': "
        f"previous deployment from '{since:{form}}' is still active (expiration time "
        f"is '{until:{form}}'). Please see https://aka.ms/arm-deploy for usage "
        "details.",
    )


# -- actions ----------------------------------------------------------------------
async def cancel(call: Call) -> Reply:
    """Stop a deployment; what it has begun to write is finished all the same."""
    running = call.cloud.operations.on(call.target.id)
    if running is None:
        raise conflict(
            "DeploymentCannotBeCancelled",
            f"The deployment '{call.target.id.name}' cannot be cancelled: it is in "
            f"the terminal state '{call.target.state}'.",
        )
    call.cloud.operations.cancel(running)
    return Reply(status=204)


async def export_template(call: Call) -> Reply:
    """Return the template that was deployed."""
    return Reply(body={"template": call.target.private["template"]})


async def list_outputs(call: Call) -> Reply:
    """Return the values of all outputs, of secure ones as well.

    What Bicep makes of a module's secure output.
    https://learn.microsoft.com/azure/azure-resource-manager/bicep/outputs#secure-outputs
    """
    deployment = call.target
    shown = deployment.properties.get("outputs") or {}
    values = {name: one["value"] for name, one in shown.items() if "value" in one}
    return Reply(body=values | deployment.private.get("secure_outputs", {}))


async def list_operations(call: Call) -> Reply:
    """List what a deployment did, newest first."""
    return Reply(body={"value": call.target.private.get("operations", [])[::-1]})


async def list_operations_by_path(call: Call) -> Reply:
    """List operations at the path without a provider segment."""
    return Reply(body={"value": _named(call).private.get("operations", [])[::-1]})


async def show_operation(call: Call) -> Reply:
    """Show one operation of a deployment."""
    deployment = _named(call)
    wanted = call.names["operation"].lower()
    for record in deployment.private.get("operations", []):
        if record["operationId"].lower() == wanted:
            return Reply(body=record)
    raise ArmError(
        404,
        "DeploymentOperationNotFound",
        f"The deployment operation '{call.names['operation']}' of deployment "
        f"'{deployment.id.name}' could not be found.",
    )


def _id(call: Call) -> ResourceId:
    """Return the id of the deployment that a route names."""
    names = call.names
    group = f"/resourceGroups/{names['group']}" if "group" in names else ""
    base = f"/subscriptions/{names['subscription']}{group}"
    return parse(f"{base}/providers/{TYPE}/{names['deployment']}")


def _named(call: Call) -> Resource:
    return call.cloud.get(_id(call))


async def validate(call: Call) -> Reply:
    """Check a deployment and change nothing."""
    deployment_id = _id(call)
    call.cloud.roles.check(f"{TYPE}/validate/action", deployment_id)
    call.cloud.check_group(deployment_id)
    at = datetime.now(UTC)
    deployment = read(call.cloud, deployment_id, call.body, at=at)
    body = _shown(deployment, at)
    body["properties"]["provisioningState"] = "Succeeded"
    body["properties"]["validatedResources"] = [
        {"id": one.id} for one in deployment.expansion.resources
    ]
    named = {"id": str(deployment_id), "name": deployment_id.name, "type": TYPE}
    return Reply(body={**named, **body})


async def what_if(call: Call) -> Accepted:
    """Say what a deployment would change.

    What is wrong is told in the result and not with a 400, on which the command-line
    client 2.91 breaks (Azure/azure-cli issues 32218 and 32417).
    """
    deployment_id = _id(call)
    call.cloud.roles.check(f"{TYPE}/whatIf/action", deployment_id)
    work = _what_if(call.cloud, deployment_id, call.body)
    operation = call.cloud.operations.start(
        deployment_id, f"{TYPE}/whatIf/action", work, exclusive=False
    )
    return Accepted(operation=operation, location_only=True)


async def _what_if(cloud: Cloud, deployment_id: ResourceId, body: Any) -> Body:
    try:
        cloud.check_group(deployment_id)
        deployment = read(cloud, deployment_id, body, at=datetime.now(UTC))
        found = await changes(cloud, deployment)
    except ArmError as error:
        return {"status": "Failed", "error": error.body()}
    settings = body["properties"].get("whatIfSettings") or {}
    if str(settings.get("resultFormat", "")).lower() == "resourceidonly":
        names = ("resourceId", "changeType")
        found = [{name: one[name] for name in names} for one in found]
    correlation = str(uuid.uuid4())
    return {
        "status": "Succeeded",
        "properties": {"correlationId": correlation, "changes": found},
    }


# -- lists ------------------------------------------------------------------------
async def list_deployments(call: Call) -> Reply:
    """List the deployments of a group or of the subscription itself, newest first."""
    names = call.names
    scope = ResourceId(names["subscription"], names.get("group", ""))
    if scope.group:
        call.cloud.get(scope)
    found = [
        call.cloud.show(deployment, call)
        for deployment in call.cloud.store.of_type(TYPE, scope)
        if deployment.id.parent.key == scope.key
    ]
    wanted = _STATE.search(call.query.get("$filter", ""))
    if wanted:
        found = [
            one
            for one in found
            if one["properties"]["provisioningState"].lower() == wanted[1].lower()
        ]
    found.sort(key=lambda one: str(one["properties"]["timestamp"]), reverse=True)
    return Reply(body={"value": found})


async def calculate_template_hash(call: Call) -> Reply:
    """Return a template's hash."""
    if not isinstance(call.body, dict):
        raise bad_request("InvalidTemplate", "The template must be an object.")
    return Reply(
        body={
            "minifiedTemplate": json.dumps(call.body, separators=(",", ":")),
            "templateHash": template_hash(call.body),
        }
    )


async def restore(cloud: Cloud) -> None:
    """Give up deployments that a stop of the emulator cut off."""
    for deployment in cloud.store.of_type(TYPE):
        if deployment.state in {"Creating", "Updating"}:
            deployment.state = "Failed"
            deployment.private.pop("running", None)
            deployment.private.pop("parameters", None)
            deployment.properties["error"] = {
                "code": "DeploymentFailed",
                "message": "The embedded Azure was stopped while this ran.",
            }
            cloud.store.save(deployment)


KINDS = (
    Kind(
        type=TYPE,
        needs_location=False,
        prepare=prepare,
        apply=apply,
        busy=busy,
        view=view,
        actions={
            ("POST", "cancel"): cancel,
            ("POST", "exporttemplate"): export_template,
            ("POST", "listoutputswithsecurevalues"): list_outputs,
            ("GET", "operations"): list_operations,
        },
        keeps_nulls=True,
        timing="deployment",
    ),
)
ROUTES = (
    *(
        route
        for path in _PATHS
        for route in (
            Route(method="GET", pattern=path, answer=list_deployments),
            Route(
                method="POST",
                pattern=path + "/{deployment}/validate",
                answer=validate,
            ),
            Route(method="POST", pattern=path + "/{deployment}/whatif", answer=what_if),
            Route(
                method="GET",
                pattern=path + "/{deployment}/operations/{operation}",
                answer=show_operation,
            ),
        )
    ),
    *(
        Route(
            method="GET",
            pattern=f"/subscriptions/{{subscription}}{group}/deployments/{{deployment}}"
            f"/operations{tail}",
            answer=answer,
        )
        for group in ("/resourcegroups/{group}", "")
        for tail, answer in (
            ("", list_operations_by_path),
            ("/{operation}", show_operation),
        )
    ),
    Route(
        method="POST",
        pattern="/providers/Microsoft.Resources/calculateTemplateHash",
        answer=calculate_template_hash,
        takes_template=True,
    ),
)
