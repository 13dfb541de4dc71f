"""Bodies that no resource provider could read: refused, and never a 500."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from release.emulator.resources import KINDS, ROUTES
from tests.harness.emulator.wire.conftest import VERSION, Stranger

Path = tuple[str | int, ...]
RAW = (
    *(b"", b"{", b"[]", b"5", b"null", b'"x"', b"\xff\xfe", b'{"a":1}{', b"<xml/>"),
    *(b"\xef\xbb\xbf{}", b'{"location":5}', b'{"properties":"x"}', b'{"tags":[]}'),
    *(b'{"sku":"x"}', b'{"identity":5}', b'{"zones":5}', b'{"a":NaN,"b":1e999}'),
    *(b"[" * 5000, b'{"a":' * 3000, b'{"properties":[]}', b'{"tags":{"a":{}}}'),
)
ACTIONS: tuple[Any, ...] = (
    {"instanceIds": 5},
    {"instanceIds": [5, None, {}]},
    {"instanceIds": ["99"]},
    {"commandId": 5, "script": 5},
    {"commandId": "RunShellScript", "script": [5]},
    {"commandId": "RunShellScript", "script": ["true"], "parameters": [{}]},
    {"capacity": "x", "keyName": 5, "signedExpiry": 5, "name": ["x"]},
    {"serviceName": 5, "action": 5, "ipConfiguration": 5, "ipAddress": 5},
    {"properties": {"mode": 5, "template": 5, "parameters": []}, "operation": 5},
)
WRONG: tuple[Any, ...] = (
    *(5, "x", [], {}, None, True, [None], ["x"], [{}], -1, "", {"x": 1}, 1.5),
    *("/subscriptions/x", [[]], {"id": 5}, {"id": "nope"}),
)
NEVER = ("delete", "generalize", "capture")
"""Actions after which there would be nothing left to ask."""


@pytest.fixture(params=["some", pytest.param("all", marks=pytest.mark.matrix)])
def every(request: pytest.FixtureRequest) -> int:
    """Of so many requests one is sent; the full table is slow."""
    return 59 if request.param == "some" else 1


def test_no_resource_breaks_on_what_is_no_body(stranger: Stranger, every: int) -> None:
    asked = [
        (method, f"{own}{end}?{VERSION}", raw)
        for own in stranger.examples.values()
        for raw in RAW
        for method in ("PUT", "PATCH")
        for end in ("", "2")
    ]
    for method, path, raw in asked[::every]:
        stranger.ask(method, path, raw)
    assert stranger.wrong == []


def test_no_action_breaks_on_what_is_no_body(stranger: Stranger, every: int) -> None:
    paths = [
        ("POST", f"{stranger.examples[kind.type]}/{tail}?{VERSION}")
        for kind in KINDS
        for method, tail in kind.actions
        if method == "POST" and tail not in NEVER and kind.type in stranger.examples
    ]
    patterns = {r.pattern.rpartition("/")[2].lower() for r in ROUTES}
    paths += [
        (method, f"{path}?{VERSION}")
        for path in stranger.paths()
        for method in ("PUT", "PATCH", "POST")
        if path.rpartition("/")[2].lower() in patterns
    ]
    bodies = (*RAW, *ACTIONS)
    asked = [(method, path, body) for method, path in paths for body in bodies]
    for method, path, body in asked[::every]:
        stranger.ask(method, path, body)
    assert stranger.wrong == []


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield each place in a body; of a list the first element stands for all."""
    yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name))
    elif isinstance(value, list):
        for at, inner in enumerate(value[:1]):
            yield from places(inner, (*path, at))


def changed(body: Any, path: Path, value: Any) -> Any:
    found = copy.deepcopy(body)
    inner = found
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return found


def test_no_resource_breaks_on_a_value_of_another_type(
    stranger: Stranger, every: int
) -> None:
    number = 0
    for kind in KINDS:
        own = stranger.examples.get(kind.type, "")
        if not own or not kind.writable or kind.type.startswith("Microsoft.Resources"):
            continue
        body = stranger.ask("GET", f"{own}?{VERSION}").json()
        for path in places(body):
            if not path or path[0] in ("id", "name", "type", "etag"):
                continue
            for value in WRONG:
                number += 1
                scales = path[-1] == "capacity" and isinstance(value, int)
                if number % every == 0 and not scales:
                    stranger.ask("PUT", f"{own}?{VERSION}", changed(body, path, value))
    assert stranger.wrong == []
    assert stranger.broken_operations() == []


def test_the_place_of_a_wrong_value_is_told(stranger: Stranger) -> None:
    fleet = stranger.examples["Microsoft.Compute/virtualMachineScaleSets"]
    body = {
        "location": "westeurope",
        "properties": {"virtualMachineProfile": {"osProfile": ["x"]}},
    }
    answer = stranger.ask("PUT", f"{fleet}?{VERSION}", body)
    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "code": "InvalidRequestContent",
        "message": "The request content was invalid and could not be deserialized: "
        "'Error converting value [\"x\"] to type 'object'. Path "
        "'properties.virtualMachineProfile.osProfile'.'.",
        "target": "properties.virtualMachineProfile.osProfile",
    }


def test_names_of_properties_are_read_in_any_case(stranger: Stranger) -> None:
    address = stranger.examples["Microsoft.Network/publicIPAddresses"] + "-odd"
    body = {
        "LOCATION": "West Europe",
        "Properties": {
            "publicipallocationmethod": "Static",
            "IdleTimeoutInMinutes": "9",
        },
        "SKU": {"Name": "Standard"},
    }
    made = stranger.ask("PUT", f"{address}?{VERSION}", body).json()
    found = made["properties"]
    assert (found["publicIPAllocationMethod"], found["idleTimeoutInMinutes"]) == (
        "Static",
        9,
    )
    assert made["sku"]["name"] == "Standard"
    stranger.ask("DELETE", f"{address}?{VERSION}")


def test_a_request_that_is_too_large_is_refused(stranger: Stranger) -> None:
    disk = stranger.examples["Microsoft.Compute/disks"]
    huge = json.dumps({"tags": {"x": "y" * 5 * 2**20}}).encode()
    answer = stranger.ask("PATCH", f"{disk}?{VERSION}", huge)
    assert (answer.status_code, answer.json()["error"]) == (
        413,
        {
            "code": "RequestEntityTooLarge",
            "message": "The request content size exceeds the maximum size of 4 MB.",
        },
    )


def test_a_body_may_come_in_chunks(stranger: Stranger) -> None:
    group = f"{stranger.azure.scope}/resourceGroups/every?{VERSION}"
    answer = stranger.session.patch(
        stranger.azure.endpoint["arm"] + group,
        data=iter([b'{"tags": {"in', b'": "ch\xc3\xbcnks"}}']),
        headers={"Content-Type": "application/json"},
        verify=stranger.azure.endpoint["ca"],
        timeout=30,
    )
    assert answer.json()["tags"] == {"in": "chünks"}
