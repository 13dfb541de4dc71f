"""Reading a deployment: the request's body checked, its template expanded.

Nothing is written here; `validate`, `whatIf` and a PUT all begin with it.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from release.emulator.cloud import Cloud
from release.emulator.errors import ArmError, bad_request, group_not_found
from release.emulator.ids import GROUP_TYPE, ResourceId, parse
from release.emulator.kinds import Write
from release.emulator.regions import check_location
from release.emulator.template.errors import TemplateError
from release.emulator.template.expand import Expansion, expand
from release.emulator.template.parameters import Parameter, parse_parameters
from release.emulator.template.planned import Planned
from release.emulator.template.scope import Scope

TYPE: Final = "Microsoft.Resources/deployments"
_NAME: Final = re.compile(r"[-\w.()]{1,64}")
_MODES: Final = {"incremental": "Incremental", "complete": "Complete"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """A deployment that may begin.

    Args:
        id: Its id.
        mode: ``Incremental`` or ``Complete``.
        template: The template as given.
        expansion: What it comes to.
        location: Where a deployment at subscription scope is kept.
        nested: The deployments inside it, as far as they are known already.
    """

    id: ResourceId
    mode: str
    template: Mapping[str, Any]
    expansion: Expansion
    location: str | None = None
    nested: tuple[Deployment, ...] = ()

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The parameters with their values."""
        return self.expansion.parameters

    @property
    def groups(self) -> dict[str, Planned]:
        """The resource groups that it and those inside it make, by id in lower case."""
        found = _groups(self.expansion)
        for inner in self.nested:
            found |= inner.groups
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class _Given:
    """The parts of a request's ``properties``."""

    mode: str
    template: Mapping[str, Any]
    parameters: Mapping[str, Any]
    location: str | None


def read(
    cloud: Cloud,
    deployment_id: ResourceId,
    body: Any,
    *,
    at: datetime,
    coming: Mapping[str, Planned] | None = None,
    around: frozenset[str] = frozenset(),
) -> Deployment:
    """Check a request and expand its template.

    Args:
        cloud: Where it is deployed to.
        deployment_id: The deployment's id.
        body: The request's body.
        at: The time that ``utcNow()`` gives.
        coming: Resource groups that the deployments around this one make first, by id
            in lower case.
        around: The ids of those deployments, in lower case.

    Raises:
        ArmError: 400 with what is wrong, or 404 for the group.
    """
    given = _given(deployment_id, body)
    scope = scope_of(cloud, deployment_id, given.location, at=at, coming=coming or {})
    try:
        parameters = parse_parameters(given.template, given.parameters, scope)
        expansion = expand(given.template, parameters, scope)
    except TemplateError as error:
        raise as_arm_error(error) from None
    except RecursionError:
        raise bad_request(
            "InvalidTemplate",
            "Deployment template validation failed: 'The template or a parameter is "
            "nested too deep.'.",
        ) from None
    _check_resources(cloud, deployment_id, expansion)
    return Deployment(
        id=deployment_id,
        mode=given.mode,
        template=given.template,
        expansion=expansion,
        location=given.location,
        nested=_nested(
            cloud, expansion, at, coming or {}, around | {deployment_id.key}
        ),
    )


def again(
    cloud: Cloud,
    deployment_id: ResourceId,
    template: Mapping[str, Any],
    parameters: Mapping[str, Mapping[str, Any]],
    location: str | None,
    *,
    at: datetime,
) -> Expansion:
    """Expand a template with parameters that were worked out before."""
    scope = scope_of(cloud, deployment_id, location, at=at, coming={})
    values = {
        name: Parameter(name=name, type=one["type"], value=one["value"])
        for name, one in parameters.items()
    }
    return expand(template, values, scope)


def as_arm_error(error: TemplateError) -> ArmError:
    """Return the answer to a wrong template."""
    return bad_request(error.code, error.message)


def scope_of(
    cloud: Cloud,
    deployment_id: ResourceId,
    location: str | None,
    *,
    at: datetime,
    coming: Mapping[str, Planned],
) -> Scope:
    """Return what the template's functions say about its target."""
    identity = cloud.identity
    scope = Scope(
        subscription_id=deployment_id.subscription,
        tenant_id=identity.tenant,
        deployment_name=deployment_id.name,
        deployment_location=location,
        utc_now=at,
        cloud=environment(cloud.arm_origin),
        new_guid=lambda: str(uuid.uuid4()),
        deployer={
            "objectId": identity.object_id,
            "tenantId": identity.tenant,
            "userPrincipalName": "",
        },
        subscription_name="Embedded Azure",
    )
    if not deployment_id.group:
        return scope
    group = cloud.store.get(deployment_id.group_id)
    planned = coming.get(deployment_id.group_id.key)
    body = group.body if group else dict(planned.body) if planned else None
    if body is None:
        raise group_not_found(deployment_id.group)
    described = {
        "name": group.id.group if group else deployment_id.group,
        "id": str(group.id if group else deployment_id.group_id),
        "location": body.get("location"),
        "tags": body.get("tags") or {},
    }
    return replace(scope, resource_group=described)


def environment(origin: str) -> dict[str, Any]:
    """Return what ``environment()`` gives: this Azure's own addresses."""
    return {
        "name": "EmbeddedAzure",
        "gallery": origin,
        "graph": "https://graph.windows.net/",
        "portal": origin,
        "graphAudience": "https://graph.windows.net/",
        "activeDirectoryDataLake": "https://datalake.azure.net/",
        "batch": "https://batch.core.windows.net/",
        "media": "https://rest.media.azure.net",
        "sqlManagement": "https://management.core.windows.net:8443/",
        "vmImageAliasDoc": f"{origin}/emulator/aliases.json",
        "resourceManager": f"{origin}/",
        "authentication": {
            "loginEndpoint": f"{origin}/",
            "audiences": [
                "https://management.core.windows.net/",
                "https://management.azure.com/",
            ],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "suffixes": {
            "acrLoginServer": ".azurecr.io",
            "azureDatalakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
            "azureDatalakeStoreFileSystem": "azuredatalakestore.net",
            "azureFrontDoorEndpointSuffix": "azurefd.net",
            "keyvaultDns": ".vault.azure.net",
            "sqlServerHostname": ".database.windows.net",
            "storage": "core.windows.net",
        },
    }


def _given(deployment_id: ResourceId, body: Any) -> _Given:
    name = deployment_id.name
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise bad_request(
            "InvalidDeploymentName",
            f"The provided deployment name '{name}' is not valid: at most 64 letters, "
            "digits, '-', '_', '.', '(' and ')' are allowed, and no '.' at the end.",
        )
    properties = body.get("properties") if isinstance(body, dict) else None
    if not isinstance(properties, dict):
        raise bad_request(
            "InvalidRequestContent",
            "The request content was invalid and could not be deserialized: "
            "'Required property 'properties' not found in JSON. Path ''.'.",
        )
    return _Given(
        mode=_mode(properties, deployment_id),
        template=_template(properties),
        parameters=_parameters(properties),
        location=_location(body, deployment_id),
    )


def _mode(properties: Mapping[str, Any], deployment_id: ResourceId) -> str:
    given = str(properties.get("mode", ""))
    mode = _MODES.get(given.lower())
    if mode is None:
        raise bad_request(
            "InvalidRequestContent",
            "The request content was invalid and could not be deserialized: 'The "
            f"deployment mode '{given}' is not one of 'Incremental, Complete'. Path "
            "'properties.mode'.'.",
        )
    if mode == "Complete" and not deployment_id.group:
        raise bad_request(
            "InvalidDeployment",
            "The deployment mode 'Complete' is not supported at subscription scope. "
            "Please see https://aka.ms/deploy-to-subscription for usage details.",
        )
    return mode


def _template(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in ("templateLink", "parametersLink", "onErrorDeployment"):
        if properties.get(name):
            raise bad_request(
                "InvalidContentLink" if name.endswith("Link") else "InvalidDeployment",
                f"'properties.{name}' cannot be followed: this embedded Azure fetches "
                "nothing and keeps no template specs. Give the content itself.",
            )
    template = properties.get("template")
    if not isinstance(template, dict):
        raise bad_request(
            "InvalidTemplate",
            "Deployment template validation failed: 'The template is not provided: "
            "'properties.template' must be an object.'.",
        )
    return template


def _parameters(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    given = properties.get("parameters")
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise bad_request(
            "InvalidRequestContent",
            "The request content was invalid and could not be deserialized: 'An "
            "object is expected. Path 'properties.parameters'.'.",
        )
    return given


def _location(body: Mapping[str, Any], deployment_id: ResourceId) -> str | None:
    location = body.get("location")
    if not deployment_id.group and not location:
        raise bad_request(
            "InvalidDeployment",
            f"The 'location' property must be specified for '{deployment_id.name}'. "
            "Please see https://aka.ms/deploy-to-subscription for usage details.",
        )
    if deployment_id.group and location:
        raise bad_request(
            "InvalidDeployment",
            f"The 'location' property is not allowed for '{deployment_id.name}' at "
            "resource group scope. Please see https://aka.ms/deploy-to-subscription "
            "for usage details.",
        )
    return str(location).replace(" ", "").lower() if location else None


def _check_resources(
    cloud: Cloud, deployment_id: ResourceId, expansion: Expansion
) -> None:
    """Refuse types and places that there are not, all of them at once."""
    found: list[ArmError] = []
    for planned in expansion.resources:
        try:
            _check_resource(cloud, planned)
        except ArmError as error:
            error.target = error.target or planned.id
            found.append(error)
    if found:
        raise ArmError(
            400,
            "InvalidTemplateDeployment",
            f"The template deployment '{deployment_id.name}' is not valid according "
            f"to the validation procedure. The tracking id is '{uuid.uuid4()}'. See "
            "inner errors for details.",
            details=found,
        )


def _check_resource(cloud: Cloud, planned: Planned) -> None:
    resource_id = parse(planned.id)
    kind = cloud.kinds.of(resource_id.type)
    waits = any(place.endswith(".location") for place in planned.deferred)
    if kind.type == TYPE or waits:
        return
    existing = cloud.find(resource_id) if kind.needs_location else None
    write = Write(
        cloud=cloud,
        id=resource_id,
        body=dict(planned.body),
        existing=existing,
        api_version=planned.api_version or "",
        private={},
    )
    check_location(kind, write)


def _nested(
    cloud: Cloud,
    expansion: Expansion,
    at: datetime,
    coming: Mapping[str, Planned],
    around: frozenset[str],
) -> tuple[Deployment, ...]:
    """Read the deployments inside, but for those that still wait for others.

    What makes a group comes before what is in it; while the one waits, so does the
    other, whatever lies between the two.
    """
    known = {**coming, **_groups(expansion)}
    late: set[str] = set()
    found = []
    for planned in expansion.resources:
        waits = not late.isdisjoint(one.lower() for one in planned.depends_on)
        nested = planned.type.lower() == TYPE.lower()
        if waits or (nested and planned.deferred):
            late.add(planned.id.lower())
        if not nested:
            continue
        inner_id = parse(planned.id)
        if inner_id.key in around:
            raise bad_request(
                "InvalidTemplate",
                f"Deployment template validation failed: 'The nested deployment "
                f"'{inner_id.name}' has the name of a deployment around it.'.",
            )
        group = inner_id.group_id
        absent = group.key not in known and cloud.store.get(group) is None
        if planned.deferred or (waits and inner_id.group and absent):
            continue
        try:
            inner = read(
                cloud, inner_id, planned.body, at=at, coming=known, around=around
            )
        except ArmError as error:
            error.message += f"\n  in the nested deployment '{inner_id.name}'"
            raise
        found.append(inner)
        known |= inner.groups
    return tuple(found)


def _groups(expansion: Expansion) -> dict[str, Planned]:
    return {
        planned.id.lower(): planned
        for planned in expansion.resources
        if planned.type.lower() == GROUP_TYPE.lower()
    }
