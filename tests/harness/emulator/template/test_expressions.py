"""JSON cases: what is given, an expression, and its result or its error."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from release.emulator.template.errors import TemplateError
from release.emulator.template.evaluate import Context, Evaluator, Fixed
from release.emulator.template.scope import Scope
from release.emulator.template.variables import Variables

SCOPE = Scope(
    subscription_id="22222222-2222-2222-2222-222222222222",
    tenant_id="11111111-1111-1111-1111-111111111111",
    resource_group={"name": "web-rg", "location": "westus2", "tags": {"team": "web"}},
    deployment_name="first",
    utc_now=datetime(2026, 11, 23, 7, 5, 9, tzinfo=UTC),
    cloud={"name": "AzureCloud", "suffixes": {"storage": "core.windows.net"}},
    new_guid=lambda: "4f0e6c6b-0d3f-4a3e-9a53-1f5b2f6a7c11",
)


def _cases() -> list[Any]:
    found = []
    for path in sorted(Path(__file__).parent.glob("expressions/*.json")):
        for group in json.loads(path.read_text()):
            for at, case in enumerate(group["cases"]):
                name = f"{path.stem}-{group['about']}-{at}".replace(" ", "-")
                found.append(pytest.param(group.get("given", {}), case, id=name))
    return found


def _evaluator(given: dict[str, Any]) -> Evaluator:
    context = Context(
        scope=SCOPE,
        parameters=Fixed(given.get("parameters", {})),
        template=given,
        in_default=given.get("in_default", False),
        local={},
    )
    context = Context(
        scope=SCOPE,
        parameters=Fixed(given.get("parameters", {})),
        variables=Variables(context),
        template=given,
        in_default=given.get("in_default", False),
    )
    for name, at in given.get("loops", {}).items():
        context = context.looping(name, at)
    return Evaluator(context)


@pytest.mark.parametrize(("given", "case"), _cases())
def test_an_expression_gives_its_result_or_its_error(
    given: dict[str, Any], case: dict[str, Any]
) -> None:
    text = case["expression"]
    if "error" in case:
        with pytest.raises(TemplateError) as caught:
            _evaluator(given).text(text, "here")
        assert caught.value.summary == case["error"]
        if "offset" in case:
            assert caught.value.offset == case["offset"]
        return
    result = _evaluator(given).text(text, "here")
    assert result == case["result"]
    assert type(result) is type(case["result"])
