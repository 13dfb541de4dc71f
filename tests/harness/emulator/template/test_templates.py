"""JSON cases: a template, its parameters, and what it comes to."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from release.emulator.template.errors import TemplateError
from release.emulator.template.expand import Expansion, expand
from release.emulator.template.parameters import parse_parameters
from release.emulator.template.scope import Scope

GROUP = "/subscriptions/sub/resourceGroups/web-rg"


def scope(given: dict[str, Any]) -> Scope:
    group = {"name": "web-rg", "location": "westus2"}
    return Scope(
        subscription_id="sub",
        tenant_id="tenant",
        resource_group=None if given.get("at") == "subscription" else group,
        deployment_name="first",
        deployment_location="westus2",
        utc_now=datetime(2026, 11, 23, 7, 5, 9, tzinfo=UTC),
    )


def _cases() -> list[Any]:
    found = []
    for path in sorted(Path(__file__).parent.glob("templates/*.json")):
        for case in json.loads(path.read_text()):
            name = f"{path.stem}-{case['about']}".replace(" ", "-")
            found.append(pytest.param(case, id=name))
    return found


def _template(case: dict[str, Any]) -> dict[str, Any]:
    head = {"$schema": "s", "contentVersion": "1.0.0.0", "resources": []}
    return {**head, **case["template"]} if not case.get("bare") else case["template"]


def _expanded(case: dict[str, Any]) -> Expansion:
    template = _template(case)
    parameters = parse_parameters(template, case.get("parameters"), scope(case))
    return expand(template, parameters, scope(case))


def _state(case: dict[str, Any], resource_id: str, *, full: bool) -> Any:
    states = case.get("states", {})
    short = resource_id.replace(GROUP + "/providers/", "")
    found = states.get(short, states.get(resource_id))
    if found is None:
        raise AssertionError(f"nobody should ask for {resource_id}")
    return found if full else found["properties"]


@pytest.mark.parametrize("case", _cases())
def test_a_template_comes_to_what_the_case_says(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(TemplateError) as caught:
            _expanded(case).outputs(
                lambda i, _, full: _state(case, i, full=full), lambda *_: {}
            )
        assert caught.value.summary == case["error"]
        assert caught.value.path == case["path"]
        assert caught.value.code == case.get("code", "InvalidTemplate")
        return
    expansion = _expanded(case)

    def reference(resource_id: str, version: str | None, full: bool) -> Any:  # noqa: FBT001 - the seam's own shape
        assert version
        return _state(case, resource_id, full=full)

    def listing(function: str, resource_id: str, _version: str, _body: Any) -> Any:
        return {"asked": f"{function} of {resource_id.rpartition('/')[2]}"}

    came = {
        one.id.replace(GROUP + "/providers/", ""): {
            "apiVersion": one.api_version,
            "dependsOn": [d.replace(GROUP + "/providers/", "") for d in one.depends_on],
            "body": one.resolve(reference, listing),
        }
        for one in expansion.resources
    }
    for name, wanted in case.get("resources", {}).items():
        assert name in came
        assert {key: came[name][key] for key in wanted} == wanted
    if "order" in case:
        assert list(came) == case["order"]
    if "outputs" in case:
        outputs = expansion.outputs(reference, listing)
        assert outputs is not None
        assert {n: one.shown() for n, one in outputs.items()} == case["outputs"]
    if "seen" in case:
        assert {
            name: {"type": one.type, "value": one.value}
            for name, one in expansion.parameters.items()
        } == case["seen"]


def test_the_message_names_the_path_and_points_into_the_expression() -> None:
    case = {
        "template": {
            "resources": [
                {
                    "type": "Microsoft.Network/publicIPAddresses",
                    "apiVersion": "2024-05-01",
                    "name": "web",
                    "sku": {"name": "[toLower(parameters('sku'))]"},
                }
            ]
        }
    }
    with pytest.raises(TemplateError) as caught:
        _expanded(case)
    assert str(caught.value) == (
        "Unable to process template language expressions for resource "
        "'/subscriptions/sub/resourceGroups/web-rg/providers/Microsoft.Network/"
        "publicIPAddresses/web'. 'The template parameter 'sku' is not found. Please "
        "see https://aka.ms/arm-syntax-parameters for usage details.'\n"
        "  resources[0].sku.name: [toLower(parameters('sku'))]\n"
        "                                  ^"
    )
