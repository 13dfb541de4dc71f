"""Functions that need more than their arguments' values.

They look into the template (``parameters``), the target (``resourceGroup``), or other
resources (``reference``), or they decide which argument is evaluated at all (``if``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from release.emulator.template import lambdas
from release.emulator.template.errors import Refused
from release.emulator.template.functions.arguments import (
    SEE,
    boolean,
    check_count,
    expects,
    integer,
    string,
)
from release.emulator.template.functions.dates import DEFAULT_FORMAT, written
from release.emulator.template.grammar import Call
from release.emulator.template.identity import split_arguments, under
from release.emulator.template.scope import zones
from release.emulator.template.values import UNKNOWN, Json, item_of, text_of

if TYPE_CHECKING:
    from release.emulator.template.evaluate import Evaluator, Runtime


ANY_VERSION: Final = "2024-11-01"
"""An api-version to offer to who asks which there are; any is served."""


@dataclass(frozen=True, slots=True)
class Form:
    """A function that gets its call unevaluated, and the evaluator."""

    name: str
    call: Callable[[Evaluator, Call], Json]
    least: int
    most: int | None


def _misplaced(name: str, why: str = "") -> Refused:
    return Refused(
        f"The template function '{name}' is not expected at this location.{why} {SEE}"
    )


# -- the template ---------------------------------------------------------------
def _parameters(evaluator: Evaluator, call: Call) -> Json:
    name = string("parameters", evaluator.node(call.arguments[0]))
    try:
        return evaluator.context.parameters.look_up(name)
    except KeyError:
        raise Refused(
            f"The template parameter '{name}' is not found. Please see "
            "https://aka.ms/arm-syntax-parameters for usage details."
        ) from None


def _variables(evaluator: Evaluator, call: Call) -> Json:
    variables = evaluator.context.variables
    if variables is None:
        raise _misplaced("variables")
    name = string("variables", evaluator.node(call.arguments[0]))
    try:
        return variables.look_up(name)
    except KeyError:
        raise Refused(
            f"The template variable '{name}' is not found. Please see "
            "https://aka.ms/arm-syntax-variables for usage details."
        ) from None


def _copy_index(evaluator: Evaluator, call: Call) -> Json:
    loops, loop = evaluator.context.loops, evaluator.context.loop
    given = evaluator.nodes(call.arguments)
    offset = 0
    if given and isinstance(given[0], str):
        loop = given.pop(0).lower()
    if given:
        offset = integer("copyIndex", given[0])
    if loop is None:
        raise _misplaced(
            "copyIndex", " The function can only be used where copy is specified."
        )
    if loop not in loops:
        raise Refused(
            f"The template function 'copyIndex' has an invalid loop name '{loop}'. "
            f"Please see https://aka.ms/arm-resource-loops for usage details."
        )
    return loops[loop] + offset


def _lambda_variables(evaluator: Evaluator, call: Call) -> Json:
    name = string("lambdaVariables", evaluator.node(call.arguments[0]))
    local = evaluator.context.local
    if item_of(local, name, UNKNOWN) is UNKNOWN:
        raise Refused(f"The lambda variable '{name}' is not found. {SEE}")
    return item_of(local, name)


# -- the target -----------------------------------------------------------------
def _deployment(evaluator: Evaluator, _call: Call) -> Json:
    context = evaluator.context
    return context.scope.deployment(context.template, {})


def _environment(evaluator: Evaluator, _call: Call) -> Json:
    return dict(evaluator.context.scope.cloud)


def _deployer(evaluator: Evaluator, _call: Call) -> Json:
    return dict(evaluator.context.scope.deployer)


def _resource_group(evaluator: Evaluator, _call: Call) -> Json:
    return evaluator.context.scope.group()


def _subscription(evaluator: Evaluator, _call: Call) -> Json:
    return evaluator.context.scope.subscription()


def _tenant(evaluator: Evaluator, _call: Call) -> Json:
    return evaluator.context.scope.tenant()


def _management_group(_evaluator: Evaluator, _call: Call) -> Json:
    raise _misplaced("managementGroup", " This is no management group deployment.")


def _providers(evaluator: Evaluator, call: Call) -> Json:
    """Tell of a resource type; any well-formed api-version is served here.

    Deprecated on Azure, but templates that Azure's own clients make still use it.
    """
    namespace, *types = evaluator.nodes(call.arguments)
    if types:
        versions: Json = [ANY_VERSION]
        return {"resourceType": types[0], "locations": [], "apiVersions": versions}
    return {"namespace": namespace, "resourceTypes": []}


def _utc_now(evaluator: Evaluator, call: Call) -> Json:
    if not evaluator.context.in_default:
        raise _misplaced(
            "utcNow", " It can only be used in the default value of a parameter."
        )
    given = evaluator.nodes(call.arguments)
    form = string("utcNow", given[0]) if given else DEFAULT_FORMAT
    return written(evaluator.context.scope.utc_now, form)


def _new_guid(evaluator: Evaluator, _call: Call) -> Json:
    if not evaluator.context.in_default:
        raise _misplaced(
            "newGuid", " It can only be used in the default value of a parameter."
        )
    return evaluator.context.scope.new_guid()


def _pick_zones(evaluator: Evaluator, call: Call) -> Json:
    given = evaluator.nodes(call.arguments)
    if UNKNOWN in given:
        return UNKNOWN
    _, _, location = (string("pickZones", one) for one in given[:3])
    count, offset = (
        integer("pickZones", one) for one in [*given[3:], *(1, 0)[len(given) - 3 :]]
    )
    known = zones(location)
    if known and not (count > 0 and offset >= 0 and offset + count <= len(known)):
        raise Refused(
            f"The template function 'pickZones' asks for {count} zone(s) from offset "
            f"{offset}; '{location}' has {len(known)}. {SEE}"
        )
    return known[offset : offset + count]


# -- resource ids ---------------------------------------------------------------
def _id_arguments(evaluator: Evaluator, call: Call, name: str) -> list[str] | None:
    given = evaluator.nodes(call.arguments)
    if any(one is UNKNOWN for one in given):
        return None
    for one in given:
        if isinstance(one, bool) or not isinstance(one, str | int):
            raise expects(name, "a string", one)
    return [text_of(one) for one in given]


def _resource_id(evaluator: Evaluator, call: Call) -> Json:
    given = _id_arguments(evaluator, call, "resourceId")
    if given is None:
        return UNKNOWN
    before, type_, names = split_arguments("resourceId", given, 2)
    scope = evaluator.context.scope
    path = scope.path
    if before[1:]:
        path = f"/subscriptions/{before[0]}/resourceGroups/{before[1]}"
    elif before and scope.resource_group is None:
        path = f"/subscriptions/{before[0]}"
    elif before:
        path = f"{scope.subscription_path}/resourceGroups/{before[0]}"
    return under(path, type_, names)


def _subscription_resource_id(evaluator: Evaluator, call: Call) -> Json:
    given = _id_arguments(evaluator, call, "subscriptionResourceId")
    if given is None:
        return UNKNOWN
    before, type_, names = split_arguments("subscriptionResourceId", given, 1)
    own = evaluator.context.scope.subscription_id
    return under(f"/subscriptions/{before[0] if before else own}", type_, names)


def _tenant_resource_id(evaluator: Evaluator, call: Call) -> Json:
    given = _id_arguments(evaluator, call, "tenantResourceId")
    if given is None:
        return UNKNOWN
    _, type_, names = split_arguments("tenantResourceId", given, 0)
    return under("", type_, names)


def _management_group_resource_id(evaluator: Evaluator, call: Call) -> Json:
    given = _id_arguments(evaluator, call, "managementGroupResourceId")
    if given is None:
        return UNKNOWN
    before, type_, names = split_arguments("managementGroupResourceId", given, 1)
    if not before:
        raise _misplaced("managementGroupResourceId", " Name the management group.")
    path = f"/providers/Microsoft.Management/managementGroups/{before[0]}"
    return under(path, type_, names)


def _extension_resource_id(evaluator: Evaluator, call: Call) -> Json:
    given = _id_arguments(evaluator, call, "extensionResourceId")
    if given is None:
        return UNKNOWN
    _, type_, names = split_arguments("extensionResourceId", given[1:], 0)
    return under(given[0], type_, names)


# -- other resources ------------------------------------------------------------
def _runtime(evaluator: Evaluator, name: str) -> Runtime:
    if evaluator.context.runtime is None:
        raise _misplaced(name)
    return evaluator.context.runtime


def _reference(evaluator: Evaluator, call: Call) -> Json:
    runtime = _runtime(evaluator, "reference")
    given = evaluator.nodes(call.arguments)
    if any(one is UNKNOWN for one in given):
        return UNKNOWN
    name = string("reference", given[0])
    options = [string("reference", one) for one in given[1:]]
    full = any(option.lower() == "full" for option in options)
    version = next((one for one in options if one and one.lower() != "full"), None)
    return runtime.reference(name, version, full=full)


def _references(evaluator: Evaluator, call: Call) -> Json:
    runtime = _runtime(evaluator, "references")
    given = [string("references", one) for one in evaluator.nodes(call.arguments)]
    full = any(option.lower() == "full" for option in given[1:])
    return runtime.references(given[0], full=full)


def _resource_info(evaluator: Evaluator, call: Call) -> Json:
    runtime = _runtime(evaluator, "resourceInfo")
    name = string("resourceInfo", evaluator.node(call.arguments[0]))
    return runtime.described(name)


def listed(evaluator: Evaluator, call: Call) -> Json:
    """Evaluate ``listKeys`` and the other functions whose names start with list."""
    runtime = _runtime(evaluator, call.name)
    given = evaluator.nodes(call.arguments)
    if any(one is UNKNOWN for one in given):
        return UNKNOWN
    check_count(call.name, len(given), 2, 3)
    name, version = (string(call.name, one) for one in given[:2])
    body = given[2] if given[2:] else None
    return runtime.listed(call.name, name, version, body)


# -- choice ---------------------------------------------------------------------
def _if(evaluator: Evaluator, call: Call) -> Json:
    condition, then, otherwise = call.arguments
    chosen = evaluator.node(condition)
    if chosen is UNKNOWN:
        evaluator.nodes((then, otherwise))
        return UNKNOWN
    return evaluator.node(then if boolean("if", chosen) else otherwise)


def _decided(name: str, *, by: bool) -> Callable[[Evaluator, Call], Json]:
    """Return ``and`` or ``or``: the first argument that decides ends it."""

    def decide(evaluator: Evaluator, call: Call) -> Json:
        unknown = False
        for node in call.arguments:
            value = evaluator.node(node)
            if value is UNKNOWN:
                unknown = True
            elif boolean(name, value) is by and not unknown:
                return by
        return UNKNOWN if unknown else not by

    return decide


FORMS: Final[dict[str, Form]] = {
    form.name.lower(): form
    for form in (
        Form("parameters", _parameters, 1, 1),
        Form("variables", _variables, 1, 1),
        Form("copyIndex", _copy_index, 0, 2),
        Form("deployment", _deployment, 0, 0),
        Form("environment", _environment, 0, 0),
        Form("deployer", _deployer, 0, 0),
        Form("resourceGroup", _resource_group, 0, 0),
        Form("subscription", _subscription, 0, 0),
        Form("tenant", _tenant, 0, 0),
        Form("managementGroup", _management_group, 0, 0),
        Form("providers", _providers, 1, 2),
        Form("utcNow", _utc_now, 0, 1),
        Form("newGuid", _new_guid, 0, 0),
        Form("pickZones", _pick_zones, 3, 5),
        Form("resourceId", _resource_id, 2, None),
        Form("subscriptionResourceId", _subscription_resource_id, 2, None),
        Form("tenantResourceId", _tenant_resource_id, 2, None),
        Form("managementGroupResourceId", _management_group_resource_id, 2, None),
        Form("extensionResourceId", _extension_resource_id, 3, None),
        Form("reference", _reference, 1, 3),
        Form("references", _references, 1, 2),
        Form("resourceInfo", _resource_info, 1, 1),
        Form("if", _if, 3, 3),
        Form("and", _decided("and", by=False), 1, None),
        Form("or", _decided("or", by=True), 1, None),
        Form("lambdaVariables", _lambda_variables, 1, 1),
        *(Form(name, call, least, most) for name, call, least, most in lambdas.FORMS),
    )
}
