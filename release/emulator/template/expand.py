"""From a template and its parameters to resources in the order of their dependencies.

Pure: nothing is asked of any cloud. The steps: check the shape; apply conditions and
copy loops; name every resource; evaluate bodies as far as they can be; find out what
depends on what; sort.
https://learn.microsoft.com/azure/azure-resource-manager/templates/syntax
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from release.emulator.template.drafts import Draft, drafts, loops
from release.emulator.template.errors import TemplateError
from release.emulator.template.evaluate import Context, Fixed
from release.emulator.template.order import depend, sort
from release.emulator.template.outputs import evaluate_outputs
from release.emulator.template.parameters import Parameter
from release.emulator.template.planned import (
    Asking,
    Known,
    Listing,
    Planned,
    Reference,
    body_of,
)
from release.emulator.template.scope import Scope
from release.emulator.template.values import Json
from release.emulator.template.variables import Variables

_MEMBERS: Final = frozenset(
    [
        "$schema",
        "contentversion",
        "apiprofile",
        "definitions",
        "parameters",
        "functions",
        "variables",
        "resources",
        "outputs",
        "languageversion",
        "metadata",
        "imports",
        "extensions",
        "asserts",
    ]
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Expansion:
    """What a template comes to.

    Args:
        resources: To be written, each after what it depends on.
        disabled: Those whose condition is false.
        existing: Those that are only read.
        parameters: The parameters that it was expanded with.
    """

    resources: tuple[Planned, ...]
    disabled: tuple[Planned, ...]
    existing: tuple[Planned, ...]
    parameters: Mapping[str, Parameter]
    context: Context
    asking: Asking

    def outputs(
        self, reference: Reference, listing: Listing
    ) -> dict[str, Parameter] | None:
        """Return the outputs with their values.

        Returns:
            The outputs, or None when a callback gave ``UNKNOWN``.

        Raises:
            TemplateError: An output cannot be evaluated.
        """
        live = self.asking.answering(reference, listing)
        try:
            return evaluate_outputs(replace(self.context, runtime=live))
        except TemplateError as error:
            error.code = "DeploymentOutputEvaluationFailed"
            raise


def expand(
    template: Mapping[str, Json], parameters: Mapping[str, Parameter], scope: Scope
) -> Expansion:
    """Expand a template.

    Raises:
        TemplateError: The template is wrong; with the path and the expression.
    """
    check_shape(template)
    known = Known(loops=loops(template))
    asking = Asking(known=known, scope=scope.path)
    context = Context(
        scope=scope,
        parameters=Fixed({name: one.value for name, one in parameters.items()}),
        template=template,
    )
    variables = Variables(context)
    context = replace(context, variables=variables)
    variables.evaluate_all()
    named = list(drafts(context))
    for draft in named:
        (known.planned if draft.enabled else known.disabled).append(draft.planned)
    _refuse_duplicates(known.planned)
    planned = []
    for draft in named:
        if draft.enabled:
            asked = Asking(known=known, scope=scope.path)
            inner = replace(draft.context, runtime=asked)
            one = _with_body(draft, inner)
            planned.append((one, depend(draft.dependencies, one, known, asked.noted)))
    known.planned[:] = [one for one, _ in planned]
    ordered = sort(planned)
    context = replace(context, runtime=asking)
    evaluate_outputs(context)
    return Expansion(
        resources=tuple(one for one in ordered if not one.existing),
        existing=tuple(one for one in ordered if one.existing),
        disabled=tuple(known.disabled),
        parameters=parameters,
        context=context,
        asking=asking,
    )


def check_shape(template: Mapping[str, Json]) -> None:
    """Refuse what is no template.

    Raises:
        TemplateError: In the words of Azure's parser.
    """
    for name in ("$schema", "contentVersion", "resources"):
        if name not in template:
            raise TemplateError(
                "Deployment template validation failed: 'Required property "
                f"'{name}' not found in JSON. Path ''.'.",
                path="",
            )
    for name in template:
        if name.lower() not in _MEMBERS and not name.startswith("$"):
            raise TemplateError(
                f"Deployment template parse failed: 'Could not find member '{name}' on "
                f"object of type 'Template'. Path '{name}'.'.",
                path=name,
            )
    if not isinstance(template["resources"], list | dict):
        raise TemplateError(
            "Deployment template parse failed: 'Error converting value to the "
            "resources of a template; expected an array. Path 'resources'.'.",
            path="resources",
        )
    if not isinstance(template.get("outputs") or {}, dict):
        raise TemplateError(
            "Deployment template parse failed: 'The template outputs must be an "
            "object.'.",
            path="outputs",
        )


def _with_body(draft: Draft, context: Context) -> Planned:
    planned = draft.planned
    body, deferred = body_of(draft.declared, context, planned.path, planned.id)
    return replace(
        planned,
        body=body,
        deferred=tuple(deferred),
        declared=draft.declared,
        context=context,
    )


def _refuse_duplicates(planned: list[Planned]) -> None:
    seen: dict[str, Planned] = {}
    for one in planned:
        if one.existing:
            continue
        first = seen.setdefault(one.id.lower(), one)
        if first is not one:
            raise TemplateError(
                f"Deployment template validation failed: 'The resource "
                f"'{one.type}/{one.name}' at '{one.path}' is defined multiple times in "
                f"a template; first at '{first.path}'. Please see "
                "https://aka.ms/arm-syntax-resources for usage details.'.",
                path=one.path,
            )
