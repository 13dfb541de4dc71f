"""Deploy ARM templates, and find the cause when one fails.

A failed deployment says ``DeploymentFailed`` and little else; its operations name
the resource and the innermost error (source: "Troubleshoot common Azure deployment
errors"). Names are unique per build, because a second deployment of a running name
is refused with ``DeploymentActive``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from azure.core.exceptions import AzureError as SdkError
from azure.core.exceptions import (
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceResponseError,
)
from azure.core.polling import LROPoller
from azure.mgmt.resource.deployments import models

from release.azure import tags, translation
from release.azure.clients import Azure
from release.azure.ids import part, resource_id
from release.azure.operations import call, carry_out
from release.errors import AzureError

TEMPLATES = Path(__file__).parent.parent / "templates"
ENDED = ("Succeeded", "Failed", "Canceled")
VALIDATION_TIMEOUT_S = 300.0
NESTED = "microsoft.resources/deployments"
DEEPEST = 5
"""How deep deployments inside deployments are looked into."""


class Running:
    """A deployment that was begun.

    Args:
        azure: Where.
        group: Its resource group.
        name: Its name in the group.
        begin: Begins it; in Incremental mode it may be begun again, which changes
            nothing that is as it should be.
    """

    def __init__(
        self, azure: Azure, group: str, name: str, begin: Callable[[], LROPoller[Any]]
    ) -> None:
        self._azure = azure
        self._begin = begin
        self.group = group
        self.name = name
        self._begun: LROPoller[Any] | None = call(azure, self._doing, begin)

    @property
    def _doing(self) -> str:
        return f"deploying {self.group}/{self.name}"

    def collect(
        self, *, timeout_s: float, progress: Callable[[str], None] = lambda _: None
    ) -> dict[str, Any]:
        """Wait for the end; return the outputs by name.

        Raises:
            WaitTimedOut: It was not over in time.
            AzureError: It failed; the error is that of the resources that failed.
        """
        done = carry_out(
            self._azure,
            self._doing,
            self._begin,
            begun=self._begun,
            timeout_s=timeout_s,
            progress=progress,
            explain=self._cause,
        )
        properties = done.properties if done is not None else None
        outputs = (properties.outputs if properties else None) or {}
        return {name: item.get("value") for name, item in outputs.items()}

    def _cause(self, error: AzureError) -> AzureError:
        """Return what failed inside; the error itself where nothing tells."""
        try:
            found = failures(self._azure, self.group, self.name)
        except SdkError:
            # The deployment's own error is reported then, which is less exact.
            return error
        if not found:
            return error
        where = ", ".join(dict.fromkeys(where for where, _ in found))
        inside = tuple(fault for _, fault in found)
        return translation.azure_error(
            f"{self._doing}: {where}",
            translation.Fault(code="", message="", details=inside),
        )


def failures(
    azure: Azure, group: str, name: str, *, depth: int = 0
) -> list[tuple[str, translation.Fault]]:
    """Return what failed inside a deployment: where, and with which error.

    A deployment inside it is looked into in its stead (source: "Deployment
    Operations - List").

    Raises:
        azure.core.exceptions.AzureError: Azure does not tell.
    """
    found = []
    for operation in azure.deployments.deployment_operations.list(group, name):
        seen = operation.properties
        if seen is None or seen.provisioning_state != "Failed":
            continue
        target = seen.target_resource
        kind = (target.resource_type if target else None) or ""
        if target and kind.lower() == NESTED and depth < DEEPEST:
            inside = failures(
                azure,
                part(target.id or "", "resourceGroups") or group,
                target.resource_name or "",
                depth=depth + 1,
            )
            found += inside
            if inside:
                continue
        if seen.status_message is None or seen.status_message.error is None:
            continue
        where = f"{kind} {target.resource_name}" if target else "it"
        error = translation.fault(seen.status_message.error.as_dict())
        found.append((where, error))
    return found


def template(name: str) -> dict[str, Any]:
    """Read a template of this package by its file name."""
    loaded: dict[str, Any] = json.loads((TEMPLATES / name).read_text("utf-8"))
    return loaded


def parameters(name: str) -> dict[str, Any]:
    """Read a parameters file of this package: values by name."""
    return {key: item["value"] for key, item in template(name)["parameters"].items()}


def validate(
    azure: Azure,
    group: str,
    name: str,
    body: Mapping[str, Any],
    values: Mapping[str, Any],
) -> None:
    """Ask Azure whether it would accept a deployment; nothing is changed.

    Raises:
        AzureError: It would not.
    """
    doing = f"validating {group}/{name}"
    result = carry_out(
        azure,
        doing,
        lambda: azure.deployments.deployments.begin_validate(
            group, name, draft(body, values)
        ),
        timeout_s=VALIDATION_TIMEOUT_S,
    )
    if result is not None and result.error is not None:
        raise translation.azure_error(doing, translation.fault(result.error.as_dict()))


def begin(
    azure: Azure,
    group: str,
    name: str,
    body: Mapping[str, Any],
    values: Mapping[str, Any],
) -> Running:
    """Begin a deployment in Incremental mode, which deletes nothing.

    Args:
        azure: Where.
        group: An existing resource group.
        name: Unique in the group, at most 64 characters.
        body: The template.
        values: Values of its parameters by name.

    Raises:
        AzureError: It was refused at once.
    """
    return Running(
        azure,
        group,
        name,
        lambda: azure.deployments.deployments.begin_create_or_update(
            group, name, draft(body, values)
        ),
    )


def halt(azure: Azure, group: str, name: str) -> str:
    """Cancel a deployment that still runs, and return its state.

    What it had begun on a resource goes on to its end there: only what would come
    after is not begun (source: "Deployments - Cancel").

    Returns:
        ``Succeeded``, ``Failed``, ``Canceled``, "" when there is none; anything else
        is a deployment that has not ended yet.

    Raises:
        AzureError: Azure refused or failed.
    """
    doing = f"cancelling {group}/{name}"

    def look() -> str:
        try:
            found = azure.deployments.deployments.get(group, name)
        except ResourceNotFoundError:
            return ""
        return _state(found)

    def cancel() -> None:
        try:
            azure.deployments.deployments.cancel(group, name)
        except (ResourceExistsError, ServiceResponseError):
            # It ended in between (409), or the answer never came: the look tells.
            return

    state = call(azure, doing, look)
    if state in ("", *ENDED):
        return state
    call(azure, doing, cancel)
    return call(azure, doing, look)


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """A deployment in the history of a resource group, which we made.

    Attributes:
        group: The resource group.
        name: Its name in the group.
        at: When it was last heard of; aware, UTC.
        state: Its provisioning state.
    """

    group: str
    name: str
    at: datetime
    state: str


def history(azure: Azure, group: str) -> list[Past]:
    """Return the deployments of a group that this project made, newest first."""

    def look() -> list[Past]:
        try:
            found = list(azure.deployments.deployments.list_by_resource_group(group))
        except ResourceNotFoundError:
            return []
        return [
            Past(
                group=group,
                name=each.name or "",
                at=(each.properties.timestamp if each.properties else None)
                or datetime.now(UTC),
                state=_state(each),
            )
            for each in found
            if tags.ours(each.tags)
        ]

    past = call(azure, f"listing deployments of {group}", look)
    return sorted(past, key=lambda each: each.at, reverse=True)


def begin_forget(azure: Azure, past: Past) -> None:
    """Begin to delete a deployment from the history; what it made stays.

    Source: "Deployments - Delete".
    """

    def request() -> None:
        try:
            azure.deployments.deployments.begin_delete(
                past.group, past.name, polling=False
            )
        except (ResourceNotFoundError, ResourceExistsError):
            # It is gone already, or it runs again (409).
            return

    call(azure, f"deleting deployment {past.group}/{past.name}", request)


def _state(deployment: models.DeploymentExtended) -> str:
    state = deployment.properties.provisioning_state if deployment.properties else None
    return str(getattr(state, "value", state) or "")


def deployment_id(azure: Azure, group: str, name: str) -> str:
    """Return the id of a deployment."""
    return resource_id(
        azure.subscription, group, "Microsoft.Resources/deployments", name
    )


def draft(body: Mapping[str, Any], values: Mapping[str, Any]) -> models.Deployment:
    """Return a deployment in Incremental mode as the SDK takes it."""
    return models.Deployment(
        tags={tags.OWNER: tags.OWNER_VALUE},
        properties=models.DeploymentProperties(
            mode=models.DeploymentMode.INCREMENTAL,
            template=dict(body),
            parameters={
                name: models.DeploymentParameter(value=value)
                for name, value in values.items()
            },
        ),
    )
