"""Deploy ARM templates, and find the cause when one fails.

A failed deployment says ``DeploymentFailed`` and little else; its operations name
the resource and the innermost error (source: "Troubleshoot common Azure deployment
errors"). Names are unique per build, because a second deployment of a running name
is refused with ``DeploymentActive``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from azure.core.exceptions import AzureError as SdkError
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.core.polling import LROPoller
from azure.mgmt.resource.deployments import models

from release.azure import translation
from release.azure.clients import Azure
from release.azure.ids import resource_id
from release.azure.operations import call, collect
from release.errors import AzureError

TEMPLATES = Path(__file__).parent.parent / "templates"
ENDED = ("Succeeded", "Failed", "Canceled")
VALIDATION_TIMEOUT_S = 300.0


class Running:
    """A deployment that was begun.

    Args:
        azure: Where.
        group: Its resource group.
        name: Its name in the group.
        poller: Its operation.
    """

    def __init__(
        self, azure: Azure, group: str, name: str, poller: LROPoller[Any]
    ) -> None:
        self._azure = azure
        self._poller = poller
        self.group = group
        self.name = name

    def collect(
        self, *, timeout_s: float, progress: Callable[[str], None] = lambda _: None
    ) -> dict[str, Any]:
        """Wait for the end; return the outputs by name.

        Raises:
            WaitTimedOut: It was not over in time.
            AzureError: It failed; the error is that of the resource that failed.
        """
        doing = f"deploying {self.group}/{self.name}"
        try:
            done = collect(
                self._azure,
                doing,
                self._poller,
                timeout_s=timeout_s,
                progress=progress,
            )
        except AzureError as error:
            raise self._cause(doing) or error from error
        outputs = (done.properties.outputs if done.properties else None) or {}
        return {name: item.get("value") for name, item in outputs.items()}

    def _cause(self, doing: str) -> AzureError | None:
        """Return the first failed operation's innermost error; None without one."""
        try:
            found = list(
                self._azure.deployments.deployment_operations.list(
                    self.group, self.name
                )
            )
        except SdkError:
            # The deployment's own error is reported then, which is less exact.
            return None
        for operation in found:
            seen = operation.properties
            if seen is None or seen.provisioning_state != "Failed":
                continue
            message = seen.status_message
            if message is None or message.error is None:
                continue
            target = seen.target_resource
            where = f"{target.resource_type} {target.resource_name}" if target else "it"
            return translation.azure_error(
                f"{doing}: {where}", translation.fault(message.error.as_dict())
            )
        return None


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
    poller = call(
        azure,
        doing,
        lambda: azure.deployments.deployments.begin_validate(
            group, name, _deployment(body, values)
        ),
    )
    result = collect(azure, doing, poller, timeout_s=VALIDATION_TIMEOUT_S)
    if result.error is not None:
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
    poller = call(
        azure,
        f"deploying {group}/{name}",
        lambda: azure.deployments.deployments.begin_create_or_update(
            group, name, _deployment(body, values)
        ),
    )
    return Running(azure, group, name, poller)


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
        state = found.properties.provisioning_state if found.properties else None
        return str(getattr(state, "value", state) or "")

    def cancel() -> None:
        try:
            azure.deployments.deployments.cancel(group, name)
        except ResourceExistsError:
            # It ended in between (409).
            return

    state = call(azure, doing, look)
    if state in ("", *ENDED):
        return state
    call(azure, doing, cancel)
    return call(azure, doing, look)


def deployment_id(azure: Azure, group: str, name: str) -> str:
    """Return the id of a deployment."""
    return resource_id(
        azure.subscription, group, "Microsoft.Resources/deployments", name
    )


def _deployment(
    body: Mapping[str, Any], values: Mapping[str, Any]
) -> models.Deployment:
    return models.Deployment(
        properties=models.DeploymentProperties(
            mode=models.DeploymentMode.INCREMENTAL,
            template=dict(body),
            parameters={
                name: models.DeploymentParameter(value=value)
                for name, value in values.items()
            },
        )
    )
