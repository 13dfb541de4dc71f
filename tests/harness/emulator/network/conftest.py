"""Microsoft.Network through the public generic client: bodies go as written here."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resource.resources.models import ResourceGroup

VERSION = "2024-05-01"
Body = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Group:
    """A resource group of a test's own, and what one does in it."""

    client: ResourceManagementClient
    id: str

    def at(self, path: str) -> str:
        """The id of ``loadBalancers/web/probes/health``, say."""
        return f"{self.id}/providers/Microsoft.Network/{path}"

    def put(self, path: str, properties: Body | None = None, **rest: Any) -> Body:
        """PUT, wait for the end, and return what is shown then."""
        body: Body = {"location": "westeurope", "properties": properties or {}, **rest}
        poller = self.client.resources.begin_create_or_update_by_id(
            self.at(path), body, api_version=VERSION
        )
        poller.result()
        return self.get(path)

    def get(self, path: str) -> Body:
        return self.ask("GET", self.at(path))

    def names(self, path: str) -> list[str]:
        """The names in a list."""
        return [one["name"] for one in self.get(path)["value"]]

    def delete(self, path: str) -> None:
        self.client.resources.begin_delete_by_id(
            self.at(path), api_version=VERSION
        ).result()

    def ask(self, method: str, path: str, body: Any = None) -> Body:
        """Send one request as it is."""
        request = HttpRequest(method, path, params={"api-version": VERSION}, json=body)
        answer = self.client.send_request(request)
        if answer.status_code >= 400:
            raise HttpResponseError(response=answer)
        found: Body = answer.json() if answer.content else {}
        return found


_numbers = itertools.count()


@pytest.fixture
def group(azure: Any) -> Iterator[Group]:
    name = f"network-{next(_numbers)}"
    made = azure.resources.resource_groups.create_or_update(
        name, ResourceGroup(location="westeurope")
    )
    yield Group(client=azure.resources, id=made.id)
    azure.resources.resource_groups.begin_delete(name).result()


@pytest.fixture
def refused() -> Callable[[Callable[[], object]], tuple[int, str, str]]:
    """What the service says when it refuses: status, code, message."""

    def refused(act: Callable[[], object]) -> tuple[int, str, str]:
        with pytest.raises(HttpResponseError) as caught:
            act()
        error = caught.value
        assert error.error is not None
        return error.status_code or 0, error.error.code, error.error.message

    return refused
