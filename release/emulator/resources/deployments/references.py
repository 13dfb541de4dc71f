"""What ``reference`` and the ``list...`` functions of a template get from the cloud."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from release.emulator.cloud import Cloud
from release.emulator.errors import bad_request
from release.emulator.ids import parse
from release.emulator.kinds import Call, Reply
from release.emulator.resources.deployments.request import as_arm_error
from release.emulator.store import Resource
from release.emulator.template.errors import TemplateError
from release.emulator.template.planned import Listing, Reference
from release.emulator.template.values import UNKNOWN

_Result = TypeVar("_Result")
_Asked = tuple[str, str, str, str]
"""A list function, a resource id, an API version, a body as JSON."""


class References:
    """Answers for one evaluation; what a list function gives is asked in between.

    Args:
        cloud: Who knows.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._answers: dict[_Asked, Any] = {}
        self._wanted: list[_Asked] = []

    @property
    def listed(self) -> frozenset[str]:
        """The ids of what list functions have asked, as templates write them."""
        return frozenset(name for _, name, _, _ in self._answers)

    async def settle(
        self, evaluate: Callable[[Reference, Listing], _Result | None]
    ) -> _Result:
        """Evaluate, ask for what it needs, evaluate again until it needs no more.

        Raises:
            ArmError: An expression is wrong, or what it refers to is not there.
        """
        while True:
            self._wanted.clear()
            try:
                result = evaluate(self._state, self._list)
            except TemplateError as error:
                raise as_arm_error(error) from None
            if result is not None:
                return result
            for asked in self._wanted:
                self._answers[asked] = await self._ask(*asked)

    def _state(self, name: str, version: str | None, full: bool) -> Any:  # noqa: FBT001 - the template language's own seam
        resource = self._cloud.get(parse(name))
        return state(self._cloud, resource, version or "", full=full)

    def _list(self, function: str, name: str, version: str, body: Any) -> Any:
        asked = (function, name, version, json.dumps(body, sort_keys=True))
        if asked in self._answers:
            return self._answers[asked]
        self._wanted.append(asked)
        return UNKNOWN

    async def _ask(self, function: str, name: str, version: str, body: str) -> Any:
        resource = self._cloud.get(parse(name))
        call = _call(
            self._cloud,
            version,
            method="POST",
            resource=resource,
            body=json.loads(body),
        )
        answer = await self._cloud.act(call, function)
        if not isinstance(answer, Reply):
            raise bad_request(
                "InvalidTemplate",
                f"The template function '{function}' on '{name}' gives no answer at "
                "once.",
            )
        return answer.body


def state(cloud: Cloud, resource: Resource, version: str, *, full: bool) -> Any:
    """Return what ``reference`` gives: properties, or the whole resource.

    The members that Azure adds to the whole are those of its documentation:
    https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-resource#reference
    """
    shown = cloud.show(resource, _call(cloud, version, resource=resource))
    if not full:
        return shown.get("properties", {})
    relative = str(resource.id).rpartition("/providers/")[2]
    own = {k: v for k, v in shown.items() if k not in {"id", "name", "type", "etag"}}
    return {
        "apiVersion": version,
        **own,
        "subscriptionId": resource.id.subscription,
        "resourceGroupName": resource.id.group,
        "scope": "",
        "resourceId": relative,
        "referenceApiVersion": version,
        "condition": True,
        "isConditionTrue": True,
        "isTemplateResource": False,
        "isAction": False,
        "provisioningOperation": "Read",
    }


def _call(
    cloud: Cloud,
    version: str,
    *,
    resource: Resource,
    method: str = "GET",
    body: Any = None,
) -> Call:
    return Call(
        cloud=cloud,
        method=method,
        query={},
        body=body,
        api_version=version,
        origin=cloud.arm_origin,
        id=resource.id,
        resource=resource,
    )
