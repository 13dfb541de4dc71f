"""A resource of a template as it is going to be written, and its nearest relations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from release.emulator.template.errors import Refused
from release.emulator.template.evaluate import Context, Evaluator
from release.emulator.template.nested import evaluate_outer, is_deployment, is_outer
from release.emulator.template.values import UNKNOWN, Json

Reference = Callable[[str, str | None, bool], Json]
"""Resource id, API version, full -> state; UNKNOWN while it is not known."""
Listing = Callable[[str, str, str, Json], Json]
"""Function, resource id, API version, body -> answer; UNKNOWN likewise."""

LEFT_OUT: Final = frozenset(
    "apiVersion type name condition copy dependsOn comments resources scope existing "
    "metadata asserts resourceGroup subscriptionId".lower().split()
)
"""What is said about a resource and is no part of its body (lower case)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """One resource to write: conditions and copy loops are applied already.

    Args:
        id: Its full id.
        type: Its full type.
        name: Its full name, with slashes for a child.
        api_version: The version to write it with.
        path: Where the template declares it, such as ``resources[2]``.
        body: The body; expressions that wait for other resources are still texts.
        depends_on: Ids of the resources of this template that come first.
        deferred: Places in ``body`` with expressions that wait.
        existing: Only read, never written.
        copied_as: The copy loop that it is of.
        copy_index: Its round in that loop, from zero.
    """

    id: str
    type: str
    name: str
    api_version: str | None
    path: str
    body: Mapping[str, Json]
    depends_on: tuple[str, ...] = ()
    deferred: tuple[str, ...] = ()
    existing: bool = False
    symbol: str | None = None
    copied_as: str | None = None
    copy_index: int | None = None
    declared: Mapping[str, Json] = field(default_factory=dict, repr=False)
    context: Context | None = field(default=None, repr=False)

    @property
    def location(self) -> str | None:
        """Where it lives, when it says so."""
        location = self.body.get("location")
        return location if isinstance(location, str) else None

    def resolve(self, reference: Reference, listing: Listing) -> dict[str, Json] | None:
        """Return the body with every expression evaluated.

        Returns:
            The body, or None when a callback gave ``UNKNOWN``.

        Raises:
            TemplateError: An expression cannot be evaluated.
        """
        if not self.deferred or self.context is None:
            return dict(self.body)
        asking = self.context.runtime
        live = (
            asking.answering(reference, listing) if isinstance(asking, Asking) else None
        )
        context = replace(self.context, runtime=live)
        body, deferred = body_of(self.declared, context, self.path, self.id)
        return None if deferred else body


@dataclass(kw_only=True, slots=True)
class Known:
    """The resources of one template by all the names that they go by.

    Args:
        planned: Those in use.
        disabled: Those whose condition is false.
        loops: The names of its copy loops in lower case, of those of no rounds as well.
    """

    planned: list[Planned] = field(default_factory=list)
    disabled: list[Planned] = field(default_factory=list)
    loops: frozenset[str] = frozenset()

    def named(self, name: str) -> list[Planned]:
        """Return the resources that go by a name; those in use come first."""
        wanted = name.lower()
        found = [one for one in self.planned if wanted in names_of(one)]
        return found or [one for one in self.disabled if wanted in names_of(one)]

    def looped(self, name: str) -> list[Planned]:
        """Return the resources of a copy loop."""
        return [
            one
            for one in self.planned
            if name.lower()
            in {(one.copied_as or "").lower(), (one.symbol or "").lower()}
        ]


def names_of(one: Planned) -> set[str]:
    """Return what a resource can be called, in lower case."""
    namespace, *kinds = one.type.split("/")
    segments = one.name.split("/")
    pairs = zip(kinds, segments, strict=False)
    names = {
        one.id,
        one.name,
        f"{one.type}/{one.name}",
        "/".join([namespace, *(part for pair in pairs for part in pair)]),
    }
    for name in filter(None, (one.copied_as, one.symbol)):
        names.add(name if one.copied_as is None else f"{name}[{one.copy_index}]")
    return {name.lower() for name in names}


@dataclass(kw_only=True, slots=True)
class Asking:
    """What ``reference`` and ``list...`` see: names are resolved, answers asked for.

    Without callbacks every answer is UNKNOWN, and the resources that were asked for
    by name are noted: they come first.
    """

    known: Known
    scope: str
    reference_: Reference | None = None
    listing: Listing | None = None
    noted: list[str] = field(default_factory=list)

    def answering(self, reference: Reference, listing: Listing) -> Asking:
        """Return one that asks these callbacks."""
        return Asking(
            known=self.known, scope=self.scope, reference_=reference, listing=listing
        )

    def reference(self, name: str, api_version: str | None, *, full: bool) -> Json:
        """Return the state of a resource, or UNKNOWN."""
        one = self._resource(name)
        by_name = not name.startswith("/")
        if one and by_name:
            self.noted.append(one.id)
        version = api_version or (one.api_version if one else None)
        if one is None and version is None:
            raise Refused(
                f"The reference to '{name}' requires an API version: the resource is "
                "not part of this template. Please see "
                "https://aka.ms/arm-function-reference for usage details."
            )
        if self.reference_ is None:
            return UNKNOWN
        return self.reference_(self._id(one, name), version, full)

    def references(self, name: str, *, full: bool) -> Json:
        """Return the states of the resources of a copy loop, or UNKNOWN."""
        looped = self.known.looped(name)
        self.noted.extend(one.id for one in looped)
        if self.reference_ is None:
            return UNKNOWN
        states = [self.reference_(one.id, one.api_version, full) for one in looped]
        return UNKNOWN if any(state is UNKNOWN for state in states) else states

    def described(self, name: str) -> Json:
        """Return id, name, type and version of a resource of the template."""
        one = self._resource(name)
        if one is None:
            raise _not_in_template(name)
        return {
            "id": one.id,
            "name": one.name,
            "type": one.type,
            "apiVersion": one.api_version,
        }

    def listed(self, function: str, name: str, version: str, body: Json) -> Json:
        """Return what a ``list...`` function gives, or UNKNOWN."""
        one = self._resource(name)
        if one and not name.startswith("/"):
            self.noted.append(one.id)
        if self.listing is None:
            return UNKNOWN
        return self.listing(function, self._id(one, name), version, body)

    def _id(self, one: Planned | None, name: str) -> str:
        """Return the id; ``Namespace/type/name`` is one of this deployment's scope."""
        if one:
            return one.id
        return name if name.startswith("/") else f"{self.scope}/providers/{name}"

    def _resource(self, name: str) -> Planned | None:
        found = self.known.named(name)
        if found:
            return found[0]
        if name.startswith("/"):
            return None
        if "/" in name and "." in name.partition("/")[0]:
            return None
        raise _not_in_template(name)


def _not_in_template(name: str) -> Refused:
    return Refused(
        f"The template reference '{name}' is not valid: could not find template "
        "resource or resource copy with this name. Please see "
        "https://aka.ms/arm-function-reference for usage details."
    )


def body_of(
    declared: Mapping[str, Json], context: Context, path: str, resource_id: str
) -> tuple[dict[str, Json], list[str]]:
    """Evaluate what is written of a resource.

    Returns:
        The body, and the places in it that still wait.
    """
    lead = (
        f"Unable to process template language expressions for resource "
        f"'{resource_id}'. '{{}}'"
    )
    evaluator = Evaluator(context, lead)
    body: dict[str, Any] = {}
    deployment = is_deployment(declared)
    for name, value in declared.items():
        if name.lower() in LEFT_OUT:
            continue
        here = f"{path}.{name}"
        if deployment and name.lower() == "properties" and isinstance(value, dict):
            inner = {k: v for k, v in value.items() if k.lower() != "template"}
            body[name] = evaluator.value(inner, here)
            template = value.get("template")
            if template is not None:
                body[name]["template"] = (
                    evaluate_outer(template, evaluator, f"{here}.template")
                    if is_outer(body[name], template, context.template, here)
                    else template
                )
        else:
            body[name] = evaluator.value(value, here)
    return body, evaluator.deferred
