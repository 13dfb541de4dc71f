"""May there be machines of these sizes, so many, from this image? Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from release.preflight.findings import Finding, Severity
from release.preflight.plan import Plan
from release.preflight.seen import Bootable, Size, Usage

BUILDER = "builder"
INSTANCES = "instances"
SURGE = "surge"
SETTING = {BUILDER: "builder_size", INSTANCES: "instance_size"}
CORES = "cores"
MADE = Bootable(name="the definition to be made", generation="V2", state="Generalized")
"""As gallery.json makes it."""
STANDARD = "Standard"
OPTIONAL = "Supported"
"""Ends the security types that a definition allows beside Standard ones (source:
"Trusted Launch for Azure virtual machines")."""


def offered(plan: Plan, sizes: Mapping[str, Size] | None) -> Iterator[Finding]:
    """See that the region has the sizes, and this subscription may have them."""
    if sizes is None:
        return
    for name, roles in _roles(plan).items():
        size = sizes.get(name.lower())
        where = f"{name} of {' and '.join(roles)} in {plan.env.location}"
        settings = " and ".join(SETTING[role] for role in roles)
        fix = (
            f"set {settings} or location in release.toml; to see what there is: "
            f"az vm list-skus --location {plan.env.location} --resource-type "
            "virtualMachines"
        )
        if size is None:
            yield Finding(
                what="size",
                where=where,
                limit="a size of the region",
                actual="the region does not have it",
                fix=fix,
            )
        elif size.restricted:
            yield Finding(
                what="size",
                where=where,
                limit="unrestricted",
                actual=f"restricted: {size.restricted}",
                fix=fix,
            )
        elif INSTANCES in roles and set(plan.zones) - size.zones:
            lacking = sorted(set(plan.zones) - size.zones)
            yield Finding(
                what="size",
                where=where,
                limit=f"zones {', '.join(plan.zones)}",
                actual=f"not to be had in zone {', '.join(lacking)}",
                fix=f"{fix} --zone",
            )


def quotas(
    plan: Plan, sizes: Mapping[str, Size] | None, usages: Mapping[str, Usage] | None
) -> Iterator[Finding]:
    """See that the cores of the builder and of new instances may be had."""
    if sizes is None or usages is None:
        return
    needs: dict[str, Counter[str]] = {}
    for name, role, count in (
        (plan.builder_size, BUILDER, 1),
        (plan.env.instance_size, INSTANCES, plan.new_instances),
        (plan.env.instance_size, SURGE, plan.surge),
    ):
        size = sizes.get(name.lower())
        if size is not None and count:
            for quota in (CORES, size.family.lower()):
                needs.setdefault(quota, Counter())[role] += count * size.cores
    for quota, need in needs.items():
        usage = usages.get(quota)
        wanted = sum(need.values())
        if usage is not None and usage.used + wanted > usage.limit:
            whom = ", ".join(f"{role} {cores}" for role, cores in need.items())
            yield Finding(
                what="core quota",
                where=f"{usage.text} in {plan.env.location}",
                limit=str(usage.limit),
                actual=f"{usage.used} used, {wanted} more needed ({whom})",
                fix="ask for more quota (portal: Quotas), remove machines that are "
                "not needed, or choose a smaller size in release.toml",
                severity=severity(plan, usage.limit - usage.used - wanted, need[SURGE]),
            )


def severity(plan: Plan, left: int, for_surge: int) -> Severity:
    """Return what a shortage does: an upgrade may go on in place without its surge.

    Args:
        plan: Says whether it may.
        left: What would be left of a quota, below 0.
        for_surge: How much of the need is the surge's.
    """
    only_surge = left + for_surge >= 0
    return Severity.WARNS if only_surge and not plan.surges_or_stops else Severity.STOPS


def fits(
    plan: Plan,
    sizes: Mapping[str, Size] | None,
    definition: Bootable | None,
    base: Bootable | None,
) -> Iterator[Finding]:
    """See that sizes, base image, definition and scale set go together.

    Where the image comes from another environment, the definition is that one's.
    """
    target = definition or (MADE if plan.bakes else None)
    if target is not None:
        yield from _definition(plan, target)
    if base is not None and not base.generation:
        yield Finding(
            what="base image",
            where=f"{base.name} in {plan.env.location}",
            limit="an image of the marketplace",
            actual="there is none of that name",
            fix="mend [base] of the recipe: az vm image list --all --publisher NAME",
        )
    elif base is not None and target is not None:
        yield from _pair(target, base, "mend [base] of the recipe")
    for role, name, image in (
        (BUILDER, plan.builder_size, base),
        (INSTANCES, plan.env.instance_size, target),
    ):
        size = (sizes or {}).get(name.lower())
        if size is not None and image is not None and image.generation:
            yield from _boots(size, role, image)


def _definition(plan: Plan, target: Bootable) -> Iterator[Finding]:
    other = (
        "name another image_definition in release.toml, which the bake makes"
        if plan.source is None
        else f"name another image_definition for {plan.source.environment}, where the "
        "image comes from, and release there"
    )
    other += "; what a definition says of itself cannot be changed"
    for what, actual, limit in (
        ("state", target.state, "Generalized"),
        ("operating system", target.system, "Linux"),
    ):
        if actual != limit:
            yield Finding(
                what=what, where=target.name, limit=limit, actual=actual, fix=other
            )
    wanted, model = target.security or STANDARD, plan.security_type
    if not _may_be(model, wanted):
        yield Finding(
            what="security type",
            where=target.name,
            limit=wanted,
            actual=f"the scale set's instances are {model}",
            fix=f"{other}, or set securityProfile in the template",
        )


def _may_be(model: str, wanted: str) -> bool:
    """Tell whether instances of a security type may be made of a definition."""
    kinds = wanted.removesuffix(OPTIONAL)
    if kinds == wanted:
        return model == wanted
    return model == STANDARD or model.lower() in kinds.lower()


def _pair(target: Bootable, base: Bootable, fix: str) -> Iterator[Finding]:
    for what, limit, actual in (
        ("generation", target.generation, base.generation),
        ("architecture", target.architecture, base.architecture),
    ):
        if limit != actual:
            yield Finding(
                what=what,
                where=target.name,
                limit=limit,
                actual=f"{base.name} is {actual}",
                fix=f"{fix}, or name another image_definition in release.toml",
            )


def _boots(size: Size, role: str, image: Bootable) -> Iterator[Finding]:
    fix = f"set {SETTING[role]} in release.toml to a size that boots the image"
    where = f"{size.name} of {role}"
    if image.generation not in size.generations:
        yield Finding(
            what="generation",
            where=where,
            limit=", ".join(size.generations),
            actual=f"{image.name} is {image.generation}",
            fix=fix,
        )
    if image.architecture != size.architecture:
        yield Finding(
            what="architecture",
            where=where,
            limit=size.architecture,
            actual=f"{image.name} is {image.architecture}",
            fix=fix,
        )
    if image.security == "TrustedLaunch" and not size.trusted_launch:
        yield Finding(
            what="security type",
            where=where,
            limit=STANDARD,
            actual=f"{image.name} is {image.security}",
            fix=fix,
        )


def _roles(plan: Plan) -> dict[str, list[str]]:
    """Return what each size is for."""
    roles: dict[str, list[str]] = {}
    if plan.builder_size:
        roles.setdefault(plan.builder_size, []).append(BUILDER)
    roles.setdefault(plan.env.instance_size, []).append(INSTANCES)
    return roles
