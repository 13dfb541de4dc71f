"""What Microsoft's models let a client write, one property at a time.

Each is shown again as it was written, or refused; and what they call read-only is not
taken from a body. The models are those of the SDK that is installed.
"""

from __future__ import annotations

import copy
import enum
import sys
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from azure.mgmt.compute import models

from tests.harness.emulator.wire.conftest import VERSION, Stranger

PROVIDER = "/resourceGroups/every/providers/Microsoft.Compute"
LOCATION = {"location": "westeurope"}
VALUES: dict[Any, Any] = {
    bool: True,
    int: 7,
    float: 7.5,
    str: "text",
    datetime: "2031-01-02T03:04:05+00:00",
    timedelta: "PT7M",
}
ELSEWHERE = ("tags", "location", "systemData", "id", "name", "type", "etag")
"""What is no matter of one kind."""
UNSHOWN = ("customData", "userData")
"""What is a secret, or shown only to those who ask to expand it."""
Path = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """One property of a model, and a value that it may have."""

    path: Path
    value: Any
    read_only: bool


def leaves(model: Any, path: Path = ()) -> Iterator[Leaf]:
    """Yield the leaves of a model; of a list the first element stands for all."""
    for name, kind, read_only in fields(model):
        here = (*path, name)
        within = typing.get_args(kind)[:1]
        if is_model(kind) and not read_only:
            yield from leaves(kind, here)
        elif typing.get_origin(kind) is list and not is_model(read(within[0], model)):
            yield Leaf(path=here, value=["text"], read_only=read_only)
        elif typing.get_origin(kind) is list and not read_only:
            yield from leaves(read(within[0], model), (*here, 0))
        elif isinstance(kind, type) and issubclass(kind, enum.Enum):
            yield Leaf(path=here, value=list(kind)[-1].value, read_only=read_only)
        elif kind in VALUES:
            yield Leaf(path=here, value=VALUES[kind], read_only=read_only)


def fields(model: Any) -> Iterator[tuple[str, Any, bool]]:
    """Yield names, types and whether nobody may write; a model nests in none of it."""
    model({})  # Its fields are known once one was made.
    for attribute, field in model._attr_to_rest_field.items():  # noqa: SLF001 - no door
        kind = next(iter(kinds(model, attribute)), None)
        may = field._visibility  # noqa: SLF001 - no door
        read_only = may is not None and not {"create", "update"} & set(may)
        yield field._rest_name, kind, read_only  # noqa: SLF001 - no door


def kinds(model: Any, attribute: str) -> list[Any]:
    """Return what an attribute may be but None; an enumeration comes before a text."""
    hint = next(
        found[attribute]
        for owner in model.__mro__
        if attribute in (found := vars(owner).get("__annotations__", {}))
    )
    found = flattened(read(hint, model), model)
    return sorted(found, key=lambda kind: kind is str)


def flattened(hint: Any, model: Any) -> list[Any]:
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return [hint]
    inner = [read(one, model) for one in typing.get_args(hint)]
    return [one for one in inner if one is not type(None)]


def read(hint: Any, model: Any) -> Any:
    """Return a type whose name stands there."""
    text = hint.__forward_arg__ if isinstance(hint, typing.ForwardRef) else hint
    names = vars(sys.modules[model.__module__]) | {"_models": models}
    return eval(text, names) if isinstance(text, str) else text  # noqa: S307 - the SDK's


def is_model(kind: Any) -> bool:
    return hasattr(kind, "_deserialize") and hasattr(kind, "as_dict")


def written(body: Any, path: Path, value: Any) -> Any:
    """Return a body with a value at a place that may not be there yet."""
    if not path:
        return value
    name, *rest = path
    if isinstance(name, int):
        first, *others = body or [{}]
        return [written(first, tuple(rest), value), *others]
    whole = dict(body or {})
    whole[name] = written(whole.get(name), tuple(rest), value)
    return whole


def shown(body: Any, path: Path) -> Any:
    for step in path:
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            return None
    return body


def fleet(stranger: Stranger) -> dict[str, Any]:
    own = stranger.examples["Microsoft.Network/virtualNetworks/subnets"]
    addressed = {"name": "ip", "properties": {"subnet": {"id": own}}}
    interface = {"primary": True, "ipConfigurations": [addressed]}
    properties = {
        "upgradePolicy": {"mode": "Manual"},
        "virtualMachineProfile": {
            "osProfile": {
                "computerNamePrefix": "x",
                "adminUsername": "operator",
                "adminPassword": "Correct-Horse-9",
            },
            "storageProfile": {
                "imageReference": {
                    "publisher": "Debian",
                    "offer": "debian-12",
                    "sku": "12-gen2",
                    "version": "latest",
                },
                "osDisk": {"createOption": "FromImage"},
            },
            "networkProfile": {
                "networkInterfaceConfigurations": [
                    {"name": "nic", "properties": interface}
                ]
            },
            "extensionProfile": {
                "extensions": [
                    {
                        "name": "script",
                        "properties": {
                            "publisher": "Microsoft.Azure.Extensions",
                            "type": "CustomScript",
                            "typeHandlerVersion": "2.1",
                        },
                    }
                ]
            },
        },
    }
    sku = {"name": "Standard_B2s", "capacity": 0}
    return LOCATION | {"sku": sku, "properties": properties}


def disk(_stranger: Stranger) -> dict[str, Any]:
    creation = {"createOption": "Empty"}
    properties = {"creationData": creation, "diskSizeGB": 4}
    return LOCATION | {"properties": properties}


def gallery(_stranger: Stranger) -> dict[str, Any]:
    return LOCATION | {"properties": {}}


KINDS = [
    pytest.param(
        models.VirtualMachineScaleSet, "virtualMachineScaleSets", fleet, id="scale-set"
    ),
    pytest.param(models.Disk, "disks", disk, id="disk"),
    pytest.param(models.Gallery, "galleries", gallery, id="gallery"),
]


@pytest.fixture(params=["some", pytest.param("all", marks=pytest.mark.matrix)])
def every(request: pytest.FixtureRequest) -> int:
    """Of so many properties one is written; all of them are slow."""
    return 11 if request.param == "some" else 1


@pytest.mark.parametrize(("model", "kind", "make"), KINDS)
def test_what_may_be_written_is_shown_or_refused(
    stranger: Stranger, every: int, model: Any, kind: str, make: Any
) -> None:
    base, wrong = make(stranger), []
    at = f"{stranger.azure.scope}{PROVIDER}/{kind}/modelled"
    for leaf in list(leaves(model))[::every]:
        before = shown(base, leaf.path)
        if leaf.path[0] in ELSEWHERE or (before is not None and not leaf.read_only):
            continue
        body = written(copy.deepcopy(base), leaf.path, leaf.value)
        answer = stranger.ask("PUT", f"{at}?{VERSION}", body)
        after = shown(stranger.ask("GET", f"{at}?{VERSION}").json(), leaf.path)
        stranger.ask("DELETE", f"{at}?{VERSION}")
        if answer.status_code >= 400 or leaf.path[-1] in UNSHOWN:
            continue
        if (after == leaf.value) == leaf.read_only:
            wrong.append((leaf.path, leaf.value, after))
    assert wrong == []
    assert stranger.wrong == []
