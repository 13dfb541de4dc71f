"""Rehearse a deployment: would Azure accept it, and what would it change?

Nothing is changed by asking. A group that does not exist yet can be no scope; then
the question goes to the subscription, with the group in the template.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from azure.mgmt.resource.deployments import models

from release.azure import translation
from release.azure.clients import Azure
from release.azure.deployments import VALIDATION_TIMEOUT_S, draft
from release.azure.operations import call, collect
from release.errors import AzureError

API = "2022-09-01"
SCHEMA = (
    "https://schema.management.azure.com/schemas/2018-05-01/"
    "subscriptionDeploymentTemplate.json#"
)
NO_GROUP = "ResourceGroupNotFound"


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A deployment that nobody has begun.

    Attributes:
        name: Its name.
        group: Its group; "" for one to the subscription.
        location: Where a deployment to the subscription is kept.
        body: The template.
        values: Values of its parameters by name.
        checked_by_providers: Whether resource providers look at it too; they would
            not find an image that is not made yet (source: "Deployments - What If",
            validationLevel).
    """

    name: str
    group: str
    location: str
    body: Mapping[str, Any]
    values: Mapping[str, Any] = field(repr=False)
    checked_by_providers: bool

    @property
    def where(self) -> str:
        """What it goes to, for messages."""
        return self.group or "the subscription"

    def around(self) -> Draft:
        """Return the draft that also makes the group: one to the subscription.

        Values are handed through parameters of the same type, so that a secret one
        stays one.
        """
        group = {
            "type": "Microsoft.Resources/resourceGroups",
            "apiVersion": API,
            "name": self.group,
            "location": self.location,
        }
        made = f"subscriptionResourceId('{group['type']}', '{self.group}')"
        inner = {
            "type": "Microsoft.Resources/deployments",
            "apiVersion": API,
            "name": self.name,
            "resourceGroup": self.group,
            "dependsOn": [f"[{made}]"],
            "properties": {
                "mode": "Incremental",
                "expressionEvaluationOptions": {"scope": "inner"},
                "template": dict(self.body),
                "parameters": {
                    name: {"value": f"[parameters('{name}')]"} for name in self.values
                },
            },
        }
        types = {
            name: {"type": self.body["parameters"][name]["type"]}
            for name in self.values
        }
        body = {
            "$schema": SCHEMA,
            "contentVersion": "1.0.0.0",
            "parameters": types,
            "resources": [group, inner],
        }
        return replace(self, group="", body=body)

    def deployment(self) -> models.Deployment:
        """Return it as the SDK validates it."""
        made = draft(self.body, self.values)
        assert made.properties is not None  # noqa: S101 - set where it is made
        made.properties.validation_level = self._level
        made.location = None if self.group else self.location
        return made

    def question(self) -> models.DeploymentWhatIf:
        """Return it as the SDK asks what it would change."""
        made = self.deployment()
        assert made.properties is not None  # noqa: S101 - set where it is made
        return models.DeploymentWhatIf(
            location=made.location,
            properties=models.DeploymentWhatIfProperties(
                mode=made.properties.mode,
                template=made.properties.template,
                parameters=made.properties.parameters,
                validation_level=self._level,
            ),
        )

    @property
    def _level(self) -> models.ValidationLevel:
        if self.checked_by_providers:
            return models.ValidationLevel.PROVIDER
        return models.ValidationLevel.TEMPLATE


def rehearse(azure: Azure, wanted: Draft) -> tuple[dict[str, Any], ...]:
    """Ask whether Azure would accept a deployment, and what it would change.

    Returns:
        The changes, as the REST reference writes them ("Deployments - What If").

    Raises:
        AzureError: It would not be accepted.
    """
    try:
        return _rehearse(azure, wanted)
    except AzureError as error:
        if error.code != NO_GROUP or not wanted.group:
            raise
    return _rehearse(azure, wanted.around())


def _rehearse(azure: Azure, wanted: Draft) -> tuple[dict[str, Any], ...]:
    """Begin both questions together, then collect the answers."""
    sdk = azure.deployments.deployments
    group, name = wanted.group, wanted.name
    validating = f"validating {wanted.where}/{name}"
    asking = f"asking what {wanted.where}/{name} would change"
    plan, question = wanted.deployment(), wanted.question()

    def validate() -> Any:
        if group:
            return sdk.begin_validate(group, name, plan)
        return sdk.begin_validate_at_subscription_scope(name, plan)

    def ask() -> Any:
        if group:
            return sdk.begin_what_if(group, name, question)
        return sdk.begin_what_if_at_subscription_scope(name, question)

    begun = [
        (doing, call(azure, doing, request))
        for doing, request in ((validating, validate), (asking, ask))
    ]
    ended = []
    for doing, poller in begun:
        result = collect(azure, doing, poller, timeout_s=VALIDATION_TIMEOUT_S)
        if result.error is not None:
            fault = translation.fault(result.error.as_dict())
            raise translation.azure_error(doing, fault)
        ended.append(result)
    return tuple(change.as_dict() for change in ended[1].changes or ())
