"""Whatever a release sent to compute fits the SDK's own models, property by property.

A template is no model to the SDK: a property that it misspells would be sent as it
is, and Azure would refuse it, or worse, ignore it.
"""

import typing

import pytest
from azure.mgmt.compute import models

BY_TYPE = {
    "galleries": models.Gallery,
    "galleries/images": models.GalleryImage,
    "galleries/images/versions": models.GalleryImageVersion,
    "virtualMachines": models.VirtualMachine,
    "virtualMachines/runCommands": models.VirtualMachineRunCommand,
    "virtualMachineScaleSets": models.VirtualMachineScaleSet,
}
BY_REQUEST = {
    ("PUT", "galleries/images/versions"): models.GalleryImageVersion,
    ("PATCH", "galleries/images/versions"): models.GalleryImageVersionUpdate,
    ("PUT", "virtualMachines/runCommands"): models.VirtualMachineRunCommand,
    ("PATCH", "virtualMachineScaleSets"): models.VirtualMachineScaleSetUpdate,
    ("POST", "virtualMachineScaleSets/manualupgrade"): (
        models.VirtualMachineScaleSetVMInstanceRequiredIDs
    ),
    ("POST", "virtualMachineScaleSets/virtualMachines/runCommand"): (
        models.RunCommandInput
    ),
}
IN_TEMPLATES = (
    "galleries",
    "galleries/images",
    "virtualMachineScaleSets",
    "virtualMachines",
)
OF_TEMPLATES = {"type", "apiVersion", "name", "dependsOn", "condition", "comments"}


def unknown(model, value, where):
    """Return the paths of properties that a model does not have."""
    hints = typing.get_type_hints(model, localns={"_models": models, "_types": None})
    model({})
    fields = {
        field._rest_name: hints[name]  # noqa: SLF001 - its only list of wire names
        for name, field in model._attr_to_rest_field.items()  # noqa: SLF001
    }
    found = []
    for name, inner in value.items():
        path = f"{where}.{name}"
        if name not in fields:
            found.append(path)
            continue
        for kind in kinds(fields[name]):
            for each in inner if isinstance(inner, list) else [inner]:
                if isinstance(each, dict):
                    found += unknown(kind, each, path)
    return found


def kinds(hint):
    """Return the models in a type such as ``Optional[list[Sku]]``."""
    if isinstance(hint, type) and hint.__module__.startswith(models.__name__):
        return [hint] if hasattr(hint, "as_dict") else []
    if typing.get_origin(hint) is dict:
        return []
    return [kind for part in typing.get_args(hint) for kind in kinds(part)]


def type_of(path):
    """Return ``virtualMachineScaleSets/manualupgrade`` of a path of compute."""
    _, _, rest = path.partition("/providers/Microsoft.Compute/")
    return "/".join(rest.split("/")[::2])


def sent(project):
    """Return what each request to compute, and each template, said: model, value."""
    for asked in project.asked(0):
        body, kind = asked["body"], type_of(asked["path"])
        if (asked["method"], kind) in BY_REQUEST:
            yield f"{asked['method']} {kind}", BY_REQUEST[asked["method"], kind], body
        if isinstance(body, dict) and "template" in (body.get("properties") or {}):
            for resource in body["properties"]["template"]["resources"]:
                provider, _, kind = resource["type"].partition("/")
                if provider == "Microsoft.Compute":
                    kept = {k: v for k, v in resource.items() if k not in OF_TEMPLATES}
                    yield f"template {kind}", BY_TYPE[kind], kept


@pytest.fixture
def driven(own_project):
    """A project whose Azure was asked for a first release, and a surge's undoing."""
    own_project.set(status=500)
    ended = own_project.by("surge").release()
    assert ended.status == 1, ended.output
    return own_project


@pytest.mark.matrix
def test_every_property_sent_to_compute_is_one_that_the_sdk_knows(driven):
    found = list(sent(driven))
    wrong = [
        path for where, kind, value in found for path in unknown(kind, value, where)
    ]
    assert wrong == []
    assert {where for where, _, _ in found} == {
        *(f"{method} {kind}" for method, kind in BY_REQUEST),
        *(f"template {kind}" for kind in IN_TEMPLATES),
    }


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ({"properties": {"upgradePolicies": {}}}, ["x.properties.upgradePolicies"]),
        (
            {
                "properties": {
                    "virtualMachineProfile": {
                        "extensionProfile": {"extensions": [{"name": "a", "kind": 1}]}
                    }
                }
            },
            ["x.properties.virtualMachineProfile.extensionProfile.extensions.kind"],
        ),
        ({"sku": {"name": "[parameters('size')]"}, "tags": {"any": "thing"}}, []),
    ],
)
def test_the_check_itself_finds_what_is_misspelt(value, wrong):
    assert unknown(models.VirtualMachineScaleSet, value, "x") == wrong
