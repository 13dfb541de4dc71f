"""What depends on what, and an order that respects it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from release.emulator.template.errors import TemplateError
from release.emulator.template.planned import Known, Planned


def depend(
    declared: Iterable[tuple[str, str]],
    one: Planned,
    known: Known,
    referred: Iterable[str],
) -> list[str]:
    """Return the ids that a resource waits for.

    Args:
        declared: Entries of ``dependsOn`` and where they stand.
        one: The resource.
        known: The resources of the template.
        referred: Ids of those that its expressions refer to by name.

    Raises:
        TemplateError: An entry names nothing in the template.
    """
    enabled = {other.id.lower(): other.id for other in known.planned}
    found: dict[str, str] = {}
    for name, path in declared:
        targets = _targets(name, known)
        if not targets and name.lower() not in known.loops:
            raise TemplateError(
                f"Deployment template validation failed: 'The resource '{name}' is not "
                "defined in the template. Please see "
                "https://aka.ms/arm-syntax-resources for usage details.'.",
                path=path,
            )
        found |= {target.id.lower(): target.id for target in targets}
    found |= {name.lower(): name for name in referred}
    return [
        id_ for key, id_ in found.items() if key in enabled and key != one.id.lower()
    ] + ([one.id] if one.id.lower() in found else [])


def _targets(name: str, known: Known) -> list[Planned]:
    """Find a resource by id, type and name, bare name, symbol or copy loop."""
    return known.looped(name) or known.named(name)


def sort(planned: Sequence[tuple[Planned, list[str]]]) -> list[Planned]:
    """Return resources after what they depend on, otherwise in their own order.

    Who depends on a resource that is only read waits for what that one waits for.

    Raises:
        TemplateError: Some wait for each other; with the whole circle.
    """
    waiting = {one.id.lower(): (one, deps) for one, deps in planned}
    done: set[str] = set()
    through: dict[str, list[str]] = {}
    ordered: list[Planned] = []
    while waiting:
        ready = [
            key
            for key, (_, deps) in waiting.items()
            if all(dep.lower() in done for dep in deps)
        ]
        if not ready:
            raise _circular({key: deps for key, (_, deps) in waiting.items()}, waiting)
        for key in ready:
            one, named = waiting.pop(key)
            deps = [d for name in named for d in (name, *through.get(name.lower(), ()))]
            if one.existing:
                through[key] = deps
            ordered.append(replace(one, depends_on=tuple(dict.fromkeys(deps))))
        done.update(ready)
    return ordered


def _circular(
    edges: dict[str, list[str]], waiting: dict[str, tuple[Planned, list[str]]]
) -> TemplateError:
    walk = [next(iter(edges))]
    while True:
        following = next(dep.lower() for dep in edges[walk[-1]] if dep.lower() in edges)
        if following in walk:
            circle = [*walk[walk.index(following) :], following]
            break
        walk.append(following)
    names = [f"{waiting[key][0].type}/{waiting[key][0].name}" for key in circle]
    first = waiting[circle[0]][0]
    return TemplateError(
        "Deployment template validation failed: 'Circular dependency detected on "
        f"resource: '{first.id}' ({' -> '.join(names)}). Please see "
        "https://aka.ms/arm-syntax-resources for usage details.'.",
        path=f"{first.path}.dependsOn",
    )
