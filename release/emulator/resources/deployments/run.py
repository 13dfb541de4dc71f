"""Carrying out a deployment: resources in parallel, each after what it depends on.

Every write goes through `Cloud.put`, like a client's. A resource that fails stops
those that depend on it and nothing else, as on Azure.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from release.emulator.cloud import Cloud, Written
from release.emulator.errors import ArmError
from release.emulator.ids import ResourceId, parse
from release.emulator.kinds import Body
from release.emulator.resources.deployments import request
from release.emulator.resources.deployments.references import References
from release.emulator.store import Resource
from release.emulator.template.errors import TemplateError
from release.emulator.template.expand import Expansion
from release.emulator.template.planned import Planned

_CODES: Final = {
    200: "OK",
    201: "Created",
    400: "BadRequest",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    429: "TooManyRequests",
    500: "InternalServerError",
}


def timestamp(moment: datetime) -> str:
    """Return a time as Azure writes it: UTC, seven digits."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def lasted(since: datetime, until: datetime) -> str:
    """Return an ISO 8601 duration, such as ``PT1.25S``."""
    return f"PT{(until - since).total_seconds():.7f}".rstrip("0").rstrip(".") + "S"


async def apply(cloud: Cloud, deployment: Resource, _before: Body | None) -> None:
    """Carry out a deployment that was accepted.

    Raises:
        ArmError: ``DeploymentFailed`` with what failed inside.
    """
    private = deployment.private
    began = datetime.fromisoformat(private["at"])
    private["running"] = True
    try:
        expansion = request.again(
            cloud,
            deployment.id,
            private["template"],
            private["parameters"],
            deployment.body.get("location"),
            at=began,
        )
        await _Run(cloud, deployment, expansion).everything()
    except TemplateError as error:
        failure = request.as_arm_error(error)
        deployment.properties["error"] = failure.body()
        raise failure from None
    except ArmError as error:
        deployment.properties["error"] = error.body()
        raise
    finally:
        ended = datetime.now(UTC)
        deployment.properties["timestamp"] = timestamp(ended)
        deployment.properties["duration"] = lasted(began, ended)
        private.pop("parameters", None)
        private.pop("running", None)
        for record in private["operations"]:
            if record["properties"]["provisioningState"] == "Running":
                record["properties"]["provisioningState"] = "Canceled"


class _Run:
    """One run of one deployment."""

    def __init__(self, cloud: Cloud, deployment: Resource, plan: Expansion) -> None:
        self.cloud = cloud
        self.deployment = deployment
        self.plan = plan
        self.ended = {one.id.lower(): asyncio.Event() for one in plan.resources}
        self.stopped: set[str] = set()
        self.failures: list[ArmError] = []
        self.operations: list[dict[str, Any]] = []
        deployment.private["operations"] = self.operations

    async def everything(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for planned in self.plan.resources:
                tasks.create_task(self.one(planned))
        if self.failures:
            raise failed(self.deployment.id, self.failures)
        written = self.written()
        if self.deployment.properties["mode"] == "Complete":
            await self.remove_the_rest({name.lower() for name in written})
        await self.outputs()
        self.deployment.properties["outputResources"] = [{"id": id_} for id_ in written]

    async def one(self, planned: Planned) -> None:
        """Write one resource when its turn has come."""
        key = planned.id.lower()
        before = [one.lower() for one in planned.depends_on]
        for other in before:
            if other in self.ended:
                await self.ended[other].wait()
        if self.stopped.intersection(before):
            self.stopped.add(key)
        else:
            await self.write(planned)
        self.ended[key].set()

    async def write(self, planned: Planned) -> None:
        record = self.begin("Create", planned)
        try:
            body = await References(self.cloud).settle(planned.resolve)
            written = await self.put(planned, body)
        except ArmError as error:
            self.stopped.add(planned.id.lower())
            self.failures.append(error)
            self.end(record, error=error)
        else:
            self.end(record, status=201 if written.created else 200)

    async def put(self, planned: Planned, body: Body) -> Written:
        """Write a resource and wait until it is there.

        A resource that somebody else is writing is waited for, as the Resource
        Manager retries a conflict; but for a deployment, which may be one around this
        one and wait for it.
        """
        resource_id = parse(planned.id)
        while busy := self.cloud.running_on(resource_id):
            if busy.verb == f"{request.TYPE}/write":
                break
            await busy.done.wait()
        try:
            written = self.cloud.put(
                resource_id, body, api_version=planned.api_version or ""
            )
        except ArmError as error:
            error.target = error.target or planned.id
            raise
        if written.operation:
            try:
                await self.cloud.operations.wait(written.operation)
            except ArmError as error:
                raise _unsuccessful(planned, error) from None
        return written

    def written(self) -> list[str]:
        """Return the ids of all resources, those of nested deployments as well."""
        found: list[str] = []
        for planned in self.plan.resources:
            resource = self.cloud.find(parse(planned.id))
            if resource is None:
                continue
            if resource.id.type.lower() == request.TYPE.lower():
                inner = resource.properties.get("outputResources") or []
                found.extend(one["id"] for one in inner)
            else:
                found.append(str(resource.id))
        return found

    async def remove_the_rest(self, kept: set[str]) -> None:
        """Delete what is in the group and not in the template."""
        rest = rest_of(self.cloud, self.deployment.id, kept)
        kept = kept.union(one.id.key for one in rest if managed(one))
        while doomed := list(rest_of(self.cloud, self.deployment.id, kept)):
            removable = [one for one in doomed if not refusal(self.cloud, one)]
            if not removable:
                error = refusal(self.cloud, doomed[0])
                raise failed(self.deployment.id, [error] if error else [])
            for resource in removable:
                operation = self.cloud.delete(resource.id)
                if operation:
                    await self.cloud.operations.wait(operation)

    async def outputs(self) -> None:
        if not self.deployment.private["template"].get("outputs"):
            return
        record = self.begin("EvaluateDeploymentOutput", None)
        try:
            found = await References(self.cloud).settle(self.plan.outputs)
        except ArmError as error:
            self.end(record, error=error)
            raise ArmError(
                400,
                "DeploymentOutputEvaluationFailed",
                "Unable to evaluate template outputs. Please see error details and "
                "deployment operations. Please see https://aka.ms/arm-common-errors "
                "for usage details.",
                details=[error],
            ) from None
        shown = {name: one.shown() for name, one in found.items()}
        self.deployment.properties["outputs"] = shown
        self.deployment.private["secure_outputs"] = {
            name: one.value for name, one in found.items() if one.secure
        }
        self.end(record, status=200)

    # -- the list of operations ---------------------------------------------------
    def begin(self, what: str, planned: Planned | None) -> dict[str, Any]:
        operation_id = uuid.uuid4().hex[:16].upper()
        properties: dict[str, Any] = {
            "provisioningOperation": what,
            "provisioningState": "Running",
            "timestamp": timestamp(datetime.now(UTC)),
            "duration": "PT0S",
            "trackingId": str(uuid.uuid4()),
            "serviceRequestId": str(uuid.uuid4()),
        }
        if planned:
            properties["targetResource"] = target(planned)
        record = {
            "id": f"{self.deployment.id}/operations/{operation_id}",
            "operationId": operation_id,
            "properties": properties,
        }
        self.operations.append(record)
        return record

    def end(
        self,
        record: dict[str, Any],
        *,
        status: int = 200,
        error: ArmError | None = None,
    ) -> None:
        properties = record["properties"]
        now = datetime.now(UTC)
        began = datetime.fromisoformat(properties["timestamp"])
        properties["timestamp"] = timestamp(now)
        properties["duration"] = lasted(began, now)
        properties["provisioningState"] = "Failed" if error else "Succeeded"
        code = error.status if error else status
        properties["statusCode"] = _CODES.get(code, str(code))
        if error:
            properties["statusMessage"] = {"status": "Failed", "error": error.body()}
        self.operations.remove(record)
        self.operations.append(record)


def target(planned: Planned) -> dict[str, Any]:
    """Return a resource as operations and dependencies name it."""
    return {
        "id": planned.id,
        "resourceType": planned.type,
        "resourceName": planned.name,
    }


def failed(deployment_id: ResourceId, failures: Iterable[ArmError]) -> ArmError:
    """Return the error of a deployment in which something failed."""
    return ArmError(
        409,
        "DeploymentFailed",
        "At least one resource deployment operation failed. Please list deployment "
        "operations for details. Please see https://aka.ms/arm-deployment-operations "
        "for usage details.",
        target=str(deployment_id),
        details=tuple(failures),
    )


def _unsuccessful(planned: Planned, error: ArmError) -> ArmError:
    if error.code == "DeploymentFailed":
        return error
    return ArmError(
        409,
        "ResourceDeploymentFailure",
        "The resource write operation failed to complete successfully, because it "
        "reached terminal provisioning state 'Failed'.",
        target=planned.id,
        details=[error],
    )


def rest_of(cloud: Cloud, deployment_id: ResourceId, kept: set[str]) -> list[Resource]:
    """Return a group's own resources that are not among those to keep.

    What extends the group, such as its locks and role assignments, is none of them.
    """
    return [
        resource
        for resource in cloud.store.under(deployment_id.group_id)
        if len(resource.id.pairs) == 1
        and resource.id.scope is None
        and resource.id.namespace.lower() != "microsoft.authorization"
        and resource.id.type.lower() != request.TYPE.lower()
        and resource.id.key not in kept
    ]


def managed(resource: Resource) -> bool:
    """Tell whether another resource manages one, as a machine does its disks.

    Complete mode leaves it (source: ``managedBy`` of
    ResourceModelWithAllowedPropertySet in Azure/azure-rest-api-specs).
    """
    return bool(resource.body.get("managedBy"))


def refusal(cloud: Cloud, resource: Resource) -> ArmError | None:
    """Return why a resource cannot be deleted now, or None."""
    refuse = cloud.kinds.of(resource.id.type).refuse_removal
    if refuse is None:
        return None
    try:
        refuse(cloud, resource)
    except ArmError as error:
        return error
    return None
